import numpy as np
import pandas as pd
import pytest
from made_up_log_odds import made_up_log_odds
from scipy.special import expit

from cardiolens.evaluation.added_value import ADDED_VALUE_COLUMNS, added_value
from cardiolens.evaluation.combination import Methods
from cardiolens.evaluation.delong import auroc_difference
from cardiolens.evaluation.differences import holm


def _value(numbers: pd.DataFrame, model: str, measure: str, what: str = "value") -> float:
    return float(numbers[(numbers["model"] == model) & (numbers["measure"] == measure)][what].iloc[0])


def _newton_fit(design: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, float]:
    beta = np.zeros(design.shape[1])
    for _ in range(25):
        risk = expit(design @ beta)
        beta = beta + np.linalg.solve((design * (risk * (1 - risk))[:, None]).T @ design, design.T @ (positive - risk))
    risk = expit(design @ beta)
    return beta, float(np.log(np.where(positive, risk, 1 - risk)).sum())


def test_combination_and_test_are_those_of_newtons_iterations():
    table = made_up_log_odds(np.random.default_rng(0))
    wide = dict(iter(table.groupby("method")))
    select, test = (wide["MMCL"]["split"] == split for split in ("select", "test"))
    columns = np.column_stack([np.ones(800), wide["Tabular"]["score"], wide["MMCL"]["score"]])
    positive = wide["MMCL"]["target"].to_numpy() == 1
    beta, _ = _newton_fit(columns[select], positive[select])
    combined, base = columns[test] @ beta, columns[test][:, 1]
    expected = auroc_difference(combined[None], base[None], positive[test])
    numbers = added_value(table, Methods("MMCL"))
    assert _value(numbers, "Tabular + MMCL", "auroc_difference") == pytest.approx(expected.difference.value, abs=1e-9)
    assert _value(numbers, "Tabular + MMCL", "auroc_difference", "low") == pytest.approx(expected.difference.low, abs=1e-9)
    chi_square = 2 * (_newton_fit(columns[test], positive[test])[1] - _newton_fit(columns[test][:, :2], positive[test])[1])
    assert _value(numbers, "Tabular + MMCL", "likelihood_ratio") == pytest.approx(chi_square, abs=1e-4)


def test_beside_a_score_the_ecg_is_tested_beside_both():
    table = made_up_log_odds(np.random.default_rng(10), score=True)
    wide = dict(iter(table[table["split"] == "test"].groupby("method")))
    columns = np.column_stack([np.ones(400), *(wide[method]["score"] for method in ("Tabular", "CHARGE-AF", "MMCL"))])
    positive = wide["MMCL"]["target"].to_numpy() == 1
    chi_square = 2 * (_newton_fit(columns, positive)[1] - _newton_fit(columns[:, :3], positive)[1])
    found = _value(added_value(table, Methods("MMCL")), "Tabular + CHARGE-AF + MMCL", "likelihood_ratio")
    assert found == pytest.approx(chi_square, abs=1e-4)


def test_the_combination_is_no_worse_than_the_better_one():
    rng = np.random.default_rng(1)
    for of_base, of_ecg in ((0.8, 0.8), (1.2, 0.0), (0.0, 1.2)):
        numbers = added_value(made_up_log_odds(rng, num=3000, of_base=of_base, of_ecg=of_ecg), Methods("MMCL"))
        better = max(_value(numbers, model, "auroc") for model in ("Tabular", "MMCL"))
        assert _value(numbers, "Tabular + MMCL", "auroc") > better - 0.01


def test_an_ecg_that_adds_nothing_is_called_an_addition_as_rarely_as_promised():
    rng = np.random.default_rng(2)
    repeats, wrong = 300, 0
    for _ in range(repeats):
        numbers = added_value(made_up_log_odds(rng, num=300, of_ecg=0.0), Methods("MMCL"))
        wrong += _value(numbers, "Tabular + MMCL", "likelihood_ratio", "p") < 0.05
    assert abs(wrong / repeats - 0.05) < 3.5 * np.sqrt(0.05 * 0.95 / repeats)


def test_an_ecg_that_adds_something_is_found():
    rng = np.random.default_rng(3)
    found = [added_value(made_up_log_odds(rng, num=600), Methods("MMCL")) for _ in range(50)]
    assert sum(_value(numbers, "Tabular + MMCL", "likelihood_ratio", "p") < 0.05 for numbers in found) >= 45
    assert np.mean([_value(numbers, "Tabular + MMCL", "auroc_difference") for numbers in found]) > 0.02


def test_with_a_score_each_combination_is_compared_with_itself_without_the_ecg():
    numbers = added_value(made_up_log_odds(np.random.default_rng(4), score=True), Methods("MMCL"))
    assert tuple(numbers.columns) == ADDED_VALUE_COLUMNS
    pairs = numbers.loc[numbers["measure"] == "auroc_difference", ["model", "reference"]].to_numpy().tolist()
    assert pairs == [
        ["MMCL", "Tabular"],
        ["Tabular + MMCL", "Tabular"],
        ["Tabular + CHARGE-AF + MMCL", "Tabular + CHARGE-AF"],
    ]
    models = numbers.loc[numbers["measure"] == "auroc", "model"].tolist()
    assert models == ["Tabular", "CHARGE-AF", "MMCL", "Tabular + MMCL", "Tabular + CHARGE-AF", "Tabular + CHARGE-AF + MMCL"]


def test_p_values_are_adjusted_over_all_diseases():
    numbers = added_value(made_up_log_odds(np.random.default_rng(5), columns=("af", "cad", "dm")), Methods("MMCL"))
    assert numbers["p"].notna().sum() == 9
    np.testing.assert_array_equal(numbers["p_holm"], holm(numbers["p"].to_numpy()))
    assert (numbers["p_holm"].dropna() >= numbers["p"].dropna()).all()


def test_all_models_of_a_disease_speak_of_the_same_subjects():
    table = made_up_log_odds(np.random.default_rng(6))
    few = table[(table["method"] != "MMCL") | (table["subject"] >= f"{10:08x}") & (table["subject"] < f"{780:08x}")]
    few = few.assign(target=few["target"].where(few["subject"] != f"{500:08x}"))
    numbers = added_value(few, Methods("MMCL"))
    assert set(numbers["n"]) == {400 - 20 - 1}
    assert set(numbers["fitted_n"].dropna()) == {390}


def test_the_combination_learns_from_validation_alone():
    table = made_up_log_odds(np.random.default_rng(7))
    turned = table.assign(score=table["score"].where(table["split"] == "test", -table["score"]))
    one, other = (added_value(each, Methods("MMCL")) for each in (table, turned))
    # Turning both scores round on validation turns the combination round on test.
    assert _value(one, "Tabular + MMCL", "auroc") == pytest.approx(1 - _value(other, "Tabular + MMCL", "auroc"), abs=1e-6)


def test_too_few_cases_fit_nothing_and_leave_the_test_standing():
    table = made_up_log_odds(np.random.default_rng(8))
    ill = table["subject"].isin(table.loc[(table["split"] == "select") & (table["target"] == 1), "subject"].unique()[9:])
    numbers = added_value(table[~((table["split"] == "select") & ill)], Methods("MMCL"))
    assert np.isnan(_value(numbers, "Tabular + MMCL", "auroc"))
    assert _value(numbers, "Tabular + MMCL", "auroc", "fitted_events") == 9
    assert _value(numbers, "Tabular + MMCL", "likelihood_ratio") > 0
    both = added_value(table.replace({"split": {"select": "calibrate"}}), Methods("MMCL"), fit_splits=("select", "calibrate"))
    assert _value(both, "Tabular + MMCL", "auroc") > 0.5
