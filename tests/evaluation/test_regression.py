import numpy as np
import pytest
from scipy.stats import pearsonr
from sklearn.metrics import mean_absolute_error as reference_error
from sklearn.metrics import r2_score

from cardiolens.evaluation.delong import FEWEST_FOR_INTERVAL
from cardiolens.evaluation.regression import mean_absolute_error, mean_over_columns, pearson_r, r_squared

MEASURES = (pearson_r, r_squared, mean_absolute_error)


def _columns(rng: np.random.Generator, subjects: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns that share much of their variance, as phenotypes of one heart do; the true r of each is 0.6."""
    target = 0.8 * rng.normal(size=(subjects, 1)) + 0.6 * rng.normal(size=(subjects, columns))
    noise = 0.8 * rng.normal(size=(subjects, 1)) + 0.6 * rng.normal(size=(subjects, columns))
    return 0.6 * target + 0.8 * noise, target


def test_r_and_its_interval_are_the_textbooks():
    score, target = _columns(np.random.default_rng(0), 50, 2)
    found = pearson_r(score, target)
    for k in range(2):
        expected = pearsonr(score[:, k], target[:, k])
        assert found.value[k] == pytest.approx(expected.statistic)
        assert (found.low[k], found.high[k]) == pytest.approx(tuple(expected.confidence_interval()))


def test_explained_variance_and_error_are_the_textbooks():
    score, target = _columns(np.random.default_rng(1), 50, 2)
    assert r_squared(score, target).value == pytest.approx(r2_score(target, score, multioutput="raw_values"))
    assert mean_absolute_error(score, target).value == pytest.approx(reference_error(target, score, multioutput="raw_values"))


@pytest.mark.parametrize("measure", MEASURES)
def test_unknown_targets_never_enter(measure):
    score, target = _columns(np.random.default_rng(2), 60, 1)
    target[40:] = np.nan
    score[40:] = 1e9
    whole, part = measure(score, target), measure(score[:40], target[:40])
    for name in ("value", "low", "high", "num_known"):
        np.testing.assert_allclose(getattr(whole, name), getattr(part, name), rtol=1e-9)
    assert not whole.influence[40:].any()


@pytest.mark.parametrize("measure", MEASURES)
def test_the_influence_of_subjects_gives_the_standard_error(measure):
    rng = np.random.default_rng(3)
    found = [measure(*_columns(rng, 300, 1)) for _ in range(300)]
    spread = np.std([each.value[0] for each in found])
    claimed = np.mean([np.sqrt((each.influence**2).sum()) for each in found])
    assert claimed == pytest.approx(spread, rel=0.15)


@pytest.mark.parametrize(("measure", "truth"), [(pearson_r, 0.6), (r_squared, 0.2), (mean_absolute_error, None)])
def test_intervals_of_columns_cover_as_often_as_they_say(measure, truth):
    rng = np.random.default_rng(4)
    repeats = 500
    # Error = target - score = 0.4 target - 0.8 noise, both of variance one.
    truth = np.sqrt(0.8) * np.sqrt(2 / np.pi) if truth is None else truth
    found = [measure(*_columns(rng, 200, 1)) for _ in range(repeats)]
    covered = np.mean([each.low[0] <= truth <= each.high[0] for each in found])
    assert abs(covered - 0.95) < 4 * np.sqrt(0.95 * 0.05 / repeats)


# Of few subjects the delta method is a little short; a normal quantile would cover 80 % at ten.
@pytest.mark.parametrize(("subjects", "nominal"), [(10, 0.935), (20, 0.935), (150, 0.95)])
def test_the_interval_of_a_mean_knows_that_its_columns_share_their_subjects(subjects, nominal):
    rng = np.random.default_rng(5)
    repeats, inside = 500, np.ones(8, bool)
    intervals = [
        mean_over_columns(pearson_r(*_columns(rng, subjects, 8)), inside, on_fisher_scale=True) for _ in range(repeats)
    ]
    covered = np.mean([interval.low <= 0.6 <= interval.high for interval in intervals])
    assert abs(covered - nominal) < 3.5 * np.sqrt(nominal * (1 - nominal) / repeats)


@pytest.mark.parametrize("known", [3, FEWEST_FOR_INTERVAL - 1, FEWEST_FOR_INTERVAL])
def test_a_mean_has_an_interval_where_each_of_its_columns_has_one(known):
    score, target = _columns(np.random.default_rng(9), 60, 3)
    target[known:, 1] = np.nan
    for measure, on_fisher_scale in ((pearson_r, True), (r_squared, False)):
        found = measure(score, target)
        mean = mean_over_columns(found, np.ones(3, bool), on_fisher_scale=on_fisher_scale)
        assert np.isfinite(mean.value)
        assert np.isnan(mean.low) == np.isnan(found.low[1]) == (known < FEWEST_FOR_INTERVAL)


def test_limits_stay_within_what_is_possible():
    rng = np.random.default_rng(10)
    target = rng.normal(size=(12, 2))
    score = target + 0.9 * rng.normal(size=(12, 2)) ** 3
    explained, error = r_squared(score, target), mean_absolute_error(score, target)
    assert (explained.high <= 1).all()
    assert (error.low >= 0).all()
    assert mean_over_columns(explained, np.ones(2, bool), on_fisher_scale=False).high <= 1


def test_a_mean_takes_the_columns_it_is_asked_for_and_that_have_a_value():
    score, target = _columns(np.random.default_rng(6), 40, 4)
    target[:, 1] = np.nan
    found = pearson_r(score, target)
    mean = mean_over_columns(found, np.array([True, True, True, False]), on_fisher_scale=True)
    assert mean.value == pytest.approx(found.value[[0, 2]].mean())


def test_a_score_that_is_the_same_for_everybody_has_no_correlation_and_no_interval():
    found = pearson_r(np.full((30, 1), 0.1), np.random.default_rng(7).normal(size=(30, 1)))
    assert found.value[0] == 0
    assert np.isnan(found.low[0])


@pytest.mark.parametrize("measure", [pearson_r, r_squared])
def test_targets_that_do_not_vary_have_no_value(measure):
    assert np.isnan(measure(np.random.default_rng(8).normal(size=(30, 1)), np.full((30, 1), 5.0)).value[0])


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("known", [0, 1])
def test_nobody_known_is_no_error(measure, known):
    target = np.full((5, 1), np.nan)
    target[:known] = 1.0
    found = measure(np.zeros((5, 1)), target)
    assert found.num_known[0] == known
    assert np.isnan(found.low[0])
