"""From scores to probabilities, fitted on subjects that chose nothing else, with what such a probability leaves open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import expit

from cardiolens.evaluation.logistic import fit_logistic
from cardiolens.uncertainty import RiskMap

FEWEST_EVENTS = 10
"""With fewer positives or negatives a slope is noise: the scores' own slope stands and only the level is fitted."""
ENOUGH_FOR_ISOTONIC = 1000
"""Of the rarer class: from here on a map of free shape beats a line (Niculescu-Mizil & Caruana 2005)."""
LEVEL, PLATT, ISOTONIC = "intercept", "slope and intercept", "isotonic"

_WEAK = 1e4
"""Inverse of the penalty: separable scores have no finite maximum, and it ends the climb there and moves nothing elsewhere."""
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
    """What was fitted: `intercept`, `slope and intercept` or `isotonic`."""

    def plain(self) -> RiskMap:
        """The map alone, as a bundle stores it."""
        return RiskMap(self.slope, self.intercept, self.variance, self.knots, self.seed_sd)


def fit_calibration(scores: Float[np.ndarray, " subject"], positive: Bool[np.ndarray, " subject"]) -> CalibrationMap:
    """The map fitted by maximum likelihood to scores (log odds) and labels; how many events there are decides its kind.

    Fewer than `FEWEST_EVENTS` of either class, or a score that ranks the wrong way round: the slope stays 1 and the
    intercept alone, a correction of the prior, makes the mean probability equal the share of positives (half an event is
    added to either class, so that no risk is zero). From `ENOUGH_FOR_ISOTONIC` of the rarer class on: isotonic regression.
    Between: Platt's line (1999), without his smoothing of targets.

    Raises:
        ValueError: there is nobody to fit on, or a score is not finite.
    """
    if not len(scores) or not np.isfinite(scores).all():
        raise ValueError(f"{len(scores)} scores, all of which must be finite, and at least one")
    subjects, events = len(scores), int(positive.sum())
    rarer = min(events, subjects - events)
    counted = {"prevalence": events / subjects, "subjects": subjects, "events": events}
    line = fit_logistic(scores[:, None], positive, inverse_penalty=_WEAK) if rarer >= FEWEST_EVENTS else None
    if line is None or not line.coefficient[0] > 0:
        intercept = _level(scores, (events + 0.5) / (subjects + 1))
        weight = _weight(expit(scores + intercept))
        return CalibrationMap(
            slope=1.0, intercept=intercept, fitted=LEVEL, variance=(0.0, 0.0, 1 / float(weight.sum())), **counted
        )
    slope, intercept = float(line.coefficient[0]), line.intercept
    variance = _variance(scores, expit(slope * scores + intercept))
    if rarer < ENOUGH_FOR_ISOTONIC:
        return CalibrationMap(slope=slope, intercept=intercept, fitted=PLATT, variance=variance, **counted)
    knots = _isotonic_knots(scores, positive)
    return CalibrationMap(slope=slope, intercept=intercept, fitted=ISOTONIC, variance=variance, knots=knots, **counted)


def _variance(
    scores: Float[np.ndarray, " subject"], probability: Float[np.ndarray, " subject"]
) -> tuple[float, float, float] | None:
    """Inverse of the information about slope and intercept; None for scores that do not vary."""
    weight = _weight(probability)
    total, mean = weight.sum(), np.average(scores, weights=weight)
    spread = float((weight * (scores - mean) ** 2).sum())
    if not spread > 0:
        return None
    of_slope = 1 / spread
    return of_slope, float(-mean * of_slope), float(1 / total + mean**2 * of_slope)


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


def _level(scores: Float[np.ndarray, " subject"], share: float) -> float:
    from scipy.optimize import brentq

    reach = float(np.abs(scores).max()) + 40.0
    return float(brentq(lambda intercept: expit(scores + intercept).mean() - share, -reach, reach))
