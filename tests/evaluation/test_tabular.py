import numpy as np
import pandas as pd
import pytest

from cardiolens.errors import BadCohort
from cardiolens.evaluation.tabular import TabularConfig, features, tabular_scores


def _people(number):
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age_years": random.uniform(45, 80, number), "sex": random.choice(["F", "M"], number),
            "weight_kg": random.normal(75, 12, number), "height_cm": random.normal(170, 9, number),
        }
    )  # fmt: skip


def test_features_are_numbers_with_men_as_one_and_nan_where_unknown():
    people = _people(3).assign(sex=["F", "M", None])
    found = features(people)
    assert list(found[:2, 1]) == [0, 1]
    assert np.isnan(found[2, 1])


def test_a_missing_covariate_is_said():
    with pytest.raises(BadCohort, match="no column weight_kg"):
        features(_people(3).drop(columns="weight_kg"))


def test_scores_rank_by_what_was_learned_and_missing_values_are_no_obstacle():
    people = _people(400)
    labels = (people["age_years"] > 62).to_numpy(float)
    asked = _people(400).assign(weight_kg=np.nan)
    scores = tabular_scores(people, labels, np.arange(300), asked, TabularConfig(rounds=20))
    older, younger = (asked["age_years"] > 64).to_numpy(), (asked["age_years"] < 60).to_numpy()
    assert scores[older].min() > scores[younger].max()


def test_the_same_seed_gives_the_same_scores():
    people = _people(200)
    labels = (people["weight_kg"] > 75).to_numpy(float)
    one, two = (tabular_scores(people, labels, np.arange(200), people, TabularConfig(subsample=0.5, seed=7)) for _ in range(2))
    assert (one == two).all()
