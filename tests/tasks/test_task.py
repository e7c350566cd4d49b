import numpy as np
import pytest
from scipy.stats import pearsonr
from sklearn.metrics import roc_auc_score

from cardiolens.tasks.task import Task, TaskKind

DISEASE = Task("d", TaskKind.CLASSIFICATION, ("d",), ("D",), ("",), "D")
PAIR = Task("p", TaskKind.REGRESSION, ("a_ml", "b_g"), ("A", "B"), ("mL", "g"), "P")


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)[:, None]


def test_auc_agrees_with_scikit_learn_when_scores_are_tied():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 6, (80, 1)).astype(np.float32)
    target = rng.integers(0, 2, (80, 1)).astype(np.float32)
    assert DISEASE.metric(scores, target, np.ones((80, 1), bool)) == pytest.approx(roc_auc_score(target[:, 0], scores[:, 0]))


def test_mean_r_is_the_mean_of_pearsons_r_over_the_known_entries():
    rng = np.random.default_rng(1)
    scores, target, known = rng.normal(size=(40, 2)), rng.normal(size=(40, 2)), rng.random((40, 2)) < 0.6
    expected = np.mean([pearsonr(scores[known[:, k], k], target[known[:, k], k]).statistic for k in range(2)])
    assert PAIR.metric(scores, target, known) == pytest.approx(expected)


@pytest.mark.parametrize("task", [DISEASE, PAIR], ids=["classification", "regression"])
def test_what_stands_at_unknown_entries_never_matters(task):
    rng = np.random.default_rng(2)
    shape = (30, len(task.columns))
    scores, target, known = rng.normal(size=shape), rng.integers(0, 2, shape).astype(float), rng.random(shape) < 0.5
    expected = task.column_metrics(scores, target, known)
    scores[~known], target[~known] = np.nan, np.nan
    np.testing.assert_array_equal(task.column_metrics(scores, target, known), expected)
    assert np.isfinite(expected).all()


def test_one_class_alone_gives_nan():
    assert np.isnan(DISEASE.metric(column(0.1, 0.2), column(1, 1), np.ones((2, 1), bool)))


def test_no_subjects_give_nan():
    assert np.isnan(PAIR.metric(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros((0, 2), bool)))


def test_a_column_without_varying_target_is_left_out_of_the_mean():
    rng = np.random.default_rng(3)
    target = np.stack([rng.normal(size=20), np.full(20, 5.0)], axis=1)
    assert PAIR.metric(target.copy(), target, np.ones((20, 2), bool)) == pytest.approx(1.0)


def test_constant_scores_count_as_no_association_instead_of_being_left_out():
    target = np.random.default_rng(4).normal(size=(20, 2))
    scores = np.stack([target[:, 0], np.full(20, 0.1)], axis=1)
    assert PAIR.metric(scores, target, np.ones((20, 2), bool)) == pytest.approx(0.5)
    assert DISEASE.metric(np.full((4, 1), 0.3), column(0, 1, 0, 1), np.ones((4, 1), bool)) == 0.5


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_score_that_is_not_finite_makes_the_metric_nan(broken):
    assert np.isnan(DISEASE.metric(column(0.1, 0.2, broken), column(0, 1, 1), np.ones((3, 1), bool)))
    scores = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, broken]])
    assert np.isnan(PAIR.metric(scores, np.arange(6.0).reshape(3, 2), np.ones((3, 2), bool)))


def test_the_name_of_the_metric_follows_the_kind():
    assert (DISEASE.metric_name, PAIR.metric_name) == ("auc", "mean_r")
