import inspect

import numpy as np
import pytest

from cardiolens.evaluation.bootstrap import resampled_alike, resampled_counts, resampled_sums
from cardiolens.evaluation.decision_curves import decision_curves
from cardiolens.evaluation.differences import differences
from cardiolens.evaluation.localisation import localisation, sanity
from cardiolens.evaluation.regression import pearson_r, r_squared
from cardiolens.evaluation.risk_metrics import risk_metrics


def _made_up(rng: np.random.Generator, subjects: int) -> tuple[np.ndarray, np.ndarray]:
    """Two seeds and two columns far from zero; a fifth of the targets is unknown."""
    target = rng.normal((150.0, 6.0), (30.0, 1.0), size=(subjects, 2))
    score = target + rng.normal(0, (30.0, 1.0), size=(2, subjects, 2))
    target[rng.random(target.shape) < 0.2] = np.nan
    return score, target


def test_sums_give_the_numbers_of_every_sample_drawn_out():
    rng = np.random.default_rng(0)
    score, target = _made_up(rng, 40)
    counts = resampled_counts(40, 300, rng)
    found = resampled_sums(score, target, counts)
    for sample in (0, 17, 299):
        drawn = np.repeat(np.arange(40), counts[sample])
        for numbers, measure in ((found.r(), pearson_r), (found.r_squared(), r_squared)):
            expected = np.mean([measure(one[drawn], target[drawn]).value for one in score], axis=0)
            np.testing.assert_allclose(numbers[sample], expected, rtol=1e-9)


def test_every_sample_holds_as_many_subjects_as_there_are_and_each_as_often_as_the_others():
    counts = resampled_counts(50, 4000, np.random.default_rng(1))
    assert (counts.sum(axis=1) == 50).all()
    np.testing.assert_allclose(counts.mean(axis=0), 1.0, atol=5 / np.sqrt(4000))


def test_the_spread_of_samples_is_the_standard_error():
    rng = np.random.default_rng(2)
    score, target = _made_up(rng, 2000)
    found = resampled_sums(score[:1], target, resampled_counts(2000, 1000, rng))
    for samples, measure in ((found.r(), pearson_r), (found.r_squared(), r_squared)):
        expected = np.sqrt((measure(score[0], target).influence ** 2).sum(axis=0))
        assert samples.std(axis=0) == pytest.approx(expected, rel=0.1)


def test_a_score_that_is_the_same_for_everybody_has_no_correlation_and_such_a_target_no_value():
    rng = np.random.default_rng(3)
    counts = resampled_counts(30, 5, rng)
    values, same = rng.normal(size=(30, 1)), np.full((30, 1), 0.1)
    assert (resampled_sums(same[None], values, counts).r() == 0).all()
    of_same = resampled_sums(values[None], same, counts)
    assert np.isnan(of_same.r()).all()
    assert np.isnan(of_same.r_squared()).all()


def test_tables_of_as_many_subjects_are_drawn_alike_and_come_back_in_their_order():
    rng = np.random.default_rng(4)
    one, other, shorter = rng.normal(size=(50, 2)), rng.normal(size=(50, 1)), rng.normal(size=(30, 3))
    tables = [one, shorter, np.concatenate([other, one], axis=1)]
    first, second, third = resampled_alike(tables, 400, rng)
    np.testing.assert_allclose(third[:, 1:], first)
    assert second.shape == (400, 3)
    for totals, table in ((first, one), (second, shorter)):
        np.testing.assert_allclose(totals.mean(axis=0), table.sum(axis=0), atol=5 * np.sqrt(len(table) / 400))
        np.testing.assert_allclose(totals.std(axis=0), np.sqrt(len(table)) * table.std(axis=0), rtol=0.15)


@pytest.mark.parametrize("function", [risk_metrics, decision_curves, differences, localisation, sanity])
def test_every_bootstrap_rests_on_ten_thousand_samples(function):
    assert inspect.signature(function).parameters["resamples"].default == 10_000
