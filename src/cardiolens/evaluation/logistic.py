"""Logistic regression on a few columns by maximum likelihood: combined log odds, and what one more column adds.

Sources: Wilks 1938 for the test; that it, and no comparison of areas or of reclassification, is the test of whether a marker
adds anything: Pepe, Kerr, Longton & Wang 2013, Stat Med 32:1467.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import expit
from scipy.stats import chi2

_WEAK = 1e6
"""Inverse of the penalty, in units of the columns' spread. Where a column separates the classes it keeps the maximum finite;
elsewhere it moves a chi-square by less than 1e-4."""
_SEPARATED = 0.05
"""Sum of all residuals, in rows: where the classes overlap, some row is wrong by a half or more."""


@dataclass(frozen=True, eq=False)
class LogisticFit:
    """log odds = intercept + columns @ coefficient."""

    intercept: float
    coefficient: Float[np.ndarray, " column"]
    log_likelihood: float

    def log_odds(self, columns: Float[np.ndarray, "row column"]) -> Float[np.ndarray, " row"]:
        """Of every row."""
        return self.intercept + columns @ self.coefficient


@dataclass(frozen=True)
class LikelihoodRatio:
    """Twice the gain in log likelihood, chi-square of `freedom` degrees where the added columns say nothing."""

    chi_square: float
    freedom: int
    p_value: float


def fit_logistic(
    columns: Float[np.ndarray, "row column"], positive: Bool[np.ndarray, " row"], *, inverse_penalty: float = _WEAK
) -> LogisticFit:
    """The fit. A column that does not vary has a coefficient of 0.

    Raises:
        ValueError: the rows are of one class, or a value is not finite.
    """
    from sklearn.linear_model import LogisticRegression

    if not np.isfinite(columns).all() or positive.all() or not positive.any():
        raise ValueError(f"{int(positive.sum())} positives of {len(positive)} rows; both classes and finite values are needed")
    scaled, centre, spread = _standardised(columns)
    fit = LogisticRegression(C=inverse_penalty, solver="newton-cholesky", tol=1e-8).fit(scaled, positive)
    coefficient = fit.coef_[0] / spread
    log_odds = fit.decision_function(scaled)
    log_likelihood = -float(np.logaddexp(0, np.where(positive, -log_odds, log_odds)).sum())
    return LogisticFit(float(fit.intercept_[0]) - float(centre @ coefficient), coefficient, log_likelihood)


def influence(
    columns: Float[np.ndarray, "row column"], log_odds: Float[np.ndarray, " row"], positive: Bool[np.ndarray, " row"]
) -> Float[np.ndarray, "row coefficient"]:
    """How each row moves the intercept and the coefficients fitted to `columns` (none: the intercept alone), at the `log_odds`
    of the fit; NaN where a column separates the classes or does not vary, so that no variance can be had."""
    design = np.column_stack([np.ones(len(columns)), columns])
    mean = expit(log_odds)
    information = design.T @ (design * (mean * (1 - mean))[:, None])
    if np.abs(positive - mean).sum() < _SEPARATED or not np.linalg.cond(information) < 1e12:
        return np.full(design.shape, np.nan)
    return np.linalg.solve(information, (design * (positive - mean)[:, None]).T).T


def likelihood_ratio(
    known: Float[np.ndarray, "row known"], added: Float[np.ndarray, "row added"], positive: Bool[np.ndarray, " row"]
) -> LikelihoodRatio:
    """Whether the added columns say anything that the known ones do not: both models are fitted to these rows.

    NaN where the rows are of one class, or an added column does not vary or follows from the others by a straight line.
    """
    both = np.concatenate([known, added], axis=1)
    freedom = added.shape[1]
    if positive.all() or not positive.any() or _rank(both) < _rank(known) + freedom:
        return LikelihoodRatio(np.nan, freedom, np.nan)
    gain = fit_logistic(both, positive).log_likelihood - fit_logistic(known, positive).log_likelihood
    chi_square = max(2 * gain, 0.0)
    return LikelihoodRatio(chi_square, freedom, float(chi2.sf(chi_square, freedom)))


def _rank(columns: Float[np.ndarray, "row column"]) -> int:
    """How many directions the columns vary in."""
    return int(np.linalg.matrix_rank(_standardised(columns)[0], tol=1e-6 * np.sqrt(len(columns))))


def _standardised(
    columns: Float[np.ndarray, "row column"],
) -> tuple[Float[np.ndarray, "row column"], Float[np.ndarray, " column"], Float[np.ndarray, " column"]]:
    """Columns of mean 0 and spread 1, or of zeros where they do not vary, with their mean and spread (infinite for these)."""
    centre, spread = columns.mean(axis=0), columns.std(axis=0)
    # A constant has a spread of rounding errors.
    spread = np.where(spread > 1e-12 * np.maximum(np.abs(centre), 1), spread, np.inf)
    return (columns - centre) / spread, centre, spread
