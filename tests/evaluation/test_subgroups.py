import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import pearsonr
from sklearn.metrics import roc_auc_score

from cardiolens.evaluation.dense import Answers
from cardiolens.evaluation.disclosure import FEWEST
from cardiolens.evaluation.risks import Risks
from cardiolens.evaluation.subgroups import (
    EVERYBODY,
    risk_subgroups,
    subgroup_levels,
    value_subgroups,
)


def people(n: int, rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "subject": [f"{k:012x}" for k in range(n)],
            "sex": rng.choice(["F", "M"], n),
            "age_years": rng.uniform(45, 82, n),
            "bmi": rng.uniform(18, 38, n),
            "heart_rate_bpm": rng.uniform(45, 95, n),
            "site": "one",
        }
    )


def risks_of(subjects: pd.DataFrame, rng: np.random.Generator, *, worse_in_men: bool = False) -> Risks:
    n = len(subjects)
    truth = rng.normal(-1.5, 1.5, n)
    positive = rng.random(n) < expit(truth)
    noise = np.where((subjects["sex"] == "M") & worse_in_men, 4.0, 0.5)
    probability = expit(truth + noise * rng.normal(size=(2, n)))
    return Risks("MMCL", "cad", (0, 1), tuple(subjects["subject"]), probability, positive, np.array([0.2, 0.2]), ())


def values_of(subjects: pd.DataFrame, rng: np.random.Generator, *, error: np.ndarray | float = 1.0) -> Answers:
    target = rng.normal(150, 30, (len(subjects), 1))
    score = target + 20 * np.asarray(error) * rng.normal(size=(2, len(subjects), 1))
    return Answers("MMCL", (0, 1), tuple(subjects["subject"]), ("lvedv_ml",), score, target)


def test_levels_are_bands_and_names_and_a_single_site_is_no_grouping():
    subjects = people(50, np.random.default_rng(0)).assign(age_years=[54.9, 55.0, 64.9, 75.0, np.nan] * 10)
    levels = subgroup_levels(subjects, list(subjects["subject"]))
    assert list(levels) == ["Sex", "Age", "Body-mass index", "Heart rate"]
    expected = ["under 55 years", "55 to under 65 years", "55 to under 65 years", "75 years and over"]
    assert levels["Age"].iloc[:4].tolist() == expected
    assert levels["Age"].isna().iloc[4]
    assert set(levels["Sex"]) == {"Women", "Men"}


def test_a_cell_holds_what_its_people_alone_would_give():
    rng = np.random.default_rng(1)
    subjects = people(2000, rng)
    risks, answers = risks_of(subjects, rng), values_of(subjects, rng)
    women = (subjects["sex"] == "F").to_numpy()
    table = risk_subgroups([risks], subjects).set_index(["level", "metric"])
    y, p = risks.positive[women], risks.probability[:, women]
    assert table.loc[("Women", "auroc"), "value"] == pytest.approx(np.mean([roc_auc_score(y, one) for one in p]))
    assert table.loc[("Women", "sensitivity"), "value"] == pytest.approx((p >= 0.2)[:, y].mean())
    assert table.loc[("Women", "specificity"), "value"] == pytest.approx((p < 0.2)[:, ~y].mean())
    assert table.loc[("Women", "brier"), "value"] == pytest.approx(((p - y) ** 2).mean())
    assert table.loc[("Women", "observed_to_expected"), "value"] == pytest.approx(y.sum() / p.mean(axis=0).sum())
    assert (table.loc["Women", "n"] == women.sum()).all()
    assert (table.loc["Women", "events"] == y.sum()).all()
    values = value_subgroups(answers, ["lvedv_ml"], subjects).set_index(["level", "metric"])
    by_hand = np.mean([pearsonr(one[women, 0], answers.target[women, 0])[0] for one in answers.score])
    assert values.loc[("Women", "r"), "value"] == pytest.approx(by_hand)
    error = np.abs(answers.score - answers.target)[:, women].mean()
    assert values.loc[("Women", "mae"), "value"] == pytest.approx(error)


def test_coverage_is_a_share_of_those_with_a_known_value():
    rng = np.random.default_rng(1)
    subjects = people(400, rng)
    covered = np.where(rng.random((400, 1)) < 0.1, np.nan, (rng.random((400, 1)) < 0.8).astype(float))
    table = value_subgroups(values_of(subjects, rng), ["lvedv_ml"], subjects, {"coverage_80": covered})
    everybody = table[(table["grouping"] == EVERYBODY) & (table["metric"] == "coverage_80")].iloc[0]
    assert everybody["value"] == pytest.approx(np.nanmean(covered))
    assert everybody["n"] == (~np.isnan(covered)).sum()


def follows(table: pd.DataFrame, column: str, metric: str, count: str) -> pd.Series:
    """Everybody less the levels that are shown, by grouping: what a reader can compute of those that are not."""
    rows = table[(table["column"] == column) & (table["metric"] == metric)]
    everybody = rows.loc[rows["grouping"] == EVERYBODY, count].iloc[0]
    levels = rows[rows["grouping"] != EVERYBODY]
    return everybody - levels.groupby("grouping")[count].sum()


def test_small_cells_show_nothing_and_cannot_be_computed_from_the_others():
    rng = np.random.default_rng(2)
    subjects = people(600, rng)
    subjects["ethnicity"] = ["A"] * 400 + ["B"] * 195 + ["C"] * 5
    table = risk_subgroups([risks_of(subjects, rng)], subjects).set_index(["level", "metric"])
    for level in ("B", "C"):  # else everybody minus A minus B would tell, and so would B's shares with their limits
        assert table.loc[level, "suppressed"].all()
        assert table.loc[level, ["value", "low", "high", "n", "events"]].isna().all(axis=None)
    assert table.loc[("A", "auroc"), "value"] > 0.5
    shown = table[~table["suppressed"].astype(bool)]
    assert (shown["events"] >= FEWEST).all()


def test_the_same_levels_are_hidden_whatever_was_asked():
    rng = np.random.default_rng(2)
    subjects = people(600, rng)
    subjects["ethnicity"] = rng.permutation(["A"] * 400 + ["B"] * 98 + ["D"] * 97 + ["C"] * 5)
    one, other = risks_of(subjects, rng), risks_of(subjects, rng)
    # Of the first disease B has the fewest cases, of the second D.
    for risks, level in ((one, "B"), (other, "D")):
        risks.positive[(subjects["ethnicity"] == level).to_numpy() & (rng.random(600) < 0.5)] = False
    other = Risks(**{**vars(other), "column": "af"})
    table = risk_subgroups([one, other], subjects)
    values = value_subgroups(values_of(subjects, rng), ["lvedv_ml"], subjects)
    hidden = pd.concat([table, values]).query("grouping == 'Ethnicity' and suppressed").groupby("column")["level"].unique()
    assert {column: set(levels) for column, levels in hidden.items()} == {one: {"C", "D"} for one in ("cad", "af", "lvedv_ml")}


def test_two_small_cells_are_not_shown_by_their_sum():
    rng = np.random.default_rng(5)
    subjects = people(600, rng)
    subjects["ethnicity"] = ["A"] * 400 + ["B"] * 194 + ["C"] * 4 + ["D"] * 2
    table = value_subgroups(values_of(subjects, rng), ["lvedv_ml"], subjects)
    assert follows(table, "lvedv_ml", "r", "n")["Ethnicity"] == 200


def test_a_few_cases_do_not_follow_from_those_of_the_other_levels():
    rng = np.random.default_rng(6)
    subjects = people(900, rng)
    risks = risks_of(subjects, rng)
    young, women = ((subjects["age_years"] < 55).to_numpy(), (subjects["sex"] == "F").to_numpy())
    for some in (women, young):
        risks.positive[some] &= np.cumsum(risks.positive[some]) < 6
    table = risk_subgroups([risks], subjects)
    hidden = table[(table["metric"] == "auroc") & table["suppressed"]]
    assert {"under 55 years", "Women", "Men"} <= set(hidden["level"])
    left = follows(table, "cad", "auroc", "events")
    assert ((left == 0) | (left >= FEWEST)).all()
    assert left["Age"] > 6


def test_without_a_threshold_there_is_no_sensitivity():
    rng = np.random.default_rng(0)
    subjects = people(300, rng)
    risks = Risks(**{**vars(risks_of(subjects, rng)), "threshold": np.array([np.nan, np.nan])})
    table = risk_subgroups([risks], subjects)
    assert table.loc[table["metric"].isin(("sensitivity", "specificity")), "value"].isna().all()
