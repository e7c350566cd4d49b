"""Balanced training sets and their small subsets, drawn once for a cohort and stored with it.

Every set is one order of training rows: a row's rank in it, -1 where it is not in the set. A subset is the first so many, so
the 1 % subset lies within the 10 % subset and that within the whole, and a comparison of methods always sees the same people.
Who comes first follows from a keyed hash of the subject: people who join later move nobody out of their order.

Source: Turgut et al. IV.B, "all positives and a fixed random set of negatives", 10 % and 1 % of it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from cardiolens.privacy import keyed_hash

EVERYBODY = "everybody"
"""The set of all training rows, for methods without a label to balance by."""
SHARES = {"50%": 0.5, "10%": 0.1, "1%": 0.01}
COUNTS = (256, 64, 16)
"""Sizes of the subsets of a set so small that 1 % of it would be fewer than the last of these."""
_NOT_LABELS = frozenset({"subject", "visit", "split", "has_cmr"})
_RANK_TYPE = np.int32


def draw_training_sets(subjects: pd.DataFrame, key: bytes, given: Mapping[str, Int[np.ndarray, " row"]]) -> pd.DataFrame:
    """Ranks of every row in every set: `everybody`, and a balanced one for each column of zeros and ones.

    `given` holds ranks that were drawn elsewhere, by label; they stand. A label of which one class is missing from the
    training split has no set.
    """
    train = (subjects["split"] == "train").to_numpy()
    sets = {EVERYBODY: _ranks(np.flatnonzero(train)[_order(subjects[train], key, EVERYBODY)], len(subjects))}
    for label in binary_columns(subjects):
        if label in given:
            continue
        order = _balanced_order(subjects, train, subjects[label].to_numpy(np.float64), key, label)
        if len(order):
            sets[label] = _ranks(order, len(subjects))
    sets |= {label: np.asarray(ranks, dtype=_RANK_TYPE) for label, ranks in given.items()}
    return pd.DataFrame(sets)


def binary_columns(subjects: pd.DataFrame) -> list[str]:
    """The columns that hold zeros and ones, beside unknown entries, and both of them."""
    numeric = subjects.select_dtypes("number").drop(columns=list(_NOT_LABELS), errors="ignore")
    return [name for name in numeric if set(numeric[name].dropna().unique()) == {0.0, 1.0}]


def subset_sizes(size: int) -> dict[str, int]:
    """The named subsets of a set of `size` rows: half, 10 % and 1 %, or 256, 64 and 16 where 1 % would be fewer than 16."""
    if round(SHARES["1%"] * size) >= COUNTS[-1]:
        return {name: round(share * size) for name, share in SHARES.items()}
    return {"50%": max(1, round(0.5 * size))} | {str(count): count for count in COUNTS if count < size}


def members(ranks: Int[np.ndarray, " row"]) -> Int[np.ndarray, " member"]:
    """The rows of a set in its order."""
    inside = np.flatnonzero(ranks >= 0)
    return inside[np.argsort(ranks[inside], kind="stable")]


def without_rows(sets: pd.DataFrame, kept: Bool[np.ndarray, " row"]) -> pd.DataFrame:
    """The sets of the rows that are left, in unchanged order and without gaps."""
    left = sets[kept].reset_index(drop=True)
    return pd.DataFrame({name: _ranks(members(left[name].to_numpy()), len(left)) for name in left})


def equal_classes(
    order: Int[np.ndarray, " member"], labels: Float[np.ndarray, " member"], *, usable: Bool[np.ndarray, " member"]
) -> Int[np.ndarray, " kept"]:
    """Of a balanced set the usable members, as many of each class, in its order."""
    order, labels = order[usable], labels[usable]
    most = min(int((labels == 1).sum()), int((labels == 0).sum()))
    place = np.where(labels == 1, np.cumsum(labels == 1), np.cumsum(labels == 0))
    return order[place <= most]


def _balanced_order(
    subjects: pd.DataFrame, train: Bool[np.ndarray, " row"], labels: Float[np.ndarray, " row"], key: bytes, label: str
) -> Int[np.ndarray, " member"]:
    """Positives and negatives by turns, all of the rarer class."""
    classes = []
    for value in (1.0, 0.0):
        rows = np.flatnonzero(train & (labels == value))
        classes.append(rows[_order(subjects.iloc[rows], key, label)])
    size = min(map(len, classes))
    return np.stack([rows[:size] for rows in classes], axis=1).reshape(-1)


def _order(subjects: pd.DataFrame, key: bytes, use: str) -> Int[np.ndarray, " row"]:
    hashes = [keyed_hash(f"{use} {subject}", key=key, length=16) for subject in subjects["subject"]]
    return np.lexsort((subjects["visit"].to_numpy(), np.asarray(hashes, dtype=str)))


def _ranks(order: Int[np.ndarray, " member"], num_rows: int) -> Int[np.ndarray, " row"]:
    ranks = np.full(num_rows, -1, dtype=_RANK_TYPE)
    ranks[order] = np.arange(len(order), dtype=_RANK_TYPE)
    return ranks
