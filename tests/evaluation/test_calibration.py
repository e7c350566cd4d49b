from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binom

from cardiolens.evaluation.calibration import FEWEST_EVENTS, fit_calibration
from cardiolens.evaluation.logistic import likelihood_ratio


def _drawn(*, slope: float, intercept: float, subjects: int = 40_000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 2, subjects)
    return scores, rng.random(subjects) < expit(slope * scores + intercept)


def test_the_map_that_made_the_labels_is_found_again():
    fitted = fit_calibration(*_drawn(slope=0.7, intercept=-2.0))
    assert fitted.slope == pytest.approx(0.7, abs=0.04)
    assert fitted.intercept == pytest.approx(-2.0, abs=0.08)


def test_many_events_say_themselves_how_steep_scores_are():
    scores, positive = _drawn(slope=0.7, intercept=-2.0, subjects=2000)
    one, moved, other = (fit_calibration(shown, positive) for shown in (scores, scores + 7, 20 * scores + 7))
    assert moved.slope == pytest.approx(one.slope, rel=1e-3)
    # On another scale they are no log odds, which the prior takes them for.
    assert other.slope * 20 == pytest.approx(one.slope, rel=0.01)


def test_a_dozen_events_do_not_make_a_risk_the_same_for_everybody():
    slopes = []
    for repetition in range(200):
        rng = np.random.default_rng(repetition)
        scores = rng.normal(-3.6, 0.8, 450)
        slopes.append(fit_calibration(scores, rng.random(450) < expit(scores)))
    slopes, of_slope = [one.slope for one in slopes], np.mean([one.variance[0] for one in slopes])
    assert np.mean(slopes) == pytest.approx(1.0, abs=0.1)
    assert min(slopes) > 0.3
    assert np.sqrt(of_slope) == pytest.approx(0.32, abs=0.05)


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
    fitted = fit_calibration(scores, positive)
    assert fitted.fitted == "prevalence"
    assert fitted.probability(scores) == pytest.approx(positive.mean(), abs=0.002)
    assert (np.diff(fitted.probability(np.sort(scores))) >= 0).all()
    low, high = fitted.interval(scores)
    assert (low < positive.mean()).all()
    assert (high > positive.mean()).all()


@pytest.mark.parametrize("middle", [0.0, 6.0])
def test_where_everybody_is_told_the_prevalence_its_interval_is_that_of_a_share(middle):
    scores, positive = _drawn(slope=-1.0, intercept=0.0, subjects=500)
    low, high = fit_calibration(scores + middle, positive).interval(scores + middle)
    error = np.sqrt(positive.mean() * (1 - positive.mean()) / 500)
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.02)


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


def test_a_score_that_says_nothing_is_known_not_to_tell_who_is_ill_in_95_of_100():
    told, upside_down = 0, 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        fitted = fit_calibration(rng.normal(0, 3, 300), np.arange(300) < 12)
        told += fitted.tells_apart
        upside_down += fitted.found_slope < 0
    # Two-sided at 5 %: half of the false ones have a slope below 0, which tells nobody apart.
    assert told <= binom.ppf(0.999, 400, 0.035)
    assert 150 < upside_down < 250


@pytest.mark.parametrize(
    ("slope", "events", "expected"), [(1.0, 30, True), (0.0, 30, False), (-1.0, 30, False), (1.0, FEWEST_EVENTS - 1, None)]
)
def test_whether_it_tells_who_is_ill_is_said_with_the_map(slope, events, expected):
    positive = np.arange(300) < events
    fitted = fit_calibration(np.random.default_rng(5).normal(0, 1, 300) + 2 * slope * positive, positive)
    assert fitted.tells_apart is expected
    assert np.isnan(fitted.slope_p) == (expected is None)


def test_a_score_that_separates_the_classes_tells_them_apart_and_an_equal_one_does_not():
    positive = np.arange(200) < 20
    assert fit_calibration(positive * 4.0 + np.linspace(0, 1, 200), positive).tells_apart
    assert fit_calibration(np.ones(200), positive).tells_apart is False


def test_its_p_is_that_of_the_likelihood_ratio():
    scores, positive = _drawn(slope=0.05, intercept=-1.0, subjects=500)
    fitted = fit_calibration(scores, positive)
    expected = likelihood_ratio(np.ones((500, 1)), scores[:, None], positive)
    assert fitted.slope_p == pytest.approx(expected.p_value, rel=1e-3)
