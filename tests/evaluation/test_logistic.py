import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import chi2

from cardiolens.evaluation.logistic import fit_logistic, influence, likelihood_ratio


def _newton(columns: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, float]:
    """Intercept and coefficients, and the log likelihood, by twenty Newton steps from zero."""
    design = np.column_stack([np.ones(len(columns)), columns])
    beta = np.zeros(design.shape[1])
    for _ in range(20):
        risk = expit(design @ beta)
        information = (design * (risk * (1 - risk))[:, None]).T @ design
        beta = beta + np.linalg.solve(information, design.T @ (positive - risk))
    risk = expit(design @ beta)
    return beta, float(np.log(np.where(positive, risk, 1 - risk)).sum())


def _people(rng: np.random.Generator, num: int, *, effect: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A known and an added column that agree with each other (r 0.5), and who is ill: a tenth or so."""
    known = rng.normal(size=num)
    added = 0.5 * known + np.sqrt(0.75) * rng.normal(size=num)
    return known[:, None], added[:, None], rng.random(num) < expit(-2.3 + 0.8 * known + effect * added)


@pytest.mark.parametrize("seed", range(4))
def test_fit_and_test_are_those_of_newtons_iterations(seed):
    known, added, positive = _people(np.random.default_rng(seed), 300, effect=0.4)
    known, added = 5 + 3 * known, 0.01 * added  # in other units than the solver's
    both = np.column_stack([known, added])
    beta, log_likelihood = _newton(both, positive)
    found = fit_logistic(both, positive)
    assert found.log_likelihood == pytest.approx(log_likelihood, abs=1e-5)
    assert [found.intercept, *found.coefficient] == pytest.approx(beta.tolist(), rel=1e-4)
    np.testing.assert_allclose(found.log_odds(both), beta[0] + both @ beta[1:], atol=1e-4)
    ratio = likelihood_ratio(known, added, positive)
    chi_square = 2 * (log_likelihood - _newton(known, positive)[1])
    assert ratio.chi_square == pytest.approx(chi_square, abs=1e-4)
    assert (ratio.freedom, ratio.p_value) == (1, pytest.approx(chi2.sf(chi_square, 1), rel=1e-3))


def test_a_column_that_adds_nothing_is_called_an_addition_as_rarely_as_promised():
    rng = np.random.default_rng(5)
    repeats = 800
    wrong = sum(likelihood_ratio(*_people(rng, 300, effect=0.0)).p_value < 0.05 for _ in range(repeats))
    assert abs(wrong / repeats - 0.05) < 3.5 * np.sqrt(0.05 * 0.95 / repeats)


def test_a_column_that_adds_something_is_found():
    rng = np.random.default_rng(6)
    found = sum(likelihood_ratio(*_people(rng, 600, effect=0.7)).p_value < 0.05 for _ in range(100))
    assert found >= 90


def test_a_copy_or_a_constant_adds_nothing_that_could_be_tested():
    known, _, positive = _people(np.random.default_rng(7), 200, effect=0.0)
    for added in (2 * known - 3, np.full_like(known, 0.7)):
        assert np.isnan(likelihood_ratio(known, added, positive).p_value)
    assert fit_logistic(np.full_like(known, 0.7), positive).coefficient.tolist() == [0.0]


def test_a_column_that_separates_the_classes_has_a_finite_fit():
    known, added, _ = _people(np.random.default_rng(8), 120, effect=0.0)
    positive = added[:, 0] > 0.8
    found = likelihood_ratio(known, added, positive)
    assert np.isfinite(found.chi_square)
    assert found.p_value < 1e-6


def test_rows_of_one_class_are_refused():
    with pytest.raises(ValueError, match="0 positives of 3 rows"):
        fit_logistic(np.arange(3.0)[:, None], np.zeros(3, dtype=bool))


def test_the_influence_of_rows_gives_the_error_of_the_coefficients():
    rng = np.random.default_rng(6)
    fitted, claimed = [], []
    for _ in range(300):
        known, _, positive = _people(rng, 400, effect=0.0)
        fit = fit_logistic(known, positive)
        fitted.append((fit.intercept, *fit.coefficient))
        claimed.append(np.sqrt((influence(known, fit.log_odds(known), positive) ** 2).sum(axis=0)))
    np.testing.assert_allclose(np.mean(claimed, axis=0), np.std(fitted, axis=0), rtol=0.12)


def test_separated_classes_and_equal_values_have_no_influence_to_go_by():
    column, positive = np.arange(40.0)[:, None], np.arange(40) >= 25
    separated = fit_logistic(column, positive)
    assert np.isnan(influence(column, separated.log_odds(column), positive)).all()
    equal = np.ones((40, 1))
    assert np.isnan(influence(equal, fit_logistic(equal, positive).log_odds(equal), positive)).all()
