"""Time to a first diagnosis among those free of the disease at the ECG: follow-up, Kaplan-Meier, log-rank test.

Death ends the observation like the end of the records. What Kaplan-Meier shows is therefore the risk in a world where nobody
dies of something else first, and too high a share for people of whom many do; a cohort's table does not say who died.

Sources: Kaplan & Meier 1958; Greenwood 1926 with the limits of Kalbfleisch & Prentice 2002, on the scale of log(-log); the
log-rank test of Mantel 1966 for several groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from scipy.stats import chi2, norm

FOLLOWUP = "followup_days"
DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, eq=False)
class FollowUp:
    """Who was free of a disease at the ECG and followed after it. Without dates there are no rows, and `note` says why."""

    row: Int[np.ndarray, " subject"]
    """Place in the table that was given."""
    days: Float[np.ndarray, " subject"]
    """From the ECG to the first diagnosis, or to where the observation ends without one."""
    event: Bool[np.ndarray, " subject"]
    """Whether it ended with the diagnosis."""
    note: str
    """Who is in it, and who is not and why."""


def follow_up(subjects: pd.DataFrame, disease: str) -> FollowUp:
    """Time to event from `<disease>_days`, `<disease>_prevalent` and `followup_days`, as cohorts with dates have them.

    Of a subject with several visits the first in the table counts, as in predictions. Left out are those who had the disease
    by the day of the ECG, of whom that is not known (a diagnosis without a day), and whose records have no known end or one
    before the ECG. A diagnosis after the end of the records is none yet.
    """
    needed = (f"{disease}_days", f"{disease}_prevalent", FOLLOWUP)
    missing = [name for name in needed if name not in subjects]
    if missing or subjects[list(needed[1:])].isna().all(axis=None):
        why = f"the table has no column {missing[0]}" if missing else f"{needed[1]} and {FOLLOWUP} are empty"
        return FollowUp(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, bool), f"no dates: {why}")
    diagnosed, prevalent, followed = (subjects[name].to_numpy(np.float64, na_value=np.nan) for name in needed)
    first = np.ones(len(subjects), bool)
    if "subject" in subjects:
        first = ~subjects["subject"].duplicated().to_numpy()
    ill, unknown = first & (prevalent == 1), first & np.isnan(prevalent)
    free = first & (prevalent == 0)
    row = np.flatnonzero(free & (followed >= 0))
    event = diagnosed[row] <= followed[row]
    note = (
        f"{len(row):,} people free of the disease at the ECG, of whom {event.sum():,} fell ill; left out are {ill.sum():,} who "
        f"had it, {unknown.sum():,} of whom that is unknown and {free.sum() - len(row):,} without a known follow-up"
    )
    return FollowUp(row, np.where(event, diagnosed[row], followed[row]), event, note)


@dataclass(frozen=True)
class SurvivalCurve:
    """The share still free of the disease after each day on which somebody falls ill, with its interval; steps, from 1."""

    days: Float[np.ndarray, " step"]
    free: Float[np.ndarray, " step"]
    low: Float[np.ndarray, " step"]
    high: Float[np.ndarray, " step"]


def kaplan_meier(
    days: Float[np.ndarray, " subject"], event: Bool[np.ndarray, " subject"], *, confidence: float = 0.95
) -> SurvivalCurve:
    """The product-limit estimate. Who is censored on a day is at risk on it. Limits are NaN once everybody has fallen ill."""
    moments, fallen = np.unique(days[event], return_counts=True)
    at_risk = num_at_risk(days, moments)
    free = np.cumprod(1 - fallen / at_risk)
    everybody = at_risk == fallen
    terms = np.divide(fallen, at_risk * (at_risk - fallen), out=np.full(len(moments), np.nan), where=~everybody)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = norm.ppf(0.5 + confidence / 2) * np.sqrt(np.cumsum(terms)) / np.log(free)
    low, high = free ** np.exp(-reach), free ** np.exp(reach)
    return SurvivalCurve(moments, free, low, high)


def num_at_risk(days: Float[np.ndarray, " subject"], times: Float[np.ndarray, " time"]) -> Int[np.ndarray, " time"]:
    """How many are under observation, without the disease, just before each time in days."""
    return len(days) - np.searchsorted(np.sort(days), times, side="left")


@dataclass(frozen=True)
class LogRank:
    """The test that several groups fall ill at one rate."""

    chi_square: float
    freedom: int
    """Groups less one."""
    p_value: float


def log_rank(
    days: Float[np.ndarray, " subject"], event: Bool[np.ndarray, " subject"], group: Int[np.ndarray, " subject"]
) -> LogRank:
    """Observed against expected events of each group; NaN where there is one group or nobody falls ill."""
    groups = np.unique(group)
    freedom = len(groups) - 1
    if freedom < 1 or not event.any():
        return LogRank(np.nan, max(freedom, 0), np.nan)
    moments, fallen = np.unique(days[event], return_counts=True)
    of_group = np.stack([num_at_risk(days[group == name], moments) for name in groups])
    at_risk = of_group.sum(axis=0)
    share = of_group / at_risk
    observed = np.array([event[group == name].sum() for name in groups])
    excess = observed - (share * fallen).sum(axis=1)
    # Of all who fall ill on one day, as many as there are: the hypergeometric variance.
    spread = fallen * np.divide(at_risk - fallen, at_risk - 1, out=np.zeros(len(moments)), where=at_risk > 1)
    covariance = np.diag((share * spread).sum(axis=1)) - (share * spread) @ share.T
    # The excesses of all groups sum to zero, so the last one says nothing of its own.
    kept = slice(0, freedom)
    chi_square = float(excess[kept] @ np.linalg.pinv(covariance[kept, kept], hermitian=True) @ excess[kept])
    return LogRank(chi_square, freedom, float(chi2.sf(chi_square, freedom)))


def tertiles(score: Float[np.ndarray, " subject"]) -> Int[np.ndarray, " subject"]:
    """0, 1 or 2 for the lowest, middle and highest third of these very people; equal scores stay together."""
    limits = np.quantile(score, (1 / 3, 2 / 3)) if len(score) else np.zeros(2)
    return np.searchsorted(limits, score, side="left").astype(np.int64)
