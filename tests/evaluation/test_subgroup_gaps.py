import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, chi2, chi2_contingency
from test_subgroups import people, risks_of, values_of

from cardiolens.evaluation.gaps import PRIMARY, gaps, heterogeneity, share_heterogeneity
from cardiolens.evaluation.risks import Risks
from cardiolens.evaluation.subgroups import risk_subgroups, value_subgroups


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
    assert heterogeneity(value, value - reach, value + reach, scale="plain") == pytest.approx(chi2.sf(q, 2), rel=1e-4)
    assert np.isnan(heterogeneity(value[:1], value[:1] - 1, value[:1] + 1, scale="plain"))


def test_a_level_that_is_always_hit_is_told_from_one_that_hardly_is():
    assert share_heterogeneity(np.array([40.0, 2.0]), np.array([40.0, 40.0])) < 1e-12
    assert share_heterogeneity(np.array([0.0, 38.0]), np.array([40.0, 40.0])) < 1e-12
    assert share_heterogeneity(np.array([40.0, 40.0]), np.array([40.0, 40.0])) == 1
    assert np.isnan(share_heterogeneity(np.array([40.0]), np.array([40.0])))


def test_a_sensitivity_of_all_takes_part_in_the_table_of_gaps():
    n = 400
    subjects = pd.DataFrame({"subject": [f"{k:012x}" for k in range(n)], "sex": ["F", "M"] * (n // 2)})
    positive = np.arange(n) < 80
    women = (subjects["sex"] == "F").to_numpy()
    found = np.where(positive, women | (np.arange(n) < 4), np.arange(n) % 7 == 0)
    risks = Risks("MMCL", "cad", (0,), tuple(subjects["subject"]), 0.1 + 0.8 * found[None], positive, np.array([0.5]), ())
    tested = gaps(risk_subgroups([risks], subjects)).set_index("metric").loc["sensitivity"]
    assert (tested["levels"], tested["highest"]) == (2, "Women")
    assert tested["gap"] == pytest.approx(1 - 2 / 40)
    assert tested["p"] < 1e-12


def test_shares_are_compared_by_the_chi_squares_that_others_compute():
    hits, among = np.array([30.0, 40.0, 55.0]), np.array([50.0, 90.0, 80.0])
    counts = np.stack([hits, among - hits])
    pearson = chi2_contingency(counts, correction=False).statistic * (among.sum() - 1) / among.sum()
    ratio = chi2_contingency(counts, correction=False, lambda_="log-likelihood").statistic
    assert share_heterogeneity(hits, among) == pytest.approx(chi2.sf(min(pearson, ratio), 2), rel=1e-9)


@pytest.mark.parametrize(("among", "share"), [((10, 60, 300), 0.95), ((10, 1000), 0.95), ((40, 40), 0.95), ((100, 200), 0.8)])
def test_equal_shares_are_told_apart_no_more_often_than_promised(among, share):
    rng = np.random.default_rng(8)
    repetitions, among = 4000, np.array(among, float)
    hits = rng.binomial(among.astype(int), share, (repetitions, len(among))).astype(float)
    p = np.array([share_heterogeneity(one, among) for one in hits])
    for level in (0.05, 0.001):
        assert (p < level).sum() <= binom.ppf(0.999, repetitions, level), level


def test_the_many_secondary_tests_leave_the_primary_ones_as_they_are():
    rng = np.random.default_rng(9)
    subjects = people(900, rng)
    alone = gaps(risk_subgroups([risks_of(subjects, rng, worse_in_men=True)], subjects))
    values = value_subgroups(values_of(subjects, rng), ["lvedv_ml"], subjects)
    rng = np.random.default_rng(9)
    subjects = people(900, rng)
    beside = gaps(pd.concat([risk_subgroups([risks_of(subjects, rng, worse_in_men=True)], subjects), values]))
    primary = [one[one["family"].isin(PRIMARY)].set_index(["grouping", "metric"])["p_holm"] for one in (alone, beside)]
    pd.testing.assert_series_equal(*primary)
    of_auc = alone[alone["family"] == PRIMARY[0]]
    assert set(of_auc["metric"]) == {"auroc"}
    assert of_auc["p_holm"].min() == pytest.approx(of_auc["p"].min() * len(of_auc))
