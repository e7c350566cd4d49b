"""The answer for one ECG."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from cardiolens.evaluation.answers import answer_figures, answer_table, risk_rows
from cardiolens.evaluation.figures import cohort_moments
from cardiolens.evaluation.sections.evidence import Evidence
from cardiolens.evaluation.sections.section import Figure, Folded, Part, Section, Text

_RISK = Markup(
    '<div class="risk"><span>{label}</span><b>{probability}</b>'
    '<div class="track"><div class="bar" style="width: {bar}%"></div><div class="mark" style="left: {mark}%"></div></div>'
    '<span class="context">{context}</span></div>'
)


def prediction(evidence: Evidence) -> Section | None:
    """The ECG, its risks as bars and its phenotypes; nothing where no ECG was asked about."""
    one = evidence.content.prediction
    if one is None:
        return None
    cohort = cohort_moments(evidence.predictions)
    drawn = {name: Figure(name, caption, png) for name, caption, png in answer_figures(one, cohort)}
    answer = one.answer
    bars = Markup("").join(
        _RISK.format(
            label=risk.label, probability=risk.probability, bar=risk.bar_percent, mark=risk.mark_percent, context=risk.context
        )
        for risk in risk_rows(answer)
    )
    parts: list[Part] = [
        Text(" · ".join([answer["source"], *answer["notes"], _applies(answer)]).removesuffix(" · ")),
        drawn.pop("ecg"),
        Markup("<h3>Risks</h3>") + bars,
        Text(
            "Bar: this ECG. Upright mark: the prevalence, which is the risk of somebody about whom nothing is known. The "
            "interval says how well this risk is known: the error of the map from score to risk, by its own variance, and the "
            "spread of seeds where there are several. It is no bootstrap, and says nothing of other hospitals.",
            note=True,
        ),
        Markup("<h3>Phenotypes</h3>"),
        *drawn.values(),
        Folded(f"All {len(answer['phenotypes'])} phenotypes with units", (answer_table(one, cohort),)),
        Text(f"{answer['model']}. {answer['notice']}", note=True),
    ]
    return Section("prediction", "One ECG", "The answer for one ECG", tuple(parts))


def _applies(answer: Mapping[str, Any]) -> str:
    """Whether the model should have been asked, in words; nothing where it does not know."""
    if answer.get("applicable") is None:
        return ""
    far = f"{answer['applicability']:.2f} of the distance that 99 of 100 held-out ECGs keep"
    return f"like the ECGs the model learned from ({far})" if answer["applicable"] else f"CAUTION: a guess, {far}"
