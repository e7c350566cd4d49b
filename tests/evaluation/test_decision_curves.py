import numpy as np
import pytest
from scipy.special import expit

from cardiolens.evaluation.decision_curves import (
    TREAT_ALL,
    TREAT_NONE,
    decision_curve_figure,
    decision_curves,
    net_benefit,
    thresholds_for,
)
from cardiolens.evaluation.risks import Risks


def _risks(method: str, spread: float, *, seeds: int = 2) -> Risks:
    rng = np.random.default_rng(4)
    truth = rng.normal(-2, spread, 2500)
    positive = rng.random(2500) < expit(truth)
    probability = expit(truth + rng.normal(0, 0.01, (seeds, 2500)))
    names = tuple(f"{k:012x}" for k in range(2500))
    return Risks(method, "af", tuple(range(seeds)), names, probability, positive, np.full(seeds, 0.2), ())


def test_the_benefit_is_the_formula_written_out():
    risks = _risks("MMCL", 1.0, seeds=1)
    p, y = risks.probability[0], risks.positive
    for threshold in (0.05, 0.3):
        true, false = ((p >= threshold) & y).sum(), ((p >= threshold) & ~y).sum()
        expected = true / len(y) - false / len(y) * threshold / (1 - threshold)
        assert net_benefit(risks.probability, y, np.array([threshold])).mean() == pytest.approx(expected)


def test_treating_all_crosses_none_at_the_prevalence_and_good_risks_are_above_both():
    risks = _risks("MMCL", 2.0)
    curves = decision_curves([risks], rng=np.random.default_rng(0), resamples=200)
    by_method = {name: part.reset_index() for name, part in curves.groupby("method", sort=False)}
    everybody, model = by_method[TREAT_ALL], by_method["MMCL"]
    below = everybody["threshold"] < risks.positive.mean()
    assert (everybody["net_benefit"] > 0).equals(below)
    best_without = np.maximum(everybody["net_benefit"], 0)
    assert (model["net_benefit"] > best_without - 1e-3).all()
    assert (model["net_benefit"] - best_without).max() > 0.02
    assert (by_method[TREAT_NONE]["net_benefit"] == 0).all()
    assert ((model["low"] <= model["net_benefit"]) & (model["net_benefit"] <= model["high"])).all()


def test_thresholds_lie_about_the_prevalence():
    assert thresholds_for(0.03).max() == pytest.approx(0.12)
    assert thresholds_for(0.4).max() == 0.5


def test_a_disease_without_cases_has_no_curve():
    nobody = Risks(**{**vars(_risks("MMCL", 1.0)), "positive": np.zeros(2500, bool)})
    assert decision_curves([nobody], rng=np.random.default_rng(0)).empty


def test_the_picture_is_drawn():
    curves = decision_curves([_risks("MMCL", 2.0), _risks("Tabular", 1.0)], rng=np.random.default_rng(0), resamples=50)
    assert decision_curve_figure(curves, methods=("MMCL", "Tabular")).startswith(b"\x89PNG")
