import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import binom, pearsonr
from sklearn.metrics import roc_auc_score

from cardiolens.evaluation.dense import Answers
from cardiolens.evaluation.risks import Risks
from cardiolens.evaluation.subgroups import (
    EVERYBODY,
    FEWEST,
    gaps,
    heterogeneity,
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


def test_small_cells_show_nothing_and_cannot_be_computed_from_the_others():
    rng = np.random.default_rng(2)
    subjects = people(600, rng)
    subjects["ethnicity"] = ["A"] * 400 + ["B"] * 195 + ["C"] * 5
    table = risk_subgroups([risks_of(subjects, rng)], subjects).set_index(["level", "metric"])
    few = table.loc["C"]
    assert few["suppressed"].all()
    assert few[["value", "low", "high", "n", "events"]].isna().all().all()
    assert table.loc["B", "n"].isna().all()  # else everybody minus A minus B would tell
    assert table.loc[("B", "auroc"), "value"] > 0.5
    shown = table[~table["suppressed"].astype(bool)]
    assert (shown["events"].dropna() >= FEWEST).all()


def test_a_real_gap_is_found_and_named():
    rng = np.random.default_rng(3)
    subjects = people(4000, rng)
    found = gaps(risk_subgroups([risks_of(subjects, rng, worse_in_men=True)], subjects))
    of_sex = found[(found["grouping"] == "Sex") & (found["metric"] == "auroc")].iloc[0]
    assert (of_sex["lowest"], of_sex["highest"]) == ("Men", "Women")
    assert of_sex["p_holm"] < 1e-4
    assert of_sex["gap"] > 0.1


def test_where_there_is_no_gap_one_test_in_twenty_says_so():
    repetitions, said = 400, {"auroc": 0, "r": 0}
    for repetition in range(repetitions):
        rng = np.random.default_rng(repetition)
        subjects = people(400, rng)[["subject", "sex"]]
        both = [
            risk_subgroups([risks_of(subjects, rng)], subjects),
            value_subgroups(values_of(subjects, rng), ["lvedv_ml"], subjects),
        ]
        for metric, table in zip(said, both, strict=True):
            found = gaps(table)
            said[metric] += float(found.loc[found["metric"] == metric, "p"].iloc[0]) < 0.05
    # Intervals of Student's kind are wider than normal ones, so the test is a little careful.
    assert all(count <= binom.ppf(0.999, repetitions, 0.05) for count in said.values()), said
    assert all(count >= binom.ppf(0.001, repetitions, 0.03) for count in said.values()), said


def test_heterogeneity_is_the_formula():
    value, error = np.array([1.0, 2.0, 4.0]), np.array([0.5, 0.25, 1.0])
    reach = 1.959964 * error
    weight = 1 / error**2
    q = (weight * (value - (weight * value).sum() / weight.sum()) ** 2).sum()
    from scipy.stats import chi2

    assert heterogeneity(value, value - reach, value + reach, scale="plain") == pytest.approx(chi2.sf(q, 2), rel=1e-4)
    assert np.isnan(heterogeneity(value[:1], value[:1] - 1, value[:1] + 1, scale="plain"))


def test_without_a_threshold_there_is_no_sensitivity():
    rng = np.random.default_rng(0)
    subjects = people(300, rng)
    risks = Risks(**{**vars(risks_of(subjects, rng)), "threshold": np.array([np.nan, np.nan])})
    table = risk_subgroups([risks], subjects)
    assert table.loc[table["metric"].isin(("sensitivity", "specificity")), "value"].isna().all()
