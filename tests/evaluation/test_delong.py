import numpy as np
import pytest
from scipy.stats import norm, t

from cardiolens.evaluation.delong import (
    FEWEST_FOR_INTERVAL,
    Interval,
    auroc,
    auroc_difference,
    delong,
    difference_by_t,
    seed_mean_auroc,
)

OVARIAN_CANCER = """
3 5 9 11 14 14 15 16 16 18 21 23 1 2 2 2 3 4 4 5 6 7 7 7 8 8 8 8 9 9 10 10 11 11 12 12 12 12 13 17 19 20 22
3 9 8 7 14 20 15 12 19 15 22 22 4 5 5 10 2 1 9 5 7 7 9 15 4 6 8 13 9 15 12 14 11 15 11 14 17 18 9 20 21 19 16
2 4 2 4 8 6 7 6 4 6 5 3 3 2 3 2 4 4 3 5 1 5 4 3 3 3 4 3 3 3 3 4 5 4 3 1 2 3 4 4 4 5 3
"""
"""The worked example of DeLong, DeLong & Clarke-Pearson 1988 as in the SAS/STAT User's Guide, LOGISTIC procedure, "Comparing
Receiver Operating Characteristic Curves": albumin, total protein and K-G score, as ranks, which is all that areas rest on;
12 patients of the outcome that is asked about, then 31 others."""


def _placements(cases: np.ndarray, controls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """DeLong's structural components, pair by pair."""
    wins = np.array([[1.0 if x > y else 0.5 if x == y else 0.0 for y in controls] for x in cases])
    return wins.mean(axis=1), wins.mean(axis=0)


def _sample(rng: np.random.Generator, *, cases: int, controls: int, area: float) -> tuple[np.ndarray, np.ndarray]:
    positive = np.arange(cases + controls) < cases
    return rng.normal(size=len(positive)) + positive * norm.ppf(area) * np.sqrt(2), positive


def test_areas_and_their_covariance_are_those_of_all_pairs():
    rng = np.random.default_rng(0)
    positive = rng.random(40) < 0.3
    scores = np.round(rng.normal(size=(3, 40)) + positive, 1)  # rounding makes ties
    by_case, by_control = zip(*(_placements(row[positive], row[~positive]) for row in scores), strict=True)
    expected = np.cov(by_case) / positive.sum() + np.cov(by_control) / (~positive).sum()
    found = delong(scores, positive)
    np.testing.assert_allclose(found.area, np.mean(by_case, axis=1), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-10)


def test_the_published_example_comes_out_to_the_last_digit_that_was_printed():
    albumin, protein, score = scores = np.array([line.split() for line in OVARIAN_CANCER.split("\n")[1:-1]], float)
    positive = np.arange(43) < 12
    found = delong(scores, positive)
    assert found.area.round(4).tolist() == [0.7366, 0.6478, 0.7258]
    assert np.sqrt(np.diag(found.covariance)).round(4).tolist() == [0.0927, 0.1000, 0.1028]
    contrast = np.array([[1, 0, -1], [0, 1, -1]])
    difference, covariance = contrast @ found.area, contrast @ found.covariance @ contrast.T
    assert difference.round(4).tolist() == [0.0108, -0.0780]
    assert np.sqrt(np.diag(covariance)).round(4).tolist() == [0.0953, 0.1046]
    assert difference @ np.linalg.solve(covariance, difference) == pytest.approx(2.5340, abs=5e-5)
    for one, expected, error in ((albumin, 0.0108, 0.0953), (protein, -0.0780, 0.1046)):
        paired = auroc_difference(one[None], score[None], positive)
        assert paired.difference.value == pytest.approx(expected, abs=5e-5)
        # Its p is Student's with the degrees of freedom of so few cases; the printed one is normal.
        assert norm.sf(abs(expected) / error) * 2 < paired.p_value < norm.sf(abs(expected) / error) * 2 + 0.02


def test_a_paired_difference_is_the_formula_written_with_loops():
    rng = np.random.default_rng(10)
    positive = np.arange(90) < 14
    first, second = np.round(rng.gamma(1.5, 1.0, (2, 90)) + np.array([[1.2], [0.4]]) * positive, 1)  # skewed, with ties
    placements = [_placements(one[positive], one[~positive]) for one in (first, second)]
    by_case, by_control = (one - other for one, other in zip(*placements, strict=True))
    m, n = 14, 76
    value = sum(by_case) / m
    of_cases = sum((x - value) ** 2 for x in by_case) / (m - 1) / m
    of_controls = sum((x - value) ** 2 for x in by_control) / (n - 1) / n
    freedom = (of_cases + of_controls) ** 2 / (of_cases**2 / (m - 1) + of_controls**2 / (n - 1))
    found = auroc_difference(first[None], second[None], positive)
    assert found.difference.value == pytest.approx(value, rel=1e-12)
    reach = t.ppf(0.975, freedom) * np.sqrt(of_cases + of_controls)
    assert found.difference.low == pytest.approx(value - reach, rel=1e-10)
    assert found.p_value == pytest.approx(2 * t.sf(abs(value) / np.sqrt(of_cases + of_controls), freedom), rel=1e-9)


def test_many_subjects_need_no_table_of_pairs():
    score, positive = _sample(np.random.default_rng(1), cases=50_000, controls=150_000, area=0.8)
    assert auroc(score, positive).value == pytest.approx(0.8, abs=0.005)


@pytest.mark.parametrize(("cases", "area"), [(10, 0.75), (60, 0.75), (60, 0.6)])
def test_the_interval_covers_as_often_as_it_says(cases, area):
    rng = np.random.default_rng(2)
    repeats = 600
    intervals = [auroc(*_sample(rng, cases=cases, controls=200, area=area)) for _ in range(repeats)]
    covered = np.mean([interval.low <= area <= interval.high for interval in intervals])
    assert abs(covered - 0.95) < 3.5 * np.sqrt(0.95 * 0.05 / repeats)


def test_the_interval_stays_between_zero_and_one():
    positive = np.arange(30) < 10
    score = np.arange(30)[::-1].astype(float)
    score[9] = 18.5
    found = auroc(score, positive)
    assert 0 < found.low < found.value < found.high < 1


@pytest.mark.parametrize("num_cases", [0, 2, FEWEST_FOR_INTERVAL - 1, 50, 59, 60])
def test_too_few_of_a_class_leave_no_interval(num_cases):
    scores, positive = np.random.default_rng(3).normal(size=(2, 60)), np.arange(60) < num_cases
    areas = auroc(scores[0], positive), seed_mean_auroc(scores, positive)
    difference = auroc_difference(scores[:1], scores[1:], positive)
    for found in (*areas, difference.difference):
        assert np.isnan(found.value) == (num_cases in (0, 60))
        assert np.isnan([found.low, found.high]).all() == (num_cases != 50)
    assert np.isnan(difference.p_value) == (num_cases != 50)


def test_a_difference_never_leaves_what_is_possible():
    rng = np.random.default_rng(9)
    positive = np.arange(20) < 10
    score = rng.normal(size=20) + 2.0 * positive
    found = auroc_difference(score[None], -score[None], positive).difference
    assert found.low < found.value < found.high <= 1
    assert difference_by_t(-0.25, 0.3, 1.0, 0.95).difference == Interval(-0.25, -1.0, 1.0)


def test_perfect_separation_claims_no_certainty():
    positive = np.arange(20) < 6
    found = auroc(positive.astype(float), positive)
    assert found.value == 1
    assert np.isnan(found.low)


def test_a_paired_difference_turns_its_sign_with_the_order():
    rng = np.random.default_rng(4)
    positive = rng.random(200) < 0.3
    first, second = rng.normal(size=(2, 3, 200)) + positive
    one, other = auroc_difference(first, second, positive), auroc_difference(second, first, positive)
    assert one.difference.value == pytest.approx(-other.difference.value)
    assert one.difference.low == pytest.approx(-other.difference.high)
    assert one.p_value == pytest.approx(other.p_value)


def test_a_score_against_itself_gives_no_difference_and_no_interval():
    score, positive = _sample(np.random.default_rng(5), cases=20, controls=50, area=0.7)
    found = auroc_difference(score[None], score[None], positive)
    assert found.difference.value == 0
    assert np.isnan(found.p_value)


def test_pairing_narrows_the_difference_of_scores_that_agree():
    rng = np.random.default_rng(6)
    score, positive = _sample(rng, cases=60, controls=200, area=0.75)
    near = score + 0.2 * rng.normal(size=len(score))
    paired = auroc_difference(score[None], near[None], positive).difference
    alone = [auroc(each, positive) for each in (score, near)]
    assert paired.high - paired.low < 0.5 * min(each.high - each.low for each in alone)


def test_equal_methods_with_several_seeds_are_told_apart_as_rarely_as_promised():
    rng = np.random.default_rng(7)
    repeats, wrong = 400, 0
    for _ in range(repeats):
        score, positive = _sample(rng, cases=60, controls=200, area=0.75)
        runs = score + rng.normal(size=(6, len(score)))
        wrong += auroc_difference(runs[:3], runs[3:], positive).p_value < 0.05
    assert abs(wrong / repeats - 0.05) < 3.5 * np.sqrt(0.95 * 0.05 / repeats)


def test_the_mean_of_equal_seeds_has_the_interval_of_one():
    rng = np.random.default_rng(8)
    positive = rng.random(300) < 0.3
    score = rng.normal(positive, 1.0)
    one, mean = auroc(score, positive), seed_mean_auroc(np.stack([score] * 3), positive)
    assert (mean.value, mean.low, mean.high) == pytest.approx((one.value, one.low, one.high))


def test_the_mean_of_different_seeds_is_the_mean_area_and_surer_than_one():
    rng = np.random.default_rng(8)
    positive = rng.random(300) < 0.3
    scores = rng.normal(positive, 1.0, (5, 300))
    mean, each = seed_mean_auroc(scores, positive), [auroc(score, positive) for score in scores]
    assert mean.value == pytest.approx(np.mean([one.value for one in each]))
    assert mean.high - mean.low < 0.7 * np.mean([one.high - one.low for one in each])
