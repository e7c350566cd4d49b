"""From scores to probabilities: Platt's logistic map, fitted on subjects that chose nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

FEWEST_EVENTS = 10
"""With fewer positives or negatives a slope is noise: the scores' own slope stands and only the level is fitted."""


@dataclass(frozen=True)
class PlattMap:
    """probability = 1 / (1 + exp(-(slope * score + intercept)))."""

    slope: float
    intercept: float
    prevalence: float
    """Share of positives among the subjects that it was fitted on; 0..1."""
    subjects: int
    events: int
    fitted: str
    """What was fitted: `slope and intercept`, or `intercept`."""


def platt_map(scores: Float[np.ndarray, " subject"], positive: Bool[np.ndarray, " subject"]) -> PlattMap:
    """The map fitted by maximum likelihood to log odds and labels, as in Platt 1999 without his target smoothing.

    Where it has fewer than `FEWEST_EVENTS` of either class, or a score that ranks the wrong way round, the slope stays 1
    and the intercept alone makes the mean probability equal the share of positives (half an event is added to either class,
    so that no risk is zero).

    Raises:
        ValueError: there is nobody to fit on, or a score is not finite.
    """
    if not len(scores) or not np.isfinite(scores).all():
        raise ValueError(f"{len(scores)} scores, all of which must be finite, and at least one")
    subjects, events = len(scores), int(positive.sum())
    slope, intercept, fitted = 1.0, math.nan, "intercept"
    if min(events, subjects - events) >= FEWEST_EVENTS:
        slope, intercept = _logistic_fit(scores, positive)
        fitted = "slope and intercept"
    if not (math.isfinite(intercept) and slope > 0):
        slope, fitted = 1.0, "intercept"
        intercept = _level(scores, (events + 0.5) / (subjects + 1))
    return PlattMap(slope, intercept, events / subjects, subjects, events, fitted)


def _logistic_fit(scores: Float[np.ndarray, " subject"], positive: Bool[np.ndarray, " subject"]) -> tuple[float, float]:
    from sklearn.linear_model import LogisticRegression

    # In units of the scores' own spread, so that the solver's tolerance means the same whatever the model's scale.
    centre, spread = float(scores.mean()), float(scores.std()) or 1.0
    # Separable scores have no finite maximum; the weak penalty ends the climb there and moves nothing elsewhere.
    fit = LogisticRegression(C=1e4).fit(((scores - centre) / spread)[:, None], positive)
    slope = float(fit.coef_[0, 0]) / spread
    return slope, float(fit.intercept_[0]) - slope * centre


def _level(scores: Float[np.ndarray, " subject"], share: float) -> float:
    from scipy.optimize import brentq
    from scipy.special import expit

    reach = float(np.abs(scores).max()) + 40.0
    return float(brentq(lambda intercept: expit(scores + intercept).mean() - share, -reach, reach))
