"""Predictions as arrays: what each method says about the same subjects and columns, one layer per seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from cardiolens.errors import BadRun


@dataclass(frozen=True)
class Answers:
    """What one method says. Subjects and columns are numbered alike for all methods; NaN where it says nothing."""

    method: str
    seeds: tuple[int, ...]
    subjects: tuple[str, ...]
    columns: tuple[str, ...]
    score: Float[np.ndarray, "seed subject column"]
    target: Float[np.ndarray, "subject column"]

    def answering(self, column: int) -> Bool[np.ndarray, " seed"]:
        """Which seeds answer about a column."""
        return ~np.isnan(self.score[:, :, column]).all(axis=1)

    def of(self, column: str) -> tuple[Float[np.ndarray, "seed subject"], Float[np.ndarray, " subject"]]:
        """Scores of the seeds that answer about a column, NaN where one does not, and the column's targets."""
        k = self.columns.index(column)
        return self.score[self.answering(k), :, k], self.target[:, k]

    def answering_seeds(self, column: str) -> tuple[int, ...]:
        """The seeds that answer about a column, in the order of `of`."""
        answering = self.answering(self.columns.index(column))
        return tuple(seed for seed, answers in zip(self.seeds, answering, strict=True) if answers)

    def answers(self, column: str) -> bool:
        """Whether any seed says anything about a column."""
        return column in self.columns and bool(self.answering(self.columns.index(column)).any())


def dense_answers(checked: pd.DataFrame, *, split: str, chosen: Bool[np.ndarray, " row"] | None = None) -> dict[str, Answers]:
    """The answers of every method on one split of a checked table (`predictions.check_predictions`), by method.

    `chosen` restricts it to some rows. Nothing but the answers is copied: a study's table fills a gigabyte.

    Raises:
        BadRun: two seeds of a method speak of different subjects or give them different targets; two tasks of one method
            predict the same column.
    """
    here = (checked["split"] == split).to_numpy()
    rows = np.flatnonzero(here if chosen is None else here & chosen)
    subject, subjects = _numbered(checked["subject"], rows)
    column, columns = _numbered(checked["column"], rows)
    method, methods = _numbered(checked["method"], rows)
    found = {}
    for number, name in enumerate(methods):
        mine = np.flatnonzero(method == number)
        of_method = rows[mine]
        seed, seeds = pd.factorize(checked["seed"].to_numpy()[of_method])
        score = np.full((len(seeds), len(subjects), len(columns)), np.nan)
        target = np.full((len(subjects), len(columns)), np.nan)
        at = (subject[mine], column[mine])
        given = checked["target"].to_numpy()[of_method]
        score[seed, *at], target[at] = checked["score"].to_numpy()[of_method], given
        answers = Answers(name, tuple(map(int, seeds)), subjects, columns, score, target)
        for k, about in enumerate(columns):
            if np.isnan(score[answers.answering(k), :, k])[:, ~np.isnan(target[:, k])].any():
                raise unequal(f"seeds of '{name}' that speak of different subjects for '{about}'")
        if not np.array_equal(target[at], given, equal_nan=True):
            raise unequal(f"seeds of '{name}' with different targets for one subject")
        if np.count_nonzero(~np.isnan(score)) < len(given):
            raise unequal(f"two tasks of '{name}' that predict the same column")
        found[name] = answers
    return found


def _numbered(names: pd.Series, rows: Int[np.ndarray, " chosen"]) -> tuple[Int[np.ndarray, " chosen"], tuple[str, ...]]:
    """The names of some rows as numbers in the order in which they first appear, and the names."""
    codes = names.cat.codes.to_numpy()[rows]
    present = pd.unique(codes)
    place = np.zeros(len(names.cat.categories), np.int32)
    place[present] = np.arange(len(present), dtype=np.int32)
    return place[codes], tuple(map(str, names.cat.categories[present]))


def unequal(found: str) -> BadRun:
    """Methods or seeds that cannot be compared subject by subject."""
    return BadRun(
        "predictions",
        found=found,
        expected="every method and seed on the same subjects, once",
        remedy="predict the same split of the same cohort with all of them",
    )
