import numpy as np
import pytest
from scipy.stats import binom

from cardiolens.evaluation.conformal import conformal_band


def drawn(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Predictions, and truths that scatter about them the more the larger they are; systematically too high on top."""
    value = rng.uniform(50, 250, n)
    return value, value - 5 + rng.normal(0, 0.12 * value)


def _band(rng, n: int = 200):
    return conformal_band(*drawn(rng, n), *drawn(rng, n))


@pytest.mark.parametrize(("level", "n"), [(0.80, 60), (0.95, 60), (0.80, 300), (0.95, 300)])
def test_a_new_subject_is_covered_as_often_as_promised(level, n):
    repetitions, covered = 3000, 0
    rng = np.random.default_rng(1)
    for _ in range(repetitions):
        value, truth = drawn(rng, 1)
        low, high = _band(rng, n).interval(value, level)
        covered += bool(low[0] <= truth[0] <= high[0])
    # Never less than the level, and at most 1 / (n + 1) more.
    assert binom.ppf(0.001, repetitions, level) <= covered <= binom.ppf(0.999, repetitions, level + 1 / (n + 1))


def test_large_hearts_are_covered_as_well_as_small_ones_and_an_even_width_would_not_do():
    rng = np.random.default_rng(2)
    band, (value, truth) = _band(rng, 2000), drawn(rng, 40_000)
    low, high = band.interval(value, 0.95)
    inside = (low <= truth) & (truth <= high)
    small, large = value < 70, value > 230
    assert abs(inside[small].mean() - 0.95) < 0.03
    assert abs(inside[large].mean() - 0.95) < 0.03
    even = np.quantile(np.abs(truth - value), 0.95)
    assert (np.abs(truth - value) <= even)[large].mean() < 0.91


def few_with_one_far_off(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Predictions of little spread, of which one is high and wrong: a line through it is steep."""
    value = rng.normal(5, 0.4, n)
    truth = value + rng.normal(0, 1, n)
    far = rng.random(n) < 0.05
    return np.where(far, value + 2, value), np.where(far, truth - 4, truth)


def test_no_interval_is_much_wider_or_narrower_than_the_others():
    rng = np.random.default_rng(8)
    for _ in range(200):
        band = conformal_band(*few_with_one_far_off(rng, 25), *few_with_one_far_off(rng, 80))
        value = few_with_one_far_off(rng, 400)[0]
        low, high = band.interval(np.concatenate([value, [-100.0, 100.0]]), 0.80)
        relative = (high - low) / np.median((high - low)[:-2])
        assert relative.min() > 0.3
        assert relative.max() < 3


def test_a_line_through_few_subjects_covers_as_often_as_promised():
    rng = np.random.default_rng(9)
    repetitions, covered = 2000, 0
    for _ in range(repetitions):
        band = conformal_band(*few_with_one_far_off(rng, 25), *few_with_one_far_off(rng, 60))
        value, truth = few_with_one_far_off(rng, 1)
        low, high = band.interval(value, 0.80)
        covered += bool(low[0] <= truth[0] <= high[0])
    assert binom.ppf(0.001, repetitions, 0.80) <= covered <= binom.ppf(0.999, repetitions, 0.80 + 1 / 61)


def test_the_reach_is_the_rank_written_out():
    rng = np.random.default_rng(3)
    select, (value, truth) = drawn(rng, 100), drawn(rng, 41)
    band = conformal_band(*select, value, truth)
    distances = sorted(abs(t - v) / float(band.expected_residual(np.array([v]))[0]) for v, t in zip(value, truth, strict=True))
    # ceil(42 * 0.8) = 34 and ceil(42 * 0.95) = 40, counted from one.
    assert (band.reach_80, band.reach_95) == (pytest.approx(distances[33]), pytest.approx(distances[39]))


def test_too_few_subjects_promise_nothing():
    rng = np.random.default_rng(4)
    band = conformal_band(*drawn(rng, 50), *drawn(rng, 18))
    assert band.reach_95 is None
    assert band.reach_80 is not None
    assert np.isinf(band.interval(np.array([100.0]), 0.95)[1]).all()


def test_unknown_targets_count_nowhere():
    rng = np.random.default_rng(5)
    select, calibrate = drawn(rng, 80), drawn(rng, 80)
    unknown = np.array([100.0, 120.0]), np.array([np.nan, np.nan])
    longer = [np.concatenate(pair) for pair in zip((*select, *calibrate), (*unknown, *unknown), strict=True)]
    assert conformal_band(*longer) == conformal_band(*select, *calibrate)


def test_equal_predictions_get_one_width():
    rng = np.random.default_rng(6)
    same = np.full(100, 60.0)
    band = conformal_band(same, same + rng.normal(0, 5, 100), same, same + rng.normal(0, 5, 100))
    low, high = band.interval(np.array([10.0, 60.0, 110.0]), 0.80)
    assert np.ptp(high - low) == pytest.approx(0)
    assert 8 < (high - low)[0] < 18
