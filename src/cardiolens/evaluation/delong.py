"""Area under the ROC curve with DeLong's variance, for one score or for several on the same subjects.

All placements come from ranks, so the cost is O(n log n) per score.

Source: DeLong, DeLong & Clarke-Pearson 1988; the rank form is that of Sun & Xu 2014.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import expit, logit
from scipy.stats import rankdata, t

FEWEST_FOR_INTERVAL = 10
"""One rule for all intervals that rest on large samples: with fewer of either class, or fewer known values, there is none.
Of 1,200 simulated intervals of an area of 0.9 with 100 controls 83.8 % cover at 2 cases, 90.0 % at 5, 92.8 % at 10."""


@dataclass(frozen=True)
class Interval:
    """A value and the limits of its confidence interval; NaN where it cannot be estimated."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class DelongAreas:
    """The areas of several scores on the same subjects, and the covariance of their estimates."""

    area: Float[np.ndarray, " score"]
    covariance: Float[np.ndarray, "score score"]
    freedom: Float[np.ndarray, " score"]
    """Satterthwaite's degrees of freedom of each variance: near the number of cases where these are few."""


@dataclass(frozen=True)
class Difference:
    """First minus second, with its interval and the two-sided p-value of no difference."""

    difference: Interval
    p_value: float


def delong(scores: Float[np.ndarray, "score subject"], positive: Bool[np.ndarray, " subject"]) -> DelongAreas:
    """Areas and their covariance; a tie counts one half. NaN where a class holds fewer subjects than the number needs."""
    num_cases, num_controls = int(positive.sum()), int((~positive).sum())
    if num_cases == 0 or num_controls == 0:
        nothing = np.full(len(scores), np.nan)
        return DelongAreas(nothing, np.full((len(scores), len(scores)), np.nan), nothing)
    case_placement, control_placement = _placements(scores, positive)
    of_cases, of_controls = _mean_covariance(case_placement), _mean_covariance(control_placement)
    return DelongAreas(
        area=case_placement.mean(axis=1),
        covariance=of_cases + of_controls,
        freedom=_satterthwaite(np.diag(of_cases), num_cases - 1, np.diag(of_controls), num_controls - 1),
    )


def auroc(
    score: Float[np.ndarray, " subject"], positive: Bool[np.ndarray, " subject"], *, confidence: float = 0.95
) -> Interval:
    """Area under the ROC curve (0..1) with an interval from DeLong's variance.

    The interval is built on the logit scale with Student's t: it stays inside 0..1 and holds its level where the plain
    one does not (10 cases, 100 controls, area 0.75: 95.6 % of 3,000 simulated intervals cover, 90.4 % of plain ones); from
    60 cases on the two hardly differ. It is NaN for fewer than `FEWEST_FOR_INTERVAL` subjects in a class and for perfect
    separation, where the variance is zero and says nothing.
    """
    areas = delong(score[None], positive)
    area = float(areas.area[0])
    if too_few(positive):
        return Interval(area, np.nan, np.nan)
    variance = float(areas.covariance[0, 0])
    return interval_on_logits(area, variance, float(areas.freedom[0]), confidence)


def seed_mean_auroc(
    scores: Float[np.ndarray, "seed subject"], positive: Bool[np.ndarray, " subject"], *, confidence: float = 0.95
) -> Interval:
    """The mean area of several seeds of one method, with the interval that other subjects leave open; as `auroc` for one.

    The mean area has the mean of the seeds' placements as its structural components (see `auroc_difference`).
    """
    num_cases, num_controls = int(positive.sum()), int((~positive).sum())
    if num_cases == 0 or num_controls == 0:
        return Interval(np.nan, np.nan, np.nan)
    by_case, by_control = (part.mean(axis=0)[None] for part in _placements(scores, positive))
    area, of_cases, of_controls = float(by_case.mean()), _mean_covariance(by_case)[0], _mean_covariance(by_control)[0]
    if too_few(positive):
        return Interval(area, np.nan, np.nan)
    variance = float(of_cases[0] + of_controls[0])
    freedom = float(_satterthwaite(of_cases, num_cases - 1, of_controls, num_controls - 1)[0])
    return interval_on_logits(area, variance, freedom, confidence)


def auroc_difference(
    first: Float[np.ndarray, "seed_of_first subject"],
    second: Float[np.ndarray, "seed_of_second subject"],
    positive: Bool[np.ndarray, " subject"],
    *,
    confidence: float = 0.95,
) -> Difference:
    """Paired difference of the mean areas of two methods on the same subjects, each with one score row per seed.

    A method's area is the mean of its seeds'. An area is the mean of the cases' placements, so this mean area has the mean of
    the seeds' placements as its structural components, and the difference theirs in turn: DeLong's variance of one row
    of components is w' C w with the covariance C of all areas and weights w of one over the seeds, minus for `second`.
    The interval speaks of new subjects, not of new seeds. It takes Student's t with Satterthwaite's degrees of freedom (10
    cases, 100 controls, areas 0.75 and 0.65: 95.6 % of 4,000 simulated intervals cover, 93.3 % of plain ones), and ends at -1
    and 1, beyond which no difference lies. NaN limits and p for fewer than `FEWEST_FOR_INTERVAL` subjects in a class and
    where the variance is zero.
    """
    num_cases, num_controls = int(positive.sum()), int((~positive).sum())
    if num_cases == 0 or num_controls == 0:
        return Difference(Interval(np.nan, np.nan, np.nan), np.nan)
    of_first, of_second = _placements(first, positive), _placements(second, positive)
    by_case, by_control = (
        (one.mean(axis=0) - other.mean(axis=0))[None] for one, other in zip(of_first, of_second, strict=True)
    )
    value, of_cases, of_controls = float(by_case.mean()), _mean_covariance(by_case)[0], _mean_covariance(by_control)[0]
    if too_few(positive):
        return Difference(Interval(value, np.nan, np.nan), np.nan)
    variance = float(of_cases[0] + of_controls[0])
    freedom = float(_satterthwaite(of_cases, num_cases - 1, of_controls, num_controls - 1)[0])
    return difference_by_t(value, variance, freedom, confidence)


def too_few(positive: Bool[np.ndarray, " subject"]) -> bool:
    """Whether a class holds fewer than `FEWEST_FOR_INTERVAL` subjects."""
    return min(int(positive.sum()), int((~positive).sum())) < FEWEST_FOR_INTERVAL


def interval_on_logits(value: float, variance: float, freedom: float, confidence: float) -> Interval:
    """Limits of a share between 0 and 1 by Student's t, even on the logit scale; NaN without a variance."""
    # Equal scores and perfect separation leave nothing but rounding errors in it.
    if not variance > 1e-15:
        return Interval(value, np.nan, np.nan)
    reach = t.ppf(0.5 + confidence / 2, freedom) * np.sqrt(variance) / (value * (1 - value))
    return Interval(value, float(expit(logit(value) - reach)), float(expit(logit(value) + reach)))


def difference_by_t(value: float, variance: float, freedom: float, confidence: float) -> Difference:
    """A difference of two shares with limits within -1..1 and two-sided p by Student's t; NaN without a variance or degrees
    of freedom."""
    # Scores in the same order leave rounding errors of either sign in the variance.
    if not (variance > 1e-15 and freedom > 0):
        return Difference(Interval(value, np.nan, np.nan), np.nan)
    error = np.sqrt(variance)
    reach = float(t.ppf(0.5 + confidence / 2, freedom) * error)
    limits = max(-1.0, value - reach), min(1.0, value + reach)
    return Difference(Interval(value, *limits), float(2 * t.sf(abs(value) / error, freedom)))


def _placements(
    scores: Float[np.ndarray, "score subject"], positive: Bool[np.ndarray, " subject"]
) -> tuple[Float[np.ndarray, "score case"], Float[np.ndarray, "score control"]]:
    """Share of controls below each case, and of cases above each control."""
    cases, controls = scores[:, positive].astype(np.float64), scores[:, ~positive].astype(np.float64)
    num_cases, num_controls = cases.shape[1], controls.shape[1]
    ranks = rankdata(np.concatenate([cases, controls], axis=1), axis=1)
    by_case = (ranks[:, :num_cases] - rankdata(cases, axis=1)) / num_controls
    return by_case, 1 - (ranks[:, num_cases:] - rankdata(controls, axis=1)) / num_cases


def _mean_covariance(placement: Float[np.ndarray, "score subject"]) -> Float[np.ndarray, "score score"]:
    if placement.shape[1] < 2:
        return np.full((len(placement), len(placement)), np.nan)
    deviation = placement - placement.mean(axis=1, keepdims=True)
    return deviation @ deviation.T / (placement.shape[1] - 1) / placement.shape[1]


def _satterthwaite(
    first: Float[np.ndarray, " score"], first_freedom: int, second: Float[np.ndarray, " score"], second_freedom: int
) -> Float[np.ndarray, " score"]:
    if min(first_freedom, second_freedom) < 1:
        return np.full(len(first), np.nan)
    spread = first**2 / first_freedom + second**2 / second_freedom
    return np.divide((first + second) ** 2, spread, out=np.full(len(first), np.nan), where=spread > 0)
