"""Which subjects a run trains on and is selected by, and the scale of what it predicts."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from cardiolens.cohorts.splits import balanced_rows
from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.training_sets import EVERYBODY, equal_classes, members
from cardiolens.errors import BadOption
from cardiolens.methods.method import MethodConfig
from cardiolens.methods.supervised import SupervisedConfig
from cardiolens.training.config import DataConfig


def training_rows(cohort: Cohort, method: MethodConfig, chosen: DataConfig) -> Int[np.ndarray, " row"]:
    """Rows of the training split that the method can learn from, cut to a share and balanced where asked.

    Who is in a balanced set or a share was drawn and stored with the cohort; a `balance_seed` other than 0 draws others.

    Raises:
        BadOption: nobody is left, or a balanced set lacks one of the classes.
    """
    rows = usable_rows(cohort, method, "train")
    if chosen.balanced:
        order = _balanced(cohort, method.columns[0], rows, seed=chosen.balance_seed)
    elif chosen.share < 1:
        order = _everybody(cohort, rows, seed=chosen.balance_seed)
    else:
        return rows
    return np.sort(order[: max(1, round(chosen.share * len(order)))])


def usable_rows(cohort: Cohort, method: MethodConfig, split: str) -> Int[np.ndarray, " row"]:
    """Rows of a split that have what the method needs: an MRI, or one known label among its columns.

    Raises:
        BadOption: there is none, or the method reads the voltage that cleaning divided by and of some row nobody noted it.
    """
    rows = cohort.rows(split)
    needs_mri = method.needs_images or method.needs_volumes or method.needs_cine
    if needs_mri:
        rows = rows[cohort.subjects["has_cmr"].to_numpy(bool)[rows]]
    if method.columns:
        rows = rows[np.isfinite(cohort.values(method.columns)[rows]).any(axis=1)]
    if not len(rows):
        needs = ("an MRI" if needs_mri else "") or f"a known label of {', '.join(method.columns)}"
        raise BadOption(
            cohort.path,
            found=f"nobody with {needs} in the split {split}",
            expected="at least one subject",
            remedy="use a cohort that has them",
        )
    if isinstance(method, SupervisedConfig) and method.scale_input:
        _require_scales(cohort, rows, split)
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


def _require_scales(cohort: Cohort, rows: Int[np.ndarray, " row"], split: str) -> None:
    unknown = int(np.isnan(cohort.ecg_scale[rows]).any(axis=1).sum())
    if unknown:
        raise BadOption(
            cohort.path,
            found=f"no voltage scale noted for {unknown} of {len(rows)} ECGs in the split {split}",
            expected="the scale of every ECG, which a method with scale_input reads",
            remedy="set scale_input to False, or prepare the cohort from recordings in millivolts",
        )


def _balanced(cohort: Cohort, column: str, rows: Int[np.ndarray, " row"], *, seed: int) -> Int[np.ndarray, " member"]:
    labels = cohort.values([column])[:, 0]
    if seed or column not in cohort.training_sets:
        drawn = balanced_rows(rows, labels[rows], seed=seed)
        return np.random.default_rng(seed).permutation(drawn)
    order = members(cohort.training_sets[column].to_numpy())
    return equal_classes(order, labels[order], usable=np.isin(order, rows))


def _everybody(cohort: Cohort, rows: Int[np.ndarray, " row"], *, seed: int) -> Int[np.ndarray, " member"]:
    """Whole subjects one after the other."""
    if not seed:
        order = members(cohort.training_sets[EVERYBODY].to_numpy())
        return order[np.isin(order, rows)]
    subject_of_row = cohort.subjects["subject"].to_numpy(str)[rows]
    subjects, place = np.unique(subject_of_row, return_inverse=True)
    rank = np.random.default_rng(seed).permutation(len(subjects))
    return rows[np.argsort(rank[place], kind="stable")]
