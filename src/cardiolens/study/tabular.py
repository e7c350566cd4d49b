"""The tabular baseline's sweep and seeds on one cohort: validation chooses, the test subjects are asked once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.training_sets import members
from cardiolens.errors import BadOption
from cardiolens.evaluation.delong import delong
from cardiolens.evaluation.tabular import GRID, TabularConfig, tabular_predictions, tabular_scores
from cardiolens.study.choice import best_of, combinations
from cardiolens.training.predict import first_visits


def tabular_runs(
    cohort: Cohort, asked: Sequence[tuple[Cohort, str]], columns: Sequence[str], seeds: Sequence[int]
) -> pd.DataFrame:
    """Predictions of every column and seed about some splits of cohorts, from the same balanced training sets as other methods.

    Raises:
        BadOption: a column has no balanced training set, or validation has one class alone.
        BadCohort: a covariate is absent.
    """
    return pd.concat([_column(cohort, asked, column, seeds) for column in columns], ignore_index=True)


def _column(cohort: Cohort, asked: Sequence[tuple[Cohort, str]], column: str, seeds: Sequence[int]) -> pd.DataFrame:
    if column not in cohort.training_sets:
        raise BadOption(
            cohort.path,
            found=f"no balanced training set of {column}",
            expected="cases and others to train on",
            remedy="leave it out",
        )
    labels = cohort.values([column])[:, 0]
    train = members(cohort.training_sets[column].to_numpy())
    select = cohort.rows("select")
    select = select[np.isfinite(labels[select])]
    positive = labels[select] == 1
    if not positive.any() or positive.all():
        raise BadOption(
            cohort.path, found=f"{column} of one class in validation", expected="both", remedy="use a larger cohort"
        )
    tried = [
        tabular_scores(cohort.subjects, labels, train, cohort.subjects.iloc[select], TabularConfig(**chosen, seed=seeds[0]))
        for chosen in combinations(GRID)
    ]
    chosen = best_of(GRID, delong(np.stack(tried), positive).area.tolist())
    tables = []
    for whose, split in asked:
        people = whose.subjects.iloc[first_visits(whose, split)]
        for seed in seeds:
            config = TabularConfig(**chosen, seed=seed)
            scores = tabular_scores(cohort.subjects, labels, train, people, config)
            tables.append(tabular_predictions(people, column, column, split, scores, seed=seed))
    return pd.concat(tables, ignore_index=True)
