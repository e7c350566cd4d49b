"""How columns and metrics are called in tables and figures."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from cardiolens.evaluation.delong import FEWEST_FOR_INTERVAL
from cardiolens.imaging.phenotype_table import PHENOTYPES
from cardiolens.tasks import TASKS, TaskKind

METRIC_LABELS = {
    "auroc": "AUC",
    "auprc": "AUPRC",
    "prevalence": "Prevalence",
    "r": "r",
    "r2": "R²",
    "mae": "MAE",
    "mean_r": "mean r",
    "mean_r2": "mean R²",
    "brier": "Brier score",
    "brier_skill": "Brier skill",
    "calibration_slope": "Calibration slope",
    "calibration_intercept": "Calibration intercept",
    "observed_to_expected": "Observed / expected",
    "ece": "Calibration error (ECE)",
    "ece_by_chance": "ECE of perfect risks",
    "threshold": "Threshold",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "Positive predictive value",
    "npv": "Negative predictive value",
    "coverage_80": "Coverage of 80 % intervals",
    "coverage_95": "Coverage of 95 % intervals",
}


@dataclass(frozen=True)
class ColumnLabel:
    """`short` for a table's head, `name` in words, `unit` (empty for a class), `group` of a phenotype (else empty)."""

    short: str
    name: str
    unit: str = ""
    group: str = ""


def column_label(column: str) -> ColumnLabel:
    """The label of a column or a group of phenotypes; a column that nobody declared keeps its own name."""
    return _KNOWN.get(column, ColumnLabel(column, column))


def split_in_words(split: str) -> str:
    """Who belongs to a split."""
    return {"all": "everybody of the cohort that was asked about", "test": "test subjects"}.get(split, f"subjects of “{split}”")


def counted(count: int, noun: str) -> str:
    """A count with its noun, plural unless it is 1: 1 case, 2 cases."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def interval_in_words(row: pd.Series, decimals: int, *, sign: str = "") -> str:
    """The limits `low` and `high` of a row in brackets, or that its `n` or `events` are too few for any; else nothing."""
    if pd.notna(row["low"]) and pd.notna(row["high"]):
        low, high = (f"{row[name]:{sign}.{decimals}f}".replace("-", "−") for name in ("low", "high"))
        return f"({low} to {high})"
    n, events = row["n"], row.get("events", pd.NA)
    counted = n if pd.isna(events) else min(events, n - events)
    return "(too few for an interval)" if pd.notna(counted) and counted < FEWEST_FOR_INTERVAL else ""


def _known_labels() -> dict[str, ColumnLabel]:
    diseases = [task for task in TASKS.values() if task.kind is TaskKind.CLASSIFICATION]
    return {
        **{task.columns[0]: ColumnLabel(task.label, task.names[0]) for task in diseases if len(task.columns) == 1},
        **{p.column: ColumnLabel(p.name.replace("_", " "), p.name.replace("_", " "), p.unit, p.group) for p in PHENOTYPES},
        "LV": ColumnLabel("LV", "Left ventricle"),
        "RV": ColumnLabel("RV", "Right ventricle"),
        "WT": ColumnLabel("WT", "Wall thickness"),
        "Ecc": ColumnLabel("Ecc", "Circumferential strain"),
        "Err": ColumnLabel("Err", "Radial strain"),
        "phenotypes": ColumnLabel("All 61", "All 61 phenotypes"),
    }


_KNOWN = _known_labels()
