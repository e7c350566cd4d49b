from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from cardiolens.evaluation.calibration import FEWEST_EVENTS, fit_calibration


def _drawn(*, slope: float, intercept: float, subjects: int = 40_000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 2, subjects)
    return scores, rng.random(subjects) < expit(slope * scores + intercept)


def test_the_map_that_made_the_labels_is_found_again():
    fitted = fit_calibration(*_drawn(slope=0.7, intercept=-2.0))
    assert fitted.slope == pytest.approx(0.7, abs=0.04)
    assert fitted.intercept == pytest.approx(-2.0, abs=0.08)


def test_scores_on_another_scale_give_the_same_probabilities():
    scores, positive = _drawn(slope=0.7, intercept=-2.0, subjects=2000)
    one, other = fit_calibration(scores, positive), fit_calibration(1000 * scores + 7, positive)
    assert other.slope * 1000 == pytest.approx(one.slope, rel=1e-3)


@pytest.mark.parametrize("events", [0, 3])
def test_with_few_events_only_the_level_is_fitted(events):
    scores = np.random.default_rng(1).normal(size=200)
    positive = np.arange(200) < events
    fitted = fit_calibration(scores, positive)
    assert events < FEWEST_EVENTS
    assert (fitted.slope, fitted.fitted) == (1.0, "intercept")
    assert expit(scores + fitted.intercept).mean() == pytest.approx((events + 0.5) / 201)


def test_a_score_that_ranks_the_wrong_way_round_is_not_turned():
    scores, positive = _drawn(slope=-1.0, intercept=0.0, subjects=500)
    assert fit_calibration(scores, positive).slope == 1.0


def test_with_very_many_cases_the_shape_is_free_and_rising():
    rng = np.random.default_rng(3)
    scores = rng.normal(0, 2, 30_000)
    truth = np.where(scores < 0, 0.1, 0.6)  # a step, which no line on log odds can follow
    fitted = fit_calibration(scores, rng.random(30_000) < truth)
    assert fitted.fitted == "isotonic"
    risk = fitted.probability(np.array([-3.0, -1.0, 1.0, 3.0]))
    assert risk == pytest.approx([0.1, 0.1, 0.6, 0.6], abs=0.04)
    assert (np.diff(fitted.probability(np.linspace(-9, 9, 1000))) >= 0).all()
    assert len(fitted.knots) <= 200


def test_the_error_of_the_map_is_that_of_a_bootstrap():
    scores, positive = _drawn(slope=0.7, intercept=-2.0, subjects=600)
    fitted, rng = fit_calibration(scores, positive), np.random.default_rng(4)
    again = []
    for _ in range(400):
        rows = rng.integers(600, size=600)
        one = fit_calibration(scores[rows], positive[rows])
        again.append((one.slope, one.intercept))
    expected = np.cov(np.array(again).T)
    of_slope, shared, of_intercept = fitted.variance
    assert of_slope == pytest.approx(expected[0, 0], rel=0.3)
    assert of_intercept == pytest.approx(expected[1, 1], rel=0.3)
    assert shared == pytest.approx(expected[0, 1], rel=0.4)


# With seven cases or so the half added to either class keeps the map from both ends, and the interval covers more often.
@pytest.mark.parametrize(("subjects", "intercept", "most"), [(400, -1.0, 0.975), (400, -4.5, 0.995)])
def test_the_interval_of_a_risk_covers_the_true_one_as_often_as_it_says(subjects, intercept, most):
    repetitions, covered, asked = 600, np.zeros(3), np.array([-2.0, 0.0, 2.0])
    truth = expit(1.0 * asked + intercept)
    for repetition in range(repetitions):
        rng = np.random.default_rng(repetition)
        scores = rng.normal(0, 1.0, subjects)
        fitted = fit_calibration(scores, rng.random(subjects) < expit(scores + intercept))
        low, high = fitted.interval(asked)
        covered += (low <= truth) & (truth <= high)
    assert (covered / repetitions > 0.92).all()
    assert (covered / repetitions < most).all()


def test_seeds_that_disagree_widen_it():
    fitted, score = fit_calibration(*_drawn(slope=0.7, intercept=-2.0, subjects=600)), np.array([0.5])
    narrow, wide = fitted.interval(score), replace(fitted, seed_sd=1.0).interval(score)
    assert wide[0] < narrow[0] < fitted.probability(score) < narrow[1] < wide[1]
