"""Diseases follow the risk model: prevalence in expectation, and a label that can be known only in part."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cardiolens.synthetic.risk import INTERCEPTS, PREVALENCE, draw_diseases, solve_intercepts, true_risk


def test_mean_risk_is_the_papers_prevalence(many):
    for name, risk in true_risk(many.people).items():
        standard_error = risk.std() / np.sqrt(len(risk))
        assert risk.mean() == pytest.approx(PREVALENCE[name], abs=4 * standard_error)


def test_drawn_diseases_follow_their_risk(many):
    ill = draw_diseases(many.people, np.random.default_rng(0).random((20_000, 3)))
    for name, risk in true_risk(many.people).items():
        assert ill[name].mean() == pytest.approx(PREVALENCE[name], abs=4 * np.sqrt(PREVALENCE[name] / 20_000))
        assert 0.74 < roc_auc_score(ill[name], risk) < 0.86


def test_frailty_makes_ill_and_stays_unseen(many):
    ill = draw_diseases(many.people, np.random.default_rng(0).random((20_000, 3)))
    frailty = many.people["frailty"]
    assert all(frailty[ill[name]].mean() > frailty.mean() + 0.2 for name in ill)
    changed = many.people | {"frailty": frailty + 3}
    for name, risk in true_risk(changed).items():
        np.testing.assert_array_equal(risk, true_risk(many.people)[name])


def test_committed_intercepts_are_near_what_a_smaller_population_gives():
    for name, intercept in solve_intercepts(50_000).items():
        assert intercept == pytest.approx(INTERCEPTS[name], abs=0.05)
