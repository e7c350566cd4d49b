"""Which subjects a run trains on and is selected by, and the scale of what it predicts."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from cardiolens.cohorts.splits import balanced_rows
from cardiolens.cohorts.store import Cohort
from cardiolens.errors import BadOption
from cardiolens.methods.method import MethodConfig
from cardiolens.training.config import DataConfig


def training_rows(cohort: Cohort, method: MethodConfig, chosen: DataConfig) -> Int[np.ndarray, " row"]:
    """Rows of the training split that the method can learn from, cut to a share and balanced where asked.

    Raises:
        BadOption: nobody is left, or a balanced set lacks one of the classes.
    """
    rows = _share(cohort, usable_rows(cohort, method, "train"), chosen)
    if chosen.balanced:
        rows = balanced_rows(rows, cohort.values(method.columns)[rows, 0], seed=chosen.balance_seed)
    return rows


def usable_rows(cohort: Cohort, method: MethodConfig, split: str) -> Int[np.ndarray, " row"]:
    """Rows of a split that have what the method needs: an MRI, or one known label among its columns.

    Raises:
        BadOption: there is none.
    """
    rows = cohort.rows(split)
    if method.needs_images:
        rows = rows[cohort.subjects["has_cmr"].to_numpy(bool)[rows]]
    if method.columns:
        rows = rows[np.isfinite(cohort.values(method.columns)[rows]).any(axis=1)]
    if not len(rows):
        needs = ("an MRI" if method.needs_images else "") or f"a known label of {', '.join(method.columns)}"
        raise BadOption(
            cohort.path,
            found=f"nobody with {needs} in the split {split}",
            expected="at least one subject",
            remedy="use a cohort that has them",
        )
    return rows


def target_scale(
    cohort: Cohort, method: MethodConfig, rows: Int[np.ndarray, " row"]
) -> tuple[Float[np.ndarray, " output"], Float[np.ndarray, " output"]]:
    """Mean and standard deviation of every label column over the known values of the rows that are trained on.

    NaN where a column has none.
    """
    values = cohort.values(method.columns)[rows]
    known = np.isfinite(values)
    count = np.where(known.any(axis=0), known.sum(axis=0), np.nan)
    mean = np.where(known, values, 0.0).sum(axis=0) / count
    variance = np.where(known, (values - mean) ** 2, 0.0).sum(axis=0) / count
    return mean, np.sqrt(variance)


def _share(cohort: Cohort, rows: Int[np.ndarray, " row"], chosen: DataConfig) -> Int[np.ndarray, " kept"]:
    if chosen.share == 1:
        return rows
    # Whole subjects, in one order per seed: a smaller share is part of a larger one.
    subject_of_row = cohort.subjects["subject"].to_numpy(str)[rows]
    subjects = np.random.default_rng(chosen.balance_seed).permutation(np.unique(subject_of_row))
    return rows[np.isin(subject_of_row, subjects[: max(1, round(chosen.share * len(subjects)))])]
