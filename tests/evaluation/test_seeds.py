import numpy as np
import pytest

from cardiolens.errors import BadRun
from cardiolens.evaluation.metrics import evaluate
from cardiolens.evaluation.seeds import over_seeds


def test_seeds_become_a_mean_and_its_spread(predictions):
    metrics = evaluate(predictions(methods=("MDM",), seeds=(0, 1, 2), values=()))
    areas = metrics.loc[metrics["metric"] == "auroc"]
    row = over_seeds(metrics, split="test").set_index("metric").loc["auroc"]
    assert row["mean"] == pytest.approx(areas["value"].mean())
    assert row["sd"] == pytest.approx(np.std(areas["value"], ddof=1))
    assert (row["low"], row["high"]) == pytest.approx((areas["low"].mean(), areas["high"].mean()))
    assert (row["seeds"], row["n"], row["events"]) == (3, 120, 30)


def test_one_seed_has_no_spread(predictions):
    assert over_seeds(evaluate(predictions()), split="test")["sd"].isna().all()


def test_a_seed_without_a_value_is_not_passed_over(predictions):
    metrics = evaluate(predictions(methods=("MDM",), seeds=(0, 1), values=()))
    metrics.loc[0, "value"] = np.nan
    assert np.isnan(over_seeds(metrics, split="test")["mean"].iloc[0])


def test_a_split_without_predictions_is_refused(predictions):
    with pytest.raises(BadRun, match="found the splits test; expected predictions on the split 'calibrate'"):
        over_seeds(evaluate(predictions()), split="calibrate")


def test_two_tasks_that_predict_the_same_column_are_refused(predictions):
    metrics = evaluate(predictions(methods=("MDM",)))
    metrics.loc[len(metrics)] = metrics.iloc[0].to_dict() | {"task": "joint"}
    with pytest.raises(BadRun, match="two tasks of 'MDM' that predict 'cad'"):
        over_seeds(metrics, split="test")
