"""Diseases follow the risk model: prevalence in expectation, and a label that can be known only in part."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cardiolens.synthetic.population import TERRITORIES
from cardiolens.synthetic.published import PREVALENCES
from cardiolens.synthetic.risk import INTERCEPTS, PREVALENCE, draw_diseases, solve_intercepts, true_risk


@pytest.fixture(scope="module")
def risk(many):
    return true_risk(many.people)


@pytest.fixture(scope="module")
def ill(many):
    return draw_diseases(many.people, np.random.default_rng(0).random((20_000, len(PREVALENCE))))


def test_published_prevalences_are_the_ones_aimed_at():
    assert {name: PREVALENCE[name] for name in PREVALENCES} == {name: rate for name, (rate, _) in PREVALENCES.items()}


def test_mean_risk_is_the_prevalence(risk):
    assert tuple(risk) == tuple(PREVALENCE)
    for name, values in risk.items():
        standard_error = values.std() / np.sqrt(len(values))
        assert values.mean() == pytest.approx(PREVALENCE[name], abs=3 * standard_error)


def test_drawn_diseases_follow_their_risk(ill):
    for name, rate in PREVALENCE.items():
        assert ill[name].mean() == pytest.approx(rate, abs=3 * np.sqrt(rate / 20_000))


# The width of the bands is that of the idea behind them: 0.85 is where coronary disease and diabetes would be a toy. Of rare
# diseases the area itself has a standard error of up to 0.03.
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("cad", 0.75, 0.85), ("af", 0.75, 0.85), ("dm", 0.70, 0.80), ("hf", 0.80, 0.90), ("mi", 0.85, 0.93),
     ("cardiomyopathy", 0.70, 0.90), ("scd", 0.75, 0.90)],
)  # fmt: skip
def test_whoever_knows_every_latent_still_errs(risk, ill, name, low, high):
    assert low < roc_auc_score(ill[name], risk[name]) < high


def test_risks_are_calibrated(risk, ill):
    for name in ("cad", "mi", "hf"):
        high = risk[name] > np.quantile(risk[name], 0.9)
        expected = risk[name][high].mean()
        assert ill[name][high].mean() == pytest.approx(expected, abs=3 * np.sqrt(expected / high.sum()))


def test_an_infarction_is_a_coronary_disease(ill):
    assert ill["mi"].any()
    assert not (ill["mi"] & ~ill["cad"]).any()


@pytest.mark.parametrize(
    ("disease", "causes"),
    [
        ("mi", ("scar_lad", "scar_rca", "coronary_burden")),
        ("hf", ("age_years", "scar_lad", "dilated", "atrial_substrate", "pressure_load")),
        ("cardiomyopathy", ("dilated", "hypertrophic")),
        ("scd", ("ischaemia_lad", "scar_lad", "dilated", "hypertrophic")),
    ],
)
def test_a_disease_has_its_causes(many, risk, disease, causes):
    # Of several diseased territories only the worst counts.
    clear = sum(many.people[f"{kind}_{place}"] for kind in ("scar", "ischaemia") for place in TERRITORIES) == 0
    before = {name: column[clear][:200] for name, column in many.people.items()}
    for cause in causes:
        more = before | {cause: before[cause] + 0.5}
        assert (true_risk(more)[disease] > risk[disease][clear][:200]).all(), cause


def test_frailty_makes_ill_and_stays_unseen(many, risk, ill):
    frailty = many.people["frailty"]
    assert all(frailty[ill[name]].mean() > frailty.mean() + 0.2 for name in ill)
    for name, values in true_risk(many.people | {"frailty": frailty + 3}).items():
        np.testing.assert_array_equal(values, risk[name])


def test_committed_intercepts_are_near_what_a_smaller_population_gives():
    # A rare disease's intercept has a standard error of one over the root of its expected cases.
    for name, intercept in solve_intercepts(50_000).items():
        assert intercept == pytest.approx(INTERCEPTS[name], abs=0.05)
