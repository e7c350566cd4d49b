"""From a model's scores to risks and values with what they leave open: maps that a bundle stores and evaluation fits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

LEVELS = (0.80, 0.95)
"""Of prediction intervals."""
_QUANTILE = 1.959963984540054
"""Of the normal distribution, for 95 %."""
_SMALLEST = 1e-4


@dataclass(frozen=True)
class RiskMap:
    """probability = 1 / (1 + exp(-(slope * score + intercept))), or a rising line through `knots`."""

    slope: float
    """Above zero."""
    intercept: float
    """Log odds at score zero."""
    variance: tuple[float, float, float] | None = None
    """Of the slope, of slope with intercept, of the intercept; None where it is not known."""
    knots: tuple[tuple[float, float], ...] = ()
    """Isotonic: scores and probabilities, both rising."""
    seed_sd: float | None = None
    """How far the scores of one subject lie apart (standard deviation) between fine-tunings; None where there was one."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and self.slope > 0 and math.isfinite(self.intercept)):
            raise ValueError(f"calibration by slope {self.slope} and intercept {self.intercept}; expected a slope above zero")
        at = np.array(self.knots, np.float64).reshape(-1, 2)
        if not np.isfinite(at).all() or (np.diff(at, axis=0) < 0).any() or (at[:, 1] < 0).any() or (at[:, 1] > 1).any():
            raise ValueError("calibration by knots that are not rising or no probabilities")

    def probability(self, score: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
        """The calibrated probability of each score."""
        if self.knots:
            return np.interp(score, *np.array(self.knots).T)
        # The hyperbolic tangent is the logistic function without its overflow.
        return 0.5 * (1 + np.tanh(0.5 * (score * self.slope + self.intercept)))

    def interval(self, score: Float[np.ndarray, "*any"]) -> tuple[Float[np.ndarray, "*any"], Float[np.ndarray, "*any"]]:
        """95 % limits of the probability, even on the scale of log odds; NaN where the map's variance is not known.

        They hold the error of the map and, where `seed_sd` is known, what another fine-tuning would have said. That the
        disease may come or not is no part of them. For knots the error is that of the line through the same subjects.
        """
        of_slope, shared, of_intercept = self.variance or (math.nan, math.nan, math.nan)
        error = of_slope * score**2 + 2 * shared * score + of_intercept + (self.slope * (self.seed_sd or 0.0)) ** 2
        probability = np.clip(self.probability(score), _SMALLEST, 1 - _SMALLEST)
        centre, reach = np.log(probability / (1 - probability)), _QUANTILE * np.sqrt(error)
        return 0.5 * (1 + np.tanh(0.5 * (centre - reach))), 0.5 * (1 + np.tanh(0.5 * (centre + reach)))


@dataclass(frozen=True)
class ValueBand:
    """Prediction intervals of one value: so many expected residuals to either side.

    Expected residual = `constant` + `slope` * value, within `lowest` and `highest`, in the value's unit.
    """

    constant: float
    slope: float
    lowest: float
    """Above zero."""
    highest: float
    reach_80: float | None
    """How many expected residuals the 80 % interval reaches to either side; None where too few calibrated it."""
    reach_95: float | None
    """The same for 95 %."""
    subjects: int
    """Who calibrated it."""

    def __post_init__(self) -> None:
        numbers = [self.constant, self.slope, self.lowest, self.highest, self.reach_80 or 0.0, self.reach_95 or 0.0]
        if not all(map(math.isfinite, numbers)) or not 0 < self.lowest <= self.highest or min(numbers[4:]) < 0:
            raise ValueError(f"an interval of {numbers}")

    def expected_residual(self, value: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
        """In the value's unit, above zero."""
        return np.clip(self.constant + self.slope * value, self.lowest, self.highest)

    def interval(
        self, value: Float[np.ndarray, "*any"], level: float
    ) -> tuple[Float[np.ndarray, "*any"], Float[np.ndarray, "*any"]]:
        """Limits about predicted values at a level of `LEVELS`; infinite where too few subjects calibrated it."""
        reach = {0.80: self.reach_80, 0.95: self.reach_95}[level]
        width = np.full_like(value, np.inf) if reach is None else reach * self.expected_residual(value)
        return value - width, value + width
