import numpy as np
import pytest
from scipy.stats import t

from cardiolens.evaluation.concordance import concordance, concordance_difference
from cardiolens.evaluation.delong import auroc


def _pair_by_pair(score: np.ndarray, days: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tables over ordered pairs: what the pair gives to C, and whether it counts; i falls ill before j."""
    won, counts = np.zeros((2, len(score), len(score)))
    for i in range(len(score)):
        for j in range(len(score)):
            if event[i] and (days[i] < days[j] or (days[i] == days[j] and not event[j])):
                counts[i, j] = 1
                won[i, j] = 1.0 if score[i] > score[j] else 0.5 if score[i] == score[j] else 0.0
    return won, counts


def _people(rng: np.random.Generator, num: int, *, slope: float, events: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, days and events; hazard grows with the score, and `events` is about the share of those who fall ill."""
    score = rng.normal(size=num)
    falls_ill, censored = rng.exponential(np.exp(-slope * score)), rng.uniform(0.2, 1.8, size=num) * events
    return score, np.minimum(falls_ill, censored), falls_ill <= censored


@pytest.mark.parametrize("seed", range(8))
def test_c_and_its_variance_are_those_of_all_pairs(seed):
    rng = np.random.default_rng(seed)
    num = int(rng.integers(5, 60))
    score = np.round(rng.normal(size=num), 1)  # rounding makes ties
    days, event = rng.integers(1, 15, size=num).astype(float), rng.random(num) < 0.5
    won, counts = _pair_by_pair(score, days, event)
    value = won.sum() / counts.sum()
    excess = (won - value * counts).sum(axis=0) + (won - value * counts).sum(axis=1)
    error = np.sqrt(num / (num - 1) * (excess**2).sum()) / counts.sum()
    found = concordance(score, days, event)
    assert found.value == pytest.approx(value, rel=1e-12)
    middle = np.log(value / (1 - value))
    reach = t.ppf(0.975, event.sum() - 1) * error / (value * (1 - value))
    assert found.low == pytest.approx(1 / (1 + np.exp(reach - middle)), rel=1e-9)
    assert found.high == pytest.approx(1 / (1 + np.exp(-reach - middle)), rel=1e-9)


def test_c_without_censoring_of_two_groups_is_the_area_under_the_curve():
    rng = np.random.default_rng(1)
    positive = np.arange(300) < 60
    score = rng.normal(size=300) + positive
    found = concordance(score, np.full(300, 5.0), positive)
    expected = auroc(score, positive)
    assert found.value == pytest.approx(expected.value)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.005)


def test_the_order_of_the_rows_does_not_matter():
    score, days, event = _people(np.random.default_rng(2), 200, slope=0.5, events=0.4)
    order = np.random.default_rng(3).permutation(200)
    assert concordance(score[order], days[order], event[order]).value == concordance(score, days, event).value


@pytest.mark.parametrize(("num", "share"), [(150, 0.1), (400, 0.15), (300, 0.8)])
def test_the_interval_covers_as_often_as_it_says(num, share):
    truth = concordance(*_people(np.random.default_rng(4), 60_000, slope=0.8, events=share)).value
    rng = np.random.default_rng(5)
    repeats = 600
    intervals = [concordance(*_people(rng, num, slope=0.8, events=share)) for _ in range(repeats)]
    covered = np.mean([interval.low <= truth <= interval.high for interval in intervals])
    assert abs(covered - 0.95) < 3.5 * np.sqrt(0.95 * 0.05 / repeats)


def test_equal_scores_are_told_apart_as_rarely_as_promised():
    rng = np.random.default_rng(6)
    repeats, wrong = 500, 0
    for _ in range(repeats):
        score, days, event = _people(rng, 250, slope=0.8, events=0.25)
        first, second = score + rng.normal(size=(2, 250))
        wrong += concordance_difference(first, second, days, event).p_value < 0.05
    assert abs(wrong / repeats - 0.05) < 3.5 * np.sqrt(0.95 * 0.05 / repeats)


def test_a_better_score_is_found_better_and_the_order_turns_the_sign():
    score, days, event = _people(np.random.default_rng(7), 500, slope=1.0, events=0.5)
    worse = score + 2 * np.random.default_rng(8).normal(size=500)
    one, other = (concordance_difference(a, b, days, event) for a, b in ((score, worse), (worse, score)))
    assert one.difference.low > 0
    assert one.p_value < 0.001
    assert one.difference.value == pytest.approx(-other.difference.value)
    assert one.difference.low == pytest.approx(-other.difference.high)


def test_where_nothing_can_be_said_nothing_is_claimed():
    score, days = np.arange(5.0), np.arange(5.0)
    assert np.isnan(concordance(score, days, np.zeros(5, dtype=bool)).value)
    one_event = concordance(score, days, np.arange(5) == 1)
    assert (one_event.value, np.isnan(one_event.low)) == (0.0, True)
    perfect = concordance(-score, days, np.ones(5, dtype=bool))
    assert (perfect.value, np.isnan(perfect.low)) == (1.0, True)
    assert np.isnan(concordance_difference(score, score, days, np.ones(5, dtype=bool)).p_value)
    assert np.isnan(concordance(score[:0], days[:0], score[:0] > 0).value)
