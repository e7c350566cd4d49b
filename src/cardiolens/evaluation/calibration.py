"""From scores to probabilities, fitted on subjects that chose nothing else, with what such a probability leaves open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import expit
from scipy.stats import chi2

from cardiolens.evaluation.logistic import fit_logistic
from cardiolens.uncertainty import RiskMap

FEWEST_EVENTS = 10
"""With fewer positives or negatives a slope is noise: the scores' own slope stands and only the level is fitted."""
ENOUGH_FOR_ISOTONIC = 1000
"""Of the rarer class: from here on a map of free shape beats a line (Niculescu-Mizil & Caruana 2005)."""
LEVEL, FLAT, PLATT, ISOTONIC = "intercept", "prevalence", "slope and intercept", "isotonic"

SLOPE_SD = 0.5
"""Of slopes about 1 before any data: log odds of held-out subjects are mostly between flat and twice as steep as they should
be. A dozen events cannot say more than that, and hundreds hardly notice it."""
_WEAK = 1e4
"""Inverse of the penalty: separable scores have no finite maximum, and it ends the climb there and moves nothing elsewhere."""
_ALPHA = 0.05
_NEARLY_FLAT = 1e-3
"""Of the log odds per standard deviation of the score."""
_MOST_KNOTS = 200
_SMALLEST = 1e-4
"""No subject is told a risk of nothing or of certainty because nobody like them had, or lacked, the disease."""


@dataclass(frozen=True, kw_only=True)
class CalibrationMap(RiskMap):
    """A map with whom it was fitted on."""

    prevalence: float
    """Share of positives among the subjects that it was fitted on; 0..1."""
    subjects: int
    events: int
    fitted: str
    """What was fitted: `intercept`, `prevalence`, `slope and intercept` or `isotonic`."""
    found_slope: float = np.nan
    """Of Platt's line as the subjects alone have it, without the prior; NaN where there were too few events to fit one."""
    slope_p: float = np.nan
    """Two-sided p-value of that slope being 0, by likelihood ratio; NaN where there were too few events."""

    @property
    def tells_apart(self) -> bool | None:
        """Whether the score is shown to be higher in those who have the disease (p below 0.05); None with too few events.

        That is whether the profile-likelihood interval of 95 % of the slope lies above 0. Wald's interval would not do: it
        reaches 0 for a score that separates the classes. Where it is False the map's slope rests on the prior, or is hardly
        above 0; its risks are then hardly anybody's own.
        """
        return None if np.isnan(self.slope_p) else self.found_slope > 0 and self.slope_p < _ALPHA

    def plain(self) -> RiskMap:
        """The map alone, as a bundle stores it."""
        return RiskMap(self.slope, self.intercept, self.variance, self.knots, self.seed_sd)


def fit_calibration(scores: Float[np.ndarray, " subject"], positive: Bool[np.ndarray, " subject"]) -> CalibrationMap:
    """The map fitted to scores (log odds) and labels; how many events there are decides its kind.

    Fewer than `FEWEST_EVENTS` of either class: the slope stays 1 and the intercept alone, a correction of the prior, makes the
    mean probability equal the share of positives (half an event is added to either class, so that no risk is zero). From
    `ENOUGH_FOR_ISOTONIC` of the rarer class on: isotonic regression. Between: Platt's line (1999), without his smoothing of
    targets, and with a normal prior about the slope (`SLOPE_SD`). A score that ranks the wrong way round in spite of that is
    not turned: of all slopes that are not below 0 the likeliest is 0, so everybody is told the prevalence (a slope of nearly
    nothing keeps the order of the scores).

    Raises:
        ValueError: there is nobody to fit on, or a score is not finite.
    """
    if not len(scores) or not np.isfinite(scores).all():
        raise ValueError(f"{len(scores)} scores, all of which must be finite, and at least one")
    subjects, events = len(scores), int(positive.sum())
    rarer, share = min(events, subjects - events), (events + 0.5) / (subjects + 1)
    counted = {"prevalence": events / subjects, "subjects": subjects, "events": events}
    if rarer < FEWEST_EVENTS:
        intercept = level(scores, share)
        variance = _variance(scores, expit(scores + intercept))
        return CalibrationMap(slope=1.0, intercept=intercept, fitted=LEVEL, variance=variance, **counted)
    counted |= _without_prior(scores, positive)
    slope, intercept = _line(scores, positive)
    if slope <= 0:
        slope = _NEARLY_FLAT / max(float(scores.std()), _NEARLY_FLAT)
        intercept = level(slope * scores, share)
        # The slope is given, so only the level leaves something open.
        variance = (0.0, 0.0, 1 / float(_weight(expit(slope * scores + intercept)).sum()))
        return CalibrationMap(slope=slope, intercept=intercept, fitted=FLAT, variance=variance, **counted)
    fitted, knots = (ISOTONIC, _isotonic_knots(scores, positive)) if rarer >= ENOUGH_FOR_ISOTONIC else (PLATT, ())
    variance = _variance(scores, expit(slope * scores + intercept))
    return CalibrationMap(slope=slope, intercept=intercept, fitted=fitted, variance=variance, knots=knots, **counted)


def _without_prior(scores: Float[np.ndarray, " subject"], positive: Bool[np.ndarray, " subject"]) -> dict[str, float]:
    """The slope that the subjects alone say, and its p-value by likelihood ratio."""
    share = positive.mean()
    line = fit_logistic(scores[:, None], positive, inverse_penalty=_WEAK)
    flat = len(scores) * float(share * np.log(share) + (1 - share) * np.log1p(-share))
    gain = max(2 * (line.log_likelihood - flat), 0.0)
    return {"found_slope": float(line.coefficient[0]), "slope_p": float(chi2.sf(gain, 1))}


def _line(scores: Float[np.ndarray, " subject"], positive: Bool[np.ndarray, " subject"]) -> tuple[float, float]:
    """Slope and intercept of the highest posterior."""
    from scipy.optimize import minimize

    def loss(line: Float[np.ndarray, "2"]) -> tuple[float, Float[np.ndarray, "2"]]:
        log_odds = line[0] * scores + line[1]
        off = expit(log_odds) - positive
        prior = (line[0] - 1) / SLOPE_SD**2
        value = np.logaddexp(0, np.where(positive, -log_odds, log_odds)).sum() + prior * (line[0] - 1) / 2
        return float(value), np.array([off @ scores + prior, off.sum()])

    start = np.array([1.0, level(scores, float(positive.mean()))])
    slope, intercept = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-6}).x
    return float(slope), float(intercept)


def _variance(scores: Float[np.ndarray, " subject"], probability: Float[np.ndarray, " subject"]) -> tuple[float, float, float]:
    """Inverse of what subjects and prior say about slope and intercept: of the slope, of both, of the intercept."""
    weight = _weight(probability)
    total, mean = float(weight.sum()), float(np.average(scores, weights=weight))
    of_slope = 1 / (float((weight * (scores - mean) ** 2).sum()) + 1 / SLOPE_SD**2)
    return of_slope, -mean * of_slope, 1 / total + mean**2 * of_slope


def _weight(probability: Float[np.ndarray, " subject"]) -> Float[np.ndarray, " subject"]:
    return np.maximum(probability * (1 - probability), 1e-12)


def _isotonic_knots(
    scores: Float[np.ndarray, " subject"], positive: Bool[np.ndarray, " subject"]
) -> tuple[tuple[float, float], ...]:
    from sklearn.isotonic import IsotonicRegression

    fit = IsotonicRegression(y_min=_SMALLEST, y_max=1 - _SMALLEST, out_of_bounds="clip").fit(scores, positive)
    at, risk = fit.X_thresholds_, fit.y_thresholds_
    if len(at) > _MOST_KNOTS:
        # Hardly anything is lost between so many, and a bundle stays readable.
        kept = np.unique(np.linspace(0, len(at) - 1, _MOST_KNOTS).round().astype(int))
        at, risk = at[kept], risk[kept]
    return tuple(zip(at.tolist(), risk.tolist(), strict=True))


def level(scores: Float[np.ndarray, " subject"], share: float) -> float:
    """What to add to the log odds so that the mean probability is `share`: the maximum-likelihood intercept at a slope of 1."""
    from scipy.optimize import brentq

    reach = float(np.abs(scores).max()) + 40.0
    return float(brentq(lambda intercept: expit(scores + intercept).mean() - share, -reach, reach))
