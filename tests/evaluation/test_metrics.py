import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from cardiolens.evaluation.metrics import METRIC_COLUMNS, auprc, class_columns, evaluate, proportion
from cardiolens.evaluation.predictions import check_predictions
from cardiolens.imaging.phenotype_table import PHENOTYPES
from cardiolens.tasks import TASKS

LV = tuple(p.column for p in PHENOTYPES if p.group == "LV")


def _one(metrics: pd.DataFrame, **where: object) -> pd.Series:
    chosen = metrics.loc[np.logical_and.reduce([metrics[name] == value for name, value in where.items()])]
    assert len(chosen) == 1, chosen
    return chosen.iloc[0]


def test_a_disease_has_its_area_precision_and_prevalence_with_n_and_cases(predictions):
    table = predictions(methods=("MMCL",))
    metrics = evaluate(table)
    cad = table[table["column"] == "cad"]
    assert tuple(metrics.columns) == METRIC_COLUMNS
    area = _one(metrics, metric="auroc")
    assert area["value"] == pytest.approx(roc_auc_score(cad["target"], cad["score"]))
    assert area["low"] < area["value"] < area["high"]
    assert _one(metrics, metric="auprc")["value"] == pytest.approx(average_precision_score(cad["target"], cad["score"]))
    assert _one(metrics, metric="prevalence")["value"] == 0.25
    assert (area["n"], area["events"]) == (120, 30)


def test_unknown_targets_are_not_counted(predictions):
    table = predictions(methods=("MMCL",), values=())
    half = table.assign(target=table["target"].where(table.index >= 60))
    expected = evaluate(table.iloc[60:])
    pd.testing.assert_frame_equal(evaluate(half), expected)
    assert set(expected["n"]) == {60}


def test_a_group_is_averaged_where_all_of_it_is_predicted(predictions):
    whole = evaluate(predictions(methods=("MDM",), values=LV))
    group = _one(whole, column="LV", metric="mean_r")
    assert group["value"] == pytest.approx(whole.loc[whole["metric"] == "r", "value"].mean())
    assert group["low"] < group["value"] < group["high"]
    assert pd.isna(group["events"])
    part = evaluate(predictions(methods=("MDM",), values=LV[:-1]))
    assert "LV" not in set(part["column"])


def test_the_numbers_are_those_that_choose_a_checkpoint(predictions):
    table = predictions(methods=("MDM",), values=LV)
    score, target = (
        table[table["column"].isin(LV)].pivot_table(index="subject", columns="column", values=name, dropna=False)[list(LV)]
        for name in ("score", "target")
    )
    known = target.notna().to_numpy()
    expected = TASKS["lv"].metric(score.to_numpy(), target.to_numpy(), known)
    assert _one(evaluate(table), column="LV", metric="mean_r")["value"] == pytest.approx(expected)


def test_runs_splits_and_seeds_stay_apart(predictions):
    tables = [predictions(methods=("MDM",), seeds=(0, 1), values=(), split=split) for split in ("calibrate", "test")]
    metrics = evaluate(pd.concat(tables))
    areas = metrics[metrics["metric"] == "auroc"]
    assert list(zip(areas["split"], areas["seed"], strict=True)) == [
        ("calibrate", 0),
        ("calibrate", 1),
        ("test", 0),
        ("test", 1),
    ]


def test_a_column_that_nobody_declared_is_a_class_where_its_targets_are_zero_and_one(predictions):
    table = check_predictions(predictions(methods=("MDM",), diseases=("gout", "cad"), values=("lvef_percent", "age_years")))
    assert {"gout", "cad"} <= class_columns(table)
    assert not {"lvef_percent", "age_years"} & class_columns(table)


def test_a_disease_without_a_case_is_said_to_have_none(predictions):
    metrics = evaluate(predictions(methods=("MDM",), values=()).assign(target=0.0))
    area = _one(metrics, metric="auroc")
    assert np.isnan(area["value"])
    assert (area["n"], area["events"]) == (120, 0)
    assert _one(metrics, metric="prevalence")["high"] > 0


def test_precision_counts_tied_scores_as_one_threshold():
    rng = np.random.default_rng(0)
    positive = rng.random(200) < 0.2
    score = np.round(rng.normal(size=200) + positive, 1)
    assert auprc(score, positive).value == pytest.approx(average_precision_score(positive, score))


def test_the_precision_of_noise_is_the_prevalence():
    rng = np.random.default_rng(1)
    positive = np.arange(2000) < 200
    found = [auprc(rng.normal(size=2000), positive) for _ in range(20)]
    assert np.mean([each.value for each in found]) == pytest.approx(0.1, abs=0.02)
    assert np.mean([each.low <= 0.1 <= each.high for each in found]) > 0.85


def test_a_proportion_has_wilsons_interval():
    found = proportion(3, 60)
    assert (found.low, found.high) == pytest.approx((0.01715, 0.13701), abs=1e-5)
    assert np.isnan(proportion(0, 0).value)
