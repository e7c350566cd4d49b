"""One ECG's answer as a part of the report: its risks beside the prevalence, its phenotypes beside the cohort's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cardiolens.evaluation import figures, pictures
from cardiolens.evaluation.content import OneAnswer
from cardiolens.evaluation.ecg_paper import ecg_paper
from cardiolens.evaluation.labels import column_label
from cardiolens.evaluation.rendering import Block, Cell, Table, header_of
from cardiolens.imaging.phenotype_table import PHENOTYPE_GROUPS, PHENOTYPES

_SAID = ("column", "name", "group", "value", "unit")
_LIMITS = ("low_80", "high_80", "low_95", "high_95")
_SEGMENTAL = ("WT", "Ecc", "Err")


@dataclass(frozen=True)
class RiskRow:
    """A risk in words, and the lengths of its bar and of the prevalence's mark in percent of the row's width."""

    label: str
    probability: str
    context: str
    bar_percent: float
    mark_percent: float


def risk_rows(answer: Mapping[str, Any]) -> list[RiskRow]:
    """The answer's risks, on one scale that ends a little beyond the largest number shown."""
    risks = answer["risks"]
    end = 1.15 * max([0.01, *(max(risk["probability"], risk["prevalence"]) for risk in risks)])
    return [
        RiskRow(
            label=risk["label"] if risk["label"] != risk["name"] else column_label(risk["name"]).name,
            probability=f"{100 * risk['probability']:.1f} %",
            context=_context(risk),
            bar_percent=round(100 * risk["probability"] / end, 2),
            mark_percent=round(100 * risk["prevalence"] / end, 2),
        )
        for risk in risks
    ]


def answer_table(one: OneAnswer, cohort: pd.DataFrame) -> Table:
    """The answer's phenotypes by group with units, beside the cohort's mean and standard deviation (`cohort_moments`)."""
    rows = [_numbers(phenotype, one.measured, cohort) for phenotype in one.answer["phenotypes"]]
    numbers = pd.DataFrame(rows, columns=[*_SAID, *_LIMITS, "cohort_mean", "cohort_sd", "measured"])
    blocks = []
    for group in (*PHENOTYPE_GROUPS, *sorted(set(numbers["group"]) - set(PHENOTYPE_GROUPS))):
        part = numbers[numbers["group"] == group]
        if not part.empty:
            heading = f"{column_label(group).name} ({group})"
            blocks.append(Block(heading, tuple(_cells(row) for _, row in part.iterrows())))
    return Table(
        name="prediction",
        title="Phenotypes predicted from this ECG",
        header=header_of("Phenotype", "Predicted", "Cohort, mean ± SD", "Measured on MRI"),
        blocks=tuple(blocks),
        numbers=numbers,
    )


def answer_figures(one: OneAnswer, cohort: pd.DataFrame) -> Iterator[tuple[str, str, bytes]]:
    """Name, caption and PNG of the ECG on paper, the profile of phenotypes and, where all segments are there, bull's eyes."""
    yield (
        "ecg",
        "The ECG as it was read, in millivolts: 25 mm/s, 10 mm/mV.",
        ecg_paper(one.signal_mv, rate_hz=one.rate_hz),
    )
    values = {phenotype["column"]: float(phenotype["value"]) for phenotype in one.answer["phenotypes"]}
    if not cohort.index.intersection(list(values)).empty:
        yield (
            "profile",
            "Predicted phenotypes of this ECG as distances from the cohort's mean. Numbers are AHA segments.",
            figures.phenotype_profile(values, cohort, reference=one.measured),
        )
    groups = {group: [p for p in PHENOTYPES if p.group == group] for group in _SEGMENTAL}
    if all(p.column in values for members in groups.values() for p in members):
        yield (
            "segments",
            "Predicted wall thickness and strain by AHA segment: base outside, apex inside, global value in the centre.",
            pictures.bulls_eyes(
                [np.array([values[p.column] for p in members]) for members in groups.values()],
                titles=[column_label(group).name for group in groups],
                units=[members[0].unit for members in groups.values()],
            ),
        )


def _context(risk: Mapping[str, Any]) -> str:
    low, high = risk.get("low"), risk.get("high")
    interval = "" if low is None else f"95 % interval of the estimate {100 * low:.1f} to {100 * high:.1f} %; "
    if risk["prevalence"] <= 0:
        return f"{interval}prevalence unknown"
    times = risk["probability"] / risk["prevalence"]
    return f"{interval}{times:.1f} times the prevalence of {100 * risk['prevalence']:.1f} % where the model was calibrated"


def _numbers(phenotype: Mapping[str, Any], measured: Mapping[str, float], cohort: pd.DataFrame) -> dict[str, Any]:
    column = phenotype["column"]
    moments = cohort.loc[column] if column in cohort.index else {"mean": np.nan, "sd": np.nan}
    found = {"cohort_mean": moments["mean"], "cohort_sd": moments["sd"], "measured": measured.get(column, np.nan)}
    return {key: phenotype[key] for key in _SAID} | {key: phenotype.get(key) for key in _LIMITS} | found


def _cells(row: pd.Series) -> tuple[Cell, ...]:
    label = column_label(row["column"])
    cohort = f"{row['cohort_mean']:.1f} ± {row['cohort_sd']:.1f}" if pd.notna(row["cohort_mean"]) else "–"
    measured = f"{row['measured']:.1f}" if pd.notna(row["measured"]) else "–"
    interval = f"80 %: {row['low_80']:.1f} to {row['high_80']:.1f}" if pd.notna(row["low_80"]) else ""
    return Cell(label.name), Cell(f"{row['value']:.1f} {row['unit']}", interval), Cell(cohort), Cell(measured)
