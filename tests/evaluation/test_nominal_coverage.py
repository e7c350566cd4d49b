"""Whether an interval of 95 % holds the truth in 92 to 98 % of simulated studies. Intervals of areas under the ROC curve, of r
and its differences, of C, of values and of calibration are simulated beside their own tests."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import average_precision_score
from test_differences import _found, _table

from cardiolens.evaluation.concordance import concordance, concordance_difference
from cardiolens.evaluation.decision_curves import decision_curves, net_benefit
from cardiolens.evaluation.metrics import auprc
from cardiolens.evaluation.reliability import reliability_groups
from cardiolens.evaluation.risks import Risks
from cardiolens.evaluation.subgroups import risk_subgroups
from cardiolens.evaluation.survival import kaplan_meier


def assert_nominal(covered: list[bool] | np.ndarray) -> None:
    assert 0.92 <= np.mean(covered) <= 0.98, np.mean(covered)


def holds(low: object, truth: object, high: object) -> np.ndarray:
    return np.asarray((np.asarray(low) <= truth) & (truth <= np.asarray(high)))


def ranked(n: int, prevalence: float, distance: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    positive = rng.random(n) < prevalence
    return rng.normal(size=n) + distance * positive, positive


def true_risks(n: int, rng: np.random.Generator) -> tuple[Risks, np.ndarray]:
    """Risks that are a little too extreme, and the true ones."""
    log_odds = rng.normal(-1.5, 1.2, n)
    truth = expit(log_odds)
    names = tuple(f"{k:012x}" for k in range(n))
    risks = expit(1.3 * log_odds + 0.2)[None]
    return Risks("MMCL", "cad", (0,), names, risks, rng.random(n) < truth, np.array([0.2]), ()), truth


@pytest.mark.parametrize(
    ("n", "prevalence", "distance"), [(2000, 0.05, 0.5), (2000, 0.05, 0.0), (1000, 0.05, 1.0), (300, 0.3, 2.0), (120, 0.5, 1.0)]
)
def test_precision(n, prevalence, distance):
    score, positive = ranked(1_000_000, prevalence, distance, np.random.default_rng(1))
    truth, rng = average_precision_score(positive, score), np.random.default_rng(2)
    found = [auprc(*ranked(n, prevalence, distance, rng)) for _ in range(600)]
    assert_nominal([holds(one.low, truth, one.high) for one in found])


def test_observed_over_expected_of_a_subgroup():
    rng, covered = np.random.default_rng(3), []
    large, truth = true_risks(1_000_000, np.random.default_rng(4))
    ratio = truth.sum() / large.probability.sum()
    for _ in range(250):
        risks, _ = true_risks(400, rng)
        people = pd.DataFrame({"subject": risks.subjects, "sex": rng.choice(["F", "M"], 400)})
        row = risk_subgroups([risks], people).set_index(["level", "metric"]).loc[("Women", "observed_to_expected")]
        covered.append(holds(row["low"], ratio, row["high"]))
    assert_nominal(covered)


def test_net_benefit():
    rng, covered = np.random.default_rng(5), []
    large, truth = true_risks(1_000_000, np.random.default_rng(6))
    at = np.linspace(0.02, 0.5, 25)
    worth = [(np.where(large.probability[0] >= t, truth - (1 - truth) * t / (1 - t), 0)).mean() for t in at]
    for _ in range(400):
        curve = decision_curves([true_risks(300, rng)[0]], rng=rng, resamples=300)
        mine = curve[(curve["method"] == "MMCL") & (curve["threshold"] >= 0.02)].iloc[::10]
        covered.append(holds(mine["low"], np.interp(mine["threshold"], at, worth), mine["high"]))
    assert_nominal(np.concatenate(covered))
    assert net_benefit(large.probability, large.positive, np.array([0.2])).mean() == pytest.approx(
        np.interp(0.2, at, worth), abs=0.002
    )


@pytest.mark.parametrize(("n", "hazard"), [(60, 0.3), (300, 0.3), (2000, 0.02)])
def test_kaplan_meier(n, hazard):
    rng, years, covered = np.random.default_rng(7), np.array([0.5, 1.0, 1.5]), []
    truth = np.exp(-hazard * years)
    for _ in range(600):
        ill, censored = rng.exponential(1 / hazard, n), rng.uniform(0.5, 2.5, n)
        curve = kaplan_meier(np.minimum(ill, censored), ill <= censored)
        step = np.searchsorted(curve.days, years, side="right") - 1
        # Before the first who falls ill there is no step and no interval.
        covered.append(np.where(step >= 0, holds(curve.low[step], truth, curve.high[step]), True))
    assert_nominal(np.array(covered)[:, 1:])


@pytest.mark.parametrize("n", [150, 500, 4000])
def test_the_share_of_cases_in_a_group_of_equal_risks(n):
    covered = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        risks, truth = true_risks(n, rng)
        exact = Risks(**{**vars(risks), "probability": truth[None]})
        groups = reliability_groups([exact])
        covered.append(holds(groups["low"], groups["predicted"], groups["high"]))
    assert_nominal(np.concatenate(covered))


def test_a_difference_of_explained_variance():
    rng, covered, n = np.random.default_rng(8), [], 100
    for _ in range(300):
        target, shared = rng.normal(size=(2, n))
        scores = {}
        for method, r in (("a", 0.5), ("b", 0.7)):
            # The best guess of somebody who knows r of the target; two seeds with noise of their own.
            guess = r * (r * target + np.sqrt(1 - r**2) * (0.8 * shared + 0.6 * rng.normal(size=n)))
            scores[method] = guess + 0.2 * rng.normal(size=(2, n))
        table = _table(scores, target, "age_years")
        row = _found(table, reference="b", rng=rng, resamples=300, metrics=("r2",)).iloc[0]
        covered.append(holds(row["low"], 0.5**2 - 0.7**2, row["high"]))
    assert_nominal(covered)


@pytest.mark.parametrize(("n", "followed"), [(150, 0.15), (400, 0.15), (300, 0.8)])
def test_a_difference_of_concordance(n, followed):
    def people(num: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        hazard = rng.normal(size=num)
        ill, censored = rng.exponential(np.exp(-hazard)), rng.uniform(0.2, 1.8, num) * followed
        return hazard + np.array([[1.0], [2.0]]) * rng.normal(size=(2, num)), np.minimum(ill, censored), ill <= censored

    scores, days, event = people(100_000, np.random.default_rng(9))
    truth = concordance(scores[0], days, event).value - concordance(scores[1], days, event).value
    rng, covered = np.random.default_rng(10), []
    for _ in range(600):
        scores, days, event = people(n, rng)
        found = concordance_difference(*scores, days, event).difference
        if not np.isnan(found.low):
            covered.append(holds(found.low, truth, found.high))
    assert_nominal(covered)
