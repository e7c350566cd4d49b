import numpy as np
import pytest
from scipy.special import expit

from cardiolens.evaluation.calibration import FEWEST_EVENTS, platt_map


def _drawn(*, slope: float, intercept: float, subjects: int = 40_000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 2, subjects)
    return scores, rng.random(subjects) < expit(slope * scores + intercept)


def test_the_map_that_made_the_labels_is_found_again():
    fitted = platt_map(*_drawn(slope=0.7, intercept=-2.0))
    assert fitted.slope == pytest.approx(0.7, abs=0.04)
    assert fitted.intercept == pytest.approx(-2.0, abs=0.08)


def test_scores_on_another_scale_give_the_same_probabilities():
    scores, positive = _drawn(slope=0.7, intercept=-2.0, subjects=2000)
    one, other = platt_map(scores, positive), platt_map(1000 * scores + 7, positive)
    assert other.slope * 1000 == pytest.approx(one.slope, rel=1e-3)


@pytest.mark.parametrize("events", [0, 3])
def test_with_few_events_only_the_level_is_fitted(events):
    scores = np.random.default_rng(1).normal(size=200)
    positive = np.arange(200) < events
    fitted = platt_map(scores, positive)
    assert events < FEWEST_EVENTS
    assert (fitted.slope, fitted.fitted) == (1.0, "intercept")
    assert expit(scores + fitted.intercept).mean() == pytest.approx((events + 0.5) / 201)


def test_a_score_that_ranks_the_wrong_way_round_is_not_turned():
    scores, positive = _drawn(slope=-1.0, intercept=0.0, subjects=500)
    assert platt_map(scores, positive).slope == 1.0
