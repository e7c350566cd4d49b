"""What a task is: the label columns it predicts, their names and units, and the number that says how well.

The number is the paper's: area under the ROC curve for a disease, Pearson's r averaged over columns for phenotypes.
Unlike the published code, entries without a known target never enter it.
"""

from __future__ import annotations

from dataclasses import InitVar, dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Bool, Float


class TaskKind(StrEnum):
    """How a column is predicted."""

    CLASSIFICATION = "classification"
    """Yes or no, stored as 1 or 0."""
    REGRESSION = "regression"
    """A value in a unit."""


@dataclass(frozen=True)
class Task:
    """Some label columns of a cohort that are predicted together."""

    name: str
    """What a user types."""
    kind: TaskKind
    columns: tuple[str, ...]
    """Label columns of the cohort, in the order of scores and targets."""
    names: tuple[str, ...]
    """One name per column for tables and answers."""
    units: tuple[str, ...]
    """One unit per column; empty for a disease."""
    label: str
    """The task's name in the paper's tables."""
    icd10: InitVar[tuple[str, ...]] = ()
    """Which codes make a case: how they begin, without dot; empty where it is no disease of records."""

    # How labels were made is no setting of training: as an InitVar the codes stay out of stored configurations and digests.
    def __post_init__(self, icd10: tuple[str, ...]) -> None:
        assert len(self.columns) == len(self.names) == len(self.units) > 0, self.name
        object.__setattr__(self, "icd10", icd10)

    @property
    def metric_name(self) -> str:
        """`auc` or `mean_r`: the key of `metric` in logs and tables. Higher is better for both."""
        return "auc" if self.kind is TaskKind.CLASSIFICATION else "mean_r"

    def metric(
        self,
        scores: Float[np.ndarray, "subject output"],
        target: Float[np.ndarray, "subject output"],
        known: Bool[np.ndarray, "subject output"],
    ) -> float:
        """Mean of `column_metrics` over the columns in which the targets allow one; NaN where none does.

        Which columns count follows from targets alone, so two models are always compared on the same ones. A NaN or
        infinite score of a known entry makes the result NaN.
        """
        per_column = self.column_metrics(scores, target, known)
        allowed = _varies(target, known)
        return float(per_column[allowed].mean()) if allowed.any() else float("nan")

    def column_metrics(
        self,
        scores: Float[np.ndarray, "subject output"],
        target: Float[np.ndarray, "subject output"],
        known: Bool[np.ndarray, "subject output"],
    ) -> Float[np.ndarray, " output"]:
        """AUC (0..1, higher score means 1) or Pearson's r (-1..1) of every column over its known entries.

        NaN where the known targets are all alike or a known score is not finite. Scores that are all alike give 0.5
        (AUC) or 0 (r).
        """
        measure = _area_under_roc if self.kind is TaskKind.CLASSIFICATION else _pearson_r
        usable = _varies(target, known) & (np.isfinite(scores) | ~known).all(axis=0)
        # Whatever stands at unknown entries, NaN included, must not reach the arithmetic.
        return np.where(usable, measure(np.where(known & usable, scores, 0.0), np.where(known, target, 0.0), known), np.nan)


def _varies(
    target: Float[np.ndarray, "subject output"], known: Bool[np.ndarray, "subject output"]
) -> Bool[np.ndarray, " output"]:
    highest = np.where(known, target, -np.inf).max(axis=0, initial=-np.inf)
    return highest > np.where(known, target, np.inf).min(axis=0, initial=np.inf)


def _area_under_roc(
    scores: Float[np.ndarray, "subject output"],
    target: Float[np.ndarray, "subject output"],
    known: Bool[np.ndarray, "subject output"],
) -> Float[np.ndarray, " output"]:
    from scipy.stats import rankdata

    # Unknown entries rank above all finite scores and so leave the ranks of the known ones alone.
    ranks = rankdata(np.where(known, scores, np.inf), axis=0)
    positive = known & (target == 1)
    num_positive = positive.sum(axis=0)
    num_pairs = num_positive * (known.sum(axis=0) - num_positive)
    wins = np.where(positive, ranks, 0.0).sum(axis=0) - num_positive * (num_positive + 1) / 2
    return wins / np.maximum(num_pairs, 1)


def _pearson_r(
    scores: Float[np.ndarray, "subject output"],
    target: Float[np.ndarray, "subject output"],
    known: Bool[np.ndarray, "subject output"],
) -> Float[np.ndarray, " output"]:
    x, y = _unit_deviation(scores, known), _unit_deviation(target, known)
    return (x * y).sum(axis=0)


def _unit_deviation(
    values: Float[np.ndarray, "subject output"], known: Bool[np.ndarray, "subject output"]
) -> Float[np.ndarray, "subject output"]:
    values = values.astype(np.float64)
    mean = values.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    deviation = np.where(known, values - mean, 0.0)
    length = np.sqrt((deviation**2).sum(axis=0))
    # Equal values keep a deviation of rounding errors, whose direction means nothing.
    alike = length <= 1e-12 * np.abs(values).max(axis=0, initial=0.0) * np.sqrt(len(values))
    return np.where(alike, 0.0, deviation / np.where(alike, 1.0, length))
