"""The tabular baseline: gradient-boosted trees on age, sex, weight and height, which is what a model of the ECG has to beat.

Source: Turgut et al., Table I: XGBoost, 50 to 150 rounds, depth 3 to 8, learning rate 0.1 to 0.3, subsampling 0.5 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from cardiolens.errors import BadCohort

FEATURES = ("age_years", "sex", "weight_kg", "height_cm")
GRID = {
    "rounds": (50, 100, 150),
    "depth": (3, 5, 8),
    "learning_rate": (0.1, 0.2, 0.3),
    "subsample": (0.5, 0.75, 1.0),
}
"""The paper's ranges, at three points each."""
METHOD, RUN = "Tabular", "tabular"


@dataclass(frozen=True)
class TabularConfig:
    """Settings of one fit."""

    rounds: int = 100
    """Trees."""
    depth: int = 3
    """Most questions from root to leaf."""
    learning_rate: float = 0.1
    """Weight of each tree."""
    subsample: float = 1.0
    """Share of subjects that each tree sees."""
    seed: int = 0
    """Which."""


def tabular_scores(
    subjects: pd.DataFrame,
    labels: Float[np.ndarray, " row"],
    train: Int[np.ndarray, " train"],
    asked: pd.DataFrame,
    config: TabularConfig,
) -> Float[np.ndarray, " asked"]:
    """Log odds of the label for every row of `asked`, learned from the rows `train` of `subjects`.

    Missing features are missing to the trees too; labels of `train` are 0 or 1.

    Raises:
        BadCohort: a feature is absent from a table.
    """
    import xgboost

    trees = xgboost.XGBClassifier(
        n_estimators=config.rounds, max_depth=config.depth, learning_rate=config.learning_rate, subsample=config.subsample,
        random_state=config.seed, n_jobs=1, tree_method="hist", objective="binary:logistic",
    )  # fmt: skip
    trees.fit(features(subjects)[train], labels[train])
    return trees.predict(features(asked), output_margin=True).astype(np.float64)


def features(subjects: pd.DataFrame) -> Float[np.ndarray, "row feature"]:
    """Age in years, sex (1 for men), weight in kg, height in cm; NaN where unknown.

    Raises:
        BadCohort: a column is absent.
    """
    if missing := [name for name in FEATURES if name not in subjects]:
        raise BadCohort(
            "subjects",
            found=f"no column {missing[0]}",
            expected=", ".join(FEATURES),
            remedy="prepare the cohort with its covariates",
        )
    table = subjects[list(FEATURES)].copy()
    table["sex"] = table["sex"].map({"F": 0.0, "M": 1.0})
    return table.to_numpy(np.float64, na_value=np.nan)


def tabular_predictions(
    asked: pd.DataFrame, column: str, task: str, split: str, scores: Float[np.ndarray, " asked"], *, seed: int
) -> pd.DataFrame:
    """Scores as Predictions."""
    names = {"run": RUN, "method": METHOD, "seed": seed, "task": task, "column": column, "split": split}
    numbers = {
        "subject": asked["subject"].to_numpy(str),
        "target": asked[column].to_numpy(np.float64, na_value=np.nan),
        "score": scores,
    }
    return pd.DataFrame(names | numbers)
