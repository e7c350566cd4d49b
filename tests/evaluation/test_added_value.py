import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from cardiolens.errors import BadRun
from cardiolens.evaluation.added_value import ADDED_VALUE_COLUMNS, LOG_ODDS_COLUMNS, added_value, mean_log_odds
from cardiolens.evaluation.delong import auroc_difference
from cardiolens.evaluation.differences import holm


def made_up_log_odds(
    rng: np.random.Generator,
    *,
    num: int = 800,
    of_base: float = 0.8,
    of_ecg: float = 0.8,
    columns: tuple[str, ...] = ("af",),
    score: bool = False,
) -> pd.DataFrame:
    """Half of the people in validation, half in test; base and ECG agree with each other (r 0.5), a fifth is ill."""
    tables = []
    for column in columns:
        base = rng.normal(size=num)
        ecg = 0.5 * base + np.sqrt(0.75) * rng.normal(size=num)
        target = (rng.random(num) < expit(-1.6 + of_base * base + of_ecg * ecg)).astype(float)
        said = {"Tabular": base, "MMCL": 2 * ecg + 1}  # on another scale and level, as after balanced training
        if score:
            said["CHARGE-AF"] = base + rng.normal(size=num)
        for method, log_odds in said.items():
            names = {"method": method, "column": column, "split": np.repeat(["select", "test"], num // 2)}
            people = {"subject": [f"{k:08x}" for k in range(num)], "target": target, "score": log_odds}
            tables.append(pd.DataFrame(names | people))
    return pd.concat(tables, ignore_index=True)


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
    numbers = added_value(table, ecg="MMCL")
    assert _value(numbers, "Tabular + MMCL", "auroc_difference") == pytest.approx(expected.difference.value, abs=1e-9)
    assert _value(numbers, "Tabular + MMCL", "auroc_difference", "low") == pytest.approx(expected.difference.low, abs=1e-9)
    chi_square = 2 * (_newton_fit(columns[test], positive[test])[1] - _newton_fit(columns[test][:, :2], positive[test])[1])
    assert _value(numbers, "Tabular + MMCL", "likelihood_ratio") == pytest.approx(chi_square, abs=1e-4)


def test_the_combination_is_no_worse_than_the_better_one():
    rng = np.random.default_rng(1)
    for of_base, of_ecg in ((0.8, 0.8), (1.2, 0.0), (0.0, 1.2)):
        numbers = added_value(made_up_log_odds(rng, num=3000, of_base=of_base, of_ecg=of_ecg), ecg="MMCL")
        better = max(_value(numbers, model, "auroc") for model in ("Tabular", "MMCL"))
        assert _value(numbers, "Tabular + MMCL", "auroc") > better - 0.01


def test_an_ecg_that_adds_nothing_is_called_an_addition_as_rarely_as_promised():
    rng = np.random.default_rng(2)
    repeats, wrong = 300, 0
    for _ in range(repeats):
        numbers = added_value(made_up_log_odds(rng, num=300, of_ecg=0.0), ecg="MMCL")
        wrong += _value(numbers, "Tabular + MMCL", "likelihood_ratio", "p") < 0.05
    assert abs(wrong / repeats - 0.05) < 3.5 * np.sqrt(0.05 * 0.95 / repeats)


def test_an_ecg_that_adds_something_is_found():
    rng = np.random.default_rng(3)
    found = [added_value(made_up_log_odds(rng, num=600), ecg="MMCL") for _ in range(50)]
    assert sum(_value(numbers, "Tabular + MMCL", "likelihood_ratio", "p") < 0.05 for numbers in found) >= 45
    assert np.mean([_value(numbers, "Tabular + MMCL", "auroc_difference") for numbers in found]) > 0.02


def test_with_a_score_each_combination_is_compared_with_itself_without_the_ecg():
    numbers = added_value(made_up_log_odds(np.random.default_rng(4), score=True), ecg="MMCL")
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
    numbers = added_value(made_up_log_odds(np.random.default_rng(5), columns=("af", "cad", "dm")), ecg="MMCL")
    assert numbers["p"].notna().sum() == 9
    np.testing.assert_array_equal(numbers["p_holm"], holm(numbers["p"].to_numpy()))
    assert (numbers["p_holm"].dropna() >= numbers["p"].dropna()).all()


def test_all_models_of_a_disease_speak_of_the_same_subjects():
    table = made_up_log_odds(np.random.default_rng(6))
    few = table[(table["method"] != "MMCL") | (table["subject"] >= f"{10:08x}") & (table["subject"] < f"{780:08x}")]
    few = few.assign(target=few["target"].where(few["subject"] != f"{500:08x}"))
    numbers = added_value(few, ecg="MMCL")
    assert set(numbers["n"]) == {400 - 20 - 1}
    assert set(numbers["fitted_n"].dropna()) == {390}


def test_the_combination_learns_from_validation_alone():
    table = made_up_log_odds(np.random.default_rng(7))
    turned = table.assign(score=table["score"].where(table["split"] == "test", -table["score"]))
    one, other = (added_value(each, ecg="MMCL") for each in (table, turned))
    # Turning both scores round on validation turns the combination round on test.
    assert _value(one, "Tabular + MMCL", "auroc") == pytest.approx(1 - _value(other, "Tabular + MMCL", "auroc"), abs=1e-6)


def test_too_few_cases_fit_nothing_and_leave_the_test_standing():
    table = made_up_log_odds(np.random.default_rng(8))
    ill = table["subject"].isin(table.loc[(table["split"] == "select") & (table["target"] == 1), "subject"].unique()[9:])
    numbers = added_value(table[~((table["split"] == "select") & ill)], ecg="MMCL")
    assert np.isnan(_value(numbers, "Tabular + MMCL", "auroc"))
    assert _value(numbers, "Tabular + MMCL", "auroc", "fitted_events") == 9
    assert _value(numbers, "Tabular + MMCL", "likelihood_ratio") > 0
    both = added_value(table.replace({"split": {"select": "calibrate"}}), ecg="MMCL", fit_splits=("select", "calibrate"))
    assert _value(both, "Tabular + MMCL", "auroc") > 0.5


def test_seeds_are_averaged_before_anything_else(predictions):
    table = predictions(methods=("MDM", "MMCL"), seeds=(0, 1, 2))
    mean = mean_log_odds(table)
    assert tuple(mean.columns) == LOG_ODDS_COLUMNS
    assert set(mean["column"]) == {"cad"}
    assert len(mean) == 2 * 120
    one = mean[mean["method"] == "MMCL"].set_index("subject")["score"]
    rows = table[(table["method"] == "MMCL") & (table["column"] == "cad")]
    np.testing.assert_allclose(one, rows.groupby("subject", sort=False)["score"].mean().loc[one.index])


def test_seeds_of_different_subjects_or_targets_are_refused(predictions):
    table = predictions(methods=("MMCL",), seeds=(0, 1), values=())
    with pytest.raises(BadRun, match="seeds of 'MMCL' with different subjects or targets for 'cad' on 'test'"):
        mean_log_odds(table.iloc[1:])
    with pytest.raises(BadRun, match="seeds of 'MMCL'"):
        mean_log_odds(table.assign(target=table["target"].mask(table.index == 3)))


def test_probabilities_are_not_taken_for_log_odds(predictions):
    table = predictions(methods=("MMCL",), values=())
    with pytest.raises(BadRun, match="'MMCL' that are all between 0 and 1"):
        mean_log_odds(table.assign(score=expit(table["score"])))


def test_nothing_in_common_is_refused():
    table = made_up_log_odds(np.random.default_rng(9), num=40)
    with pytest.raises(BadRun, match="no disease that 'Tabular' and 'MDM'"):
        added_value(table, ecg="MDM")
    with pytest.raises(BadRun, match="two rows"):
        added_value(pd.concat([table, table]), ecg="MMCL")
    other = table.assign(
        target=np.where((table["method"] == "MMCL") & (table.index % 2 == 0), 1 - table["target"], table["target"])
    )
    with pytest.raises(BadRun, match="different targets"):
        added_value(other, ecg="MMCL")
