"""Predictions as arrays: what each method says about the same subjects and columns, one layer per seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

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

    def answers(self, column: str) -> bool:
        """Whether any seed says anything about a column."""
        return column in self.columns and bool(self.answering(self.columns.index(column)).any())


def dense_answers(checked: pd.DataFrame, *, split: str) -> dict[str, Answers]:
    """The answers of every method on one split of a checked table (`predictions.check_predictions`), by method.

    Raises:
        BadRun: two seeds of a method speak of different subjects or give them different targets; two tasks of one method
            predict the same column.
    """
    table = checked[(checked["split"] == split).to_numpy()]
    subject, subjects = pd.factorize(table["subject"])
    column, columns = pd.factorize(table["column"])
    found = {}
    for method in table["method"].unique():
        of_method = (table["method"] == method).to_numpy()
        seed, seeds = pd.factorize(table["seed"].to_numpy()[of_method])
        score = np.full((len(seeds), len(subjects), len(columns)), np.nan)
        target = np.full((len(subjects), len(columns)), np.nan)
        here = (subject[of_method], column[of_method])
        given = table["target"].to_numpy()[of_method]
        score[seed, *here], target[here] = table["score"].to_numpy()[of_method], given
        answers = Answers(str(method), tuple(map(int, seeds)), tuple(subjects), tuple(columns), score, target)
        for k, name in enumerate(columns):
            if np.isnan(score[answers.answering(k), :, k])[:, ~np.isnan(target[:, k])].any():
                raise unequal(f"seeds of '{method}' that speak of different subjects for '{name}'")
        if not np.array_equal(target[here], given, equal_nan=True):
            raise unequal(f"seeds of '{method}' with different targets for one subject")
        if np.count_nonzero(~np.isnan(score)) < len(given):
            raise unequal(f"two tasks of '{method}' that predict the same column")
        found[answers.method] = answers
    return found


def unequal(found: str) -> BadRun:
    """Methods or seeds that cannot be compared subject by subject."""
    return BadRun(
        "predictions",
        found=found,
        expected="every method and seed on the same subjects, once",
        remedy="predict the same split of the same cohort with all of them",
    )
