import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binom
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from cardiolens.evaluation.calibration import fit_calibration
from cardiolens.evaluation.risk_metrics import RISK_METRICS, recalibration, risk_metrics
from cardiolens.evaluation.risks import Risks


def made_up(
    rng: np.random.Generator, *, subjects: int = 3000, slope: float = 1.0, shift: float = 0.0, seeds: int = 1
) -> tuple[Risks, np.ndarray]:
    """Risks whose log odds are the true ones times `slope` plus `shift`; the true risks too."""
    truth = rng.normal(-1.5, 1.2, subjects)
    log_odds = slope * truth + shift + rng.normal(0, 1e-3, (seeds, subjects))
    positive = rng.random(subjects) < expit(truth)
    names = tuple(f"{k:012x}" for k in range(subjects))
    one = fit_calibration(truth, positive)
    threshold = np.full(seeds, 0.2)
    return Risks("MMCL", "cad", tuple(range(seeds)), names, expit(log_odds), positive, threshold, (one,) * seeds), expit(truth)


@pytest.fixture(scope="module")
def found():
    rng = np.random.default_rng(0)
    risks, _ = made_up(rng, slope=2.0, shift=0.5, seeds=2)
    return risks, risk_metrics([risks], rng=rng, resamples=500).set_index("metric")


def test_every_metric_has_its_row_with_seeds_subjects_and_cases(found):
    risks, table = found
    assert list(table.index) == list(RISK_METRICS)
    assert (table["n"] == 3000).all()
    assert (table["seeds"] == 2).all()
    assert (table["events"] == risks.positive.sum()).all()


def test_they_are_what_others_compute(found):
    risks, table = found
    p, y = risks.probability, risks.positive
    found_by_seed = p >= 0.2
    expected = {
        "brier": np.mean([brier_score_loss(y, one) for one in p]),
        "brier_skill": np.mean([1 - brier_score_loss(y, one) / (y.mean() * (1 - y.mean())) for one in p]),
        "sensitivity": found_by_seed[:, y].mean(),
        "specificity": 1 - found_by_seed[:, ~y].mean(),
        "ppv": np.mean([y[one].mean() for one in found_by_seed]),
        "npv": np.mean([1 - y[~one].mean() for one in found_by_seed]),
        "observed_to_expected": np.mean([y.sum() / one.sum() for one in p]),
    }
    slopes = []
    for one in p:
        fit = LogisticRegression(C=np.inf, tol=1e-10).fit(np.log(one / (1 - one))[:, None], y)
        slopes.append(fit.coef_[0, 0])
    expected["calibration_slope"] = np.mean(slopes)
    assert table.loc[list(expected), "mean"].to_numpy() == pytest.approx(list(expected.values()), abs=1e-5)


def test_the_calibration_error_is_the_mean_distance_over_ten_groups_of_equal_size(found):
    risks, table = found
    errors = []
    for one in risks.probability:
        groups = np.array_split(np.argsort(one), 10)
        errors.append(sum(abs(risks.positive[g].mean() - one[g].mean()) * len(g) for g in groups) / len(one))
    assert table.loc["ece", "mean"] == pytest.approx(np.mean(errors), abs=2e-4)


def test_too_extreme_risks_have_a_slope_below_one_and_too_high_ones_an_intercept_below_zero():
    _, too_extreme = _one(slope=2.0)
    assert too_extreme.loc["calibration_slope", "high"] < 0.7
    _, too_high = _one(shift=1.0)
    assert too_high.loc["calibration_intercept", "high"] < -0.7
    assert too_high.loc["observed_to_expected", "high"] < 0.8


def test_perfect_risks_have_the_calibration_error_of_chance_and_no_more():
    _, perfect = _one()
    assert perfect.loc["ece", "mean"] == pytest.approx(perfect.loc["ece_by_chance", "mean"], abs=0.008)
    _, wrong = _one(shift=1.0)
    assert wrong.loc["ece", "mean"] > 5 * wrong.loc["ece_by_chance", "mean"]


def test_the_calibration_error_has_no_interval(found):
    _, table = found
    assert table.loc["ece", ["low", "high"]].isna().all()
    assert table.loc["brier", ["low", "high"]].notna().all()


def _one(**how):
    rng = np.random.default_rng(3)
    risks, _ = made_up(rng, **how)
    return risks, risk_metrics([risks], rng=rng, resamples=400).set_index("metric")


def test_intervals_hold_their_level():
    shares = ("sensitivity", "specificity", "ppv", "npv")
    repetitions = 300
    covered = dict.fromkeys(
        ("brier", "brier_skill", "observed_to_expected", "calibration_slope", "calibration_intercept", *shares), 0
    )
    large = np.random.default_rng(5)
    population, true_risk = made_up(large, subjects=400_000)
    p = population.probability[0]
    truth = {
        "brier": (true_risk * (1 - true_risk)).mean(),
        "brier_skill": 1 - (true_risk * (1 - true_risk)).mean() / (true_risk.mean() * (1 - true_risk.mean())),
        "observed_to_expected": 1.0,
        "sensitivity": (true_risk * (p >= 0.2)).sum() / true_risk.sum(),
        "specificity": ((1 - true_risk) * (p < 0.2)).sum() / (1 - true_risk).sum(),
        "ppv": true_risk[p >= 0.2].mean(),
        "npv": 1 - true_risk[p < 0.2].mean(),
        "calibration_slope": 1.0,
        "calibration_intercept": 0.0,
    }
    for repetition in range(repetitions):
        rng = np.random.default_rng(1000 + repetition)
        risks, _ = made_up(rng, subjects=500, seeds=2)
        table = risk_metrics([risks], rng=rng, resamples=200).set_index("metric")
        for metric in covered:
            covered[metric] += table.loc[metric, "low"] <= truth[metric] <= table.loc[metric, "high"]
    # A percentile bootstrap of 500 subjects is a little short; what is ruled out is an interval of another level.
    low, high = binom.ppf((0.001, 0.999), repetitions, (0.93, 0.96))
    assert all(low <= count <= high for count in covered.values()), covered


def test_intervals_of_what_a_threshold_finds_hold_their_level_for_a_handful_of_cases():
    shares = ("sensitivity", "specificity", "ppv", "npv")
    population, true_risk = made_up(np.random.default_rng(5), subjects=400_000)
    above = population.probability[0] >= 0.2
    truth = {
        "sensitivity": true_risk[above].sum() / true_risk.sum(),
        "specificity": (1 - true_risk)[~above].sum() / (1 - true_risk).sum(),
        "ppv": true_risk[above].mean(),
        "npv": 1 - true_risk[~above].mean(),
    }
    repetitions, covered = 400, dict.fromkeys(shares, 0)
    for repetition in range(repetitions):
        rng = np.random.default_rng(2000 + repetition)
        table = risk_metrics([made_up(rng, subjects=25)[0]], rng=rng, resamples=2).set_index("metric")
        for metric in shares:
            covered[metric] += table.loc[metric, "low"] <= truth[metric] <= table.loc[metric, "high"]
    low, high = binom.ppf((0.001, 0.999), repetitions, (0.94, 0.975))
    assert all(low <= count <= high for count in covered.values()), covered


def test_two_cases_leave_wide_shares_and_no_other_interval():
    rng = np.random.default_rng(4)
    risks, _ = made_up(rng, subjects=50)
    two = Risks(**{**vars(risks), "positive": np.arange(50) < 2, "probability": np.full((1, 50), 0.1)})
    table = risk_metrics([two], rng=rng, resamples=100).set_index("metric")
    assert (table.loc["sensitivity", "mean"], table.loc["specificity", "mean"]) == (0, 1)
    assert table.loc["sensitivity", ["low", "high"]].tolist() == pytest.approx([0, 0.6576], abs=1e-3)
    assert table.loc["specificity", ["low", "high"]].tolist() == pytest.approx([0.9259, 1], abs=1e-3)
    assert table.loc["ppv", ["mean", "low"]].isna().all(), "nobody is above the threshold"
    others = table.drop(["sensitivity", "specificity", "ppv", "npv"])
    assert others[["low", "high"]].isna().all(axis=None)
    assert np.isfinite(table.loc["brier", "mean"])


def test_without_a_threshold_nothing_is_found_and_nothing_missed():
    rng = np.random.default_rng(4)
    risks, _ = made_up(rng, subjects=200)
    unknown = Risks(**{**vars(risks), "threshold": np.array([np.nan])})
    table = risk_metrics([unknown], rng=rng, resamples=10).set_index("metric")
    assert table.loc[["sensitivity", "specificity", "ppv", "npv"], "mean"].isna().all()


def test_the_interval_of_several_seeds_is_that_of_their_mean():
    rng = np.random.default_rng(2)
    risks, _ = made_up(rng, seeds=1)
    doubled = np.concatenate([risks.probability] * 3)
    one, three = recalibration(risks.probability, risks.positive), recalibration(doubled, risks.positive)
    assert (three[2].low, three[2].high) == pytest.approx((one[2].low, one[2].high))


def test_risks_that_are_alike_have_no_slope():
    positive = np.arange(300) < 60
    for spread, known in ((1e-3, False), (0.5, True)):
        probability = expit(-1.4 + spread * np.random.default_rng(6).normal(size=(1, 300)))
        slopes, intercepts, slope, intercept = recalibration(probability, positive)
        assert np.isfinite([slopes[0], slope.value, slope.low]).all() == known
        assert np.isfinite([intercepts[0], intercept.low, intercept.high]).all()


def test_without_cases_nothing_is_claimed():
    rng = np.random.default_rng(0)
    risks, _ = made_up(rng, subjects=50)
    nobody = Risks(**{**vars(risks), "positive": np.zeros(50, bool)})
    assert risk_metrics([nobody], rng=rng, resamples=10)["mean"].isna().all()
