"""Whether risks mean what they say, and whether acting on them would do good."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cardiolens.evaluation.decision_curves import decision_curve_figure, decision_curves
from cardiolens.evaluation.delong import FEWEST_FOR_INTERVAL
from cardiolens.evaluation.disclosure import FEWEST, cases_of, without_telling
from cardiolens.evaluation.labels import METRIC_LABELS, column_label, interval_in_words
from cardiolens.evaluation.reliability import reliability_figure, reliability_groups
from cardiolens.evaluation.rendering import Block, Cell, Table, header_of, numbers_only
from cardiolens.evaluation.risk_metrics import risk_metrics
from cardiolens.evaluation.risks import Risks
from cardiolens.evaluation.sections.evidence import Evidence
from cardiolens.evaluation.sections.section import Figure, Folded, Part, Section, Text

_MEANING = ("calibration_slope", "calibration_intercept", "observed_to_expected", "ece", "brier", "brier_skill")
_NEAR = 2.0
"""Risks whose upper end is less than so many times their lower are called near one another."""
_FOUND = ("sensitivity", "specificity", "ppv", "npv")


def calibration(evidence: Evidence) -> Section | None:
    """Calibration, decision curves and thresholds; a sentence that says why where they cannot be had."""
    if not evidence.risks:
        if not (evidence.metrics["metric"] == "auroc").any():
            return None
        words = (
            "Not shown: the predictions hold nothing about the subjects of the split “calibrate”, on which scores would be "
            "turned into risks. Scores as they come from balanced training are no probabilities."
        )
        return Section("calibration", "Calibration", "Can the risks be taken at their word?", (Text(words),))
    numbers = without_telling(risk_metrics(evidence.risks, rng=evidence.rng("risk metrics")))
    groups = reliability_groups(evidence.risks_compared)
    curves = decision_curves(evidence.risks_compared, rng=evidence.rng("decision curves"))
    methods = evidence.compared
    compared = numbers[numbers["method"].isin(methods)]
    parts: list[Part] = [
        Text(
            "Scores were turned into probabilities on the split “calibrate”, which chose nothing else. Numbers are means over "
            "seeds; ± is their spread, brackets hold the 95 % interval of other subjects (10,000 bootstrap samples of "
            "participants; for slope and intercept the estimate's own variance; for what a threshold finds Wilson's). With "
            f"fewer than {FEWEST_FOR_INTERVAL} cases there is none but Wilson's."
        ),
        *(Text(words) for one in evidence.risks_compared if (words := words_of_no_discrimination(one))),
        calibration_table(compared),
    ]
    if not groups.empty:
        caption = (
            "Groups of equal size by predicted risk: the share of them that has the disease, with 95 % intervals. On the "
            "line, a risk of 10 % means one in ten."
        )
        parts.append(Figure("reliability", caption, reliability_figure(groups, methods=methods)))
    if not curves.empty:
        caption = (
            "Decision curves: what acting on the risk would bring, counted in true positives, for every threshold from which "
            "one would act. A model is of use where its line is above both “treat all” and “treat none”. "
            f"Shaded: 95 % interval of {methods[0]}."
        )
        parts.append(Figure("decision_curves", caption, decision_curve_figure(curves, methods=methods)))
    parts.append(_threshold_table(compared))
    others = [calibration_table(numbers).renamed("calibration_all", "Calibration of every method")]
    if numbers["method"].nunique() > len(methods):
        others.append(_threshold_table(numbers).renamed("thresholds_all", "What the threshold finds, every method"))
        parts.append(Folded("Every method", tuple(others)))
    points = (
        numbers_only(groups, name="reliability", title="Reliability by group"),
        numbers_only(curves, name="decision_curves", title="Decision curves by threshold"),
    )
    parts.append(Folded("The points of both figures", points))
    return Section("calibration", "Calibration", "Can the risks be taken at their word?", tuple(parts))


def words_of_no_discrimination(risks: Risks) -> str:
    """That a method does not tell who has a disease, or that there are too few to say so; empty where it does."""
    label, first = column_label(risks.column).name, risks.maps[0]
    disease = label if label[:2].isupper() else label[:1].lower() + label[1:]
    cases = f"{first.events}" if first.events >= FEWEST else f"fewer than {FEWEST}"
    counted = f"{cases} cases among the {first.subjects:,} subjects of “calibrate”"
    if any(one.tells_apart is None for one in risks.maps):
        return (
            f"{risks.method}, {disease}: {counted} are too few to say whether the score tells who has it. Only the mean risk "
            "was fitted; how far single risks lie apart is as the training left it."
        )
    silent = sum(not one.tells_apart for one in risks.maps)
    if not silent:
        return ""
    seeds = f" in {silent} of {len(risks.maps)} seeds" if len(risks.maps) > 1 else ""
    low, high = np.quantile(risks.mean, (0.05, 0.95))
    near = ": its risks are near the prevalence for everybody" if high < _NEAR * low else ""
    return (
        f"{risks.method} does not tell who has {disease}{near}. By the {counted} the slope from its score to the risk "
        f"cannot be told from 0, or is below{seeds}. Nine in ten risks lie between {100 * low:.1f} and {100 * high:.1f} %, the "
        f"prevalence is {100 * first.prevalence:.1f} %; they are nobody's own risk."
    )


def calibration_table(numbers: pd.DataFrame) -> Table:
    """What `risk_metrics` says about calibration, without what tells of a few (`without_telling`)."""
    return _table(
        numbers,
        _MEANING,
        name="calibration",
        title="Calibration",
        note="Perfect: slope 1, intercept 0, observed / expected 1. Slope below 1: risks too extreme. ECE is above zero even "
        "for perfect risks; the number after “chance” says how far, and stands in the place of an interval. Brier skill is the "
        "share of the Brier score that is better than telling everybody the prevalence.",
    )


def _threshold_table(numbers: pd.DataFrame) -> Table:
    return _table(
        numbers,
        _FOUND,
        name="thresholds",
        title="What a threshold finds and misses",
        note="The threshold has the highest sensitivity plus specificity (Youden) on the split “select”, one for each seed. "
        "Where it is of use to act is for the decision curve to say.",
    )


def _table(numbers: pd.DataFrame, metrics: tuple[str, ...], *, name: str, title: str, note: str) -> Table:
    extra = ("ece_by_chance", "threshold")
    chosen = numbers[numbers["metric"].isin((*metrics, *extra))]
    blocks = []
    for column, of_column in chosen.groupby("column", sort=False):
        rows = []
        for method, part in of_column.groupby("method", sort=False):
            values = part.set_index("metric")
            cells = [_cell(values.loc[metric], values) for metric in metrics]
            first = values.iloc[0]
            threshold = f"from a risk of {100 * values.loc['threshold', 'mean']:.1f} %" if metrics is _FOUND else ""
            rows.append((Cell(str(method), threshold), *cells, Cell(cases_of(first["events"], first["n"]))))
        blocks.append(Block(column_label(str(column)).name, tuple(rows)))
    header = header_of("Method", *(METRIC_LABELS[metric] for metric in metrics), "Cases of n")
    return Table(name, title, header, tuple(blocks), chosen, note)


def _cell(row: pd.Series, values: pd.DataFrame) -> Cell:
    if pd.isna(row["mean"]):
        return Cell("–")
    decimals = 4 if row.name == "brier" else 3 if row.name == "ece" else 2
    text = f"{row['mean']:.{decimals}f}" + (f" ± {row['sd']:.{decimals}f}" if pd.notna(row["sd"]) else "")
    # That there are too few cases is said once in a row, not seven times.
    detail = interval_in_words(row, decimals) if pd.notna(row["low"]) or row.name == _MEANING[0] else ""
    if row.name == "ece":
        detail += f" chance {values.loc['ece_by_chance', 'mean']:.3f}"
    return Cell(text.replace("-", "−"), detail.strip())
