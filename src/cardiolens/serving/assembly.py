"""From a model's scores to an answer: calibrated risks and values in their units, with intervals and reference ranges."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from cardiolens.bundles.config import SYNTHETIC, BundleConfig, HeadCard
from cardiolens.bundles.reference import Reference, reference_range
from cardiolens.evaluation.applicability import IN_WORDS
from cardiolens.imaging.phenotype_table import PHENOTYPES
from cardiolens.serving.answers import Answer, PhenotypeValue, Risk
from cardiolens.serving.intake import ReadyEcg
from cardiolens.tasks import TASKS, TaskKind
from cardiolens.types import Recording

_GROUPS = {phenotype.column: phenotype.group for phenotype in PHENOTYPES}
# Recorders name the day of an earlier ECG: no name, but nothing that an answer should carry to other places.
_DAY_OR_TIME = re.compile(
    r"\b(?:\d{1,4}([-./])\d{1,2}\1\d{2,4}|\d{1,2}[-. ]?[A-Za-z]{3,9}[-. ,]{0,2}(?:19|20)\d\d"
    r"|[A-Za-z]{3,9} \d{1,2},? (?:19|20)\d\d|\d{1,2}:\d\d(?::\d\d)?)\b"
)
_Limits = dict[float, tuple[np.ndarray, np.ndarray]]


def assemble(
    config: BundleConfig, item: ReadyEcg, scores: Float[np.ndarray, " output"], distances: Mapping[str, float], notice: str
) -> Answer:
    """The answer for one ECG: `scores` in the order of the heads, `distances` in units of their thresholds by what they are of,
    empty where the model does not know."""
    risks, phenotypes, start = [], [], 0
    for card in config.heads:
        own = scores[None, start : start + len(card.columns)].astype(np.float64)
        start += len(card.columns)
        values, limits = card.answers(own)[0], card.limits(own)
        if card.kind is TaskKind.CLASSIFICATION:
            risks += _risks(card, values, limits)
        else:
            phenotypes += _phenotypes(card, values, limits, item.recording)
    compared = any(one.reference_low is not None for one in phenotypes)
    return Answer(
        source=item.recording.source,
        risks=tuple(risks),
        phenotypes=tuple(phenotypes),
        notes=item.recording.notes,
        model=config.name,
        notice=notice,
        quality=str(item.quality.verdict),
        quality_notes=item.quality.notes,
        applicability=max(distances.values(), default=None),
        unlike_in=tuple(IN_WORDS[name] for name, of in distances.items() if of > 1),
        reference_for=_in_words(item.recording, config) if compared else "",
        reference_missing="" if compared or not phenotypes else _why_not_compared(item.recording, config),
        learned_from=config.subjects,
        recorder_statements=tuple(_DAY_OR_TIME.sub("…", said) for said in item.recording.statements),
    )


def _risks(card: HeadCard, probabilities: np.ndarray, limits: _Limits) -> list[Risk]:
    low, high = limits[0.95]
    return [
        Risk(
            column, TASKS[column].names[0] if column in TASKS else name, float(probability), prevalence,
            _known(low[0, k]), _known(high[0, k]),
        )
        for k, (column, name, probability, prevalence) in enumerate(
            zip(card.columns, card.names, probabilities, card.prevalence, strict=True)
        )
    ]  # fmt: skip


def _phenotypes(card: HeadCard, values: np.ndarray, limits: _Limits, of: Recording) -> list[PhenotypeValue]:
    reach = [side[0] for level in (0.80, 0.95) for side in limits[level]]
    references = card.references or (None,) * len(card.columns)
    rows = zip(card.columns, card.names, card.units, values, references, strict=True)
    return [
        PhenotypeValue(
            column, name, _GROUPS.get(column, ""), float(value), unit, *(_known(side[k]) for side in reach),
            *_compared(float(value), reference, of),
        )
        for k, (column, name, unit, value, reference) in enumerate(rows)
    ]  # fmt: skip


def _compared(value: float, reference: Reference | None, of: Recording) -> tuple[float | None, float | None, float | None]:
    """Limits of the reference range and the z-score."""
    found = reference and reference.at(sex=of.sex, age_years=of.age_years)
    if not found:
        return None, None, None
    mean, sd = found
    return *reference_range(mean, sd), (value - mean) / sd


def _in_words(of: Recording, config: BundleConfig) -> str:
    reference = next(one for card in config.heads for one in card.references)
    made = "synthetic " if config.subjects == SYNTHETIC else ""
    known = {"F": reference.female, "M": reference.male}[of.sex]
    seen = known.age_low <= of.age_years <= known.age_high
    beyond = "" if seen else f" (extrapolated: those measured were {known.age_low:.0f} to {known.age_high:.0f})"
    return f"healthy {made}{'women' if of.sex == 'F' else 'men'} aged {of.age_years:.0f}{beyond}"


def _why_not_compared(of: Recording, config: BundleConfig) -> str:
    reference = next((one for card in config.heads for one in card.references), None)
    if reference is None:
        return "this model has none"
    unknown = [name for name, known in (("sex", of.sex), ("age", of.age_years)) if known is None]
    if unknown:
        return f"{' and '.join(unknown)} {'is' if len(unknown) == 1 else 'are'} not known"
    of_sex = {"F": reference.female, "M": reference.male}.get(of.sex)
    if of_sex is None:
        return "sex is not known"
    known = f"about {of_sex.age_low:.0f} to {of_sex.age_high:.0f}"
    return f"the age is {of.age_years:g}, and the model knows healthy {config.subjects} of {known} years"


def _known(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
