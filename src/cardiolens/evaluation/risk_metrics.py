"""How far risks can be taken at their word: calibration, Brier score, and what a threshold finds and misses.

Every number is the mean over seeds; `sd` is the seeds' spread, the interval is that of other subjects: Wilson's for what a
threshold finds, the estimate's own variance for slope and intercept, else a bootstrap by participant that resamples all
seeds alike. But for Wilson's, which holds for any number, there is none with fewer than `FEWEST_FOR_INTERVAL` of a class.

Sources: Wilson 1927, Van Calster et al. 2019 (slope, intercept), Brier 1950, Naeini et al. 2015 (expected calibration error).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from scipy.special import logit
from scipy.stats import norm

from cardiolens.evaluation.bootstrap import RESAMPLES, resampled_alike
from cardiolens.evaluation.calibration import level
from cardiolens.evaluation.delong import Interval, too_few
from cardiolens.evaluation.logistic import fit_logistic, influence
from cardiolens.evaluation.metrics import proportion
from cardiolens.evaluation.risks import Risks

RISK_METRICS = (
    "brier", "brier_skill", "calibration_slope", "calibration_intercept", "observed_to_expected", "ece", "ece_by_chance",
    "threshold", "sensitivity", "specificity", "ppv", "npv",
)  # fmt: skip
RISK_COLUMNS = ("method", "column", "metric", "mean", "sd", "low", "high", "seeds", "n", "events")
BINS = 10
_CHANCE_DRAWS = 400
_ALMOST = 1e-5
_ALIKE = 0.01
"""Of log odds: risks that lie no further apart (standard deviation) are alike; a slope would be one of their last digits."""


def risk_metrics(risks: Sequence[Risks], *, rng: np.random.Generator, resamples: int = RESAMPLES) -> pd.DataFrame:
    """One row per method, column and metric (`RISK_METRICS`), with `RISK_COLUMNS`; NaN where nothing can be estimated.

    `brier_skill` is one minus the Brier score over that of telling everybody the prevalence. `ece` is the mean distance of
    predicted and observed shares over ten groups of equal size; it is above zero even for perfect risks, and
    `ece_by_chance` says how far. It has no interval: a bootstrap adds its own chance to that of the sample, so its limits lie
    about a larger error (of 200 simulated ones of perfect risks none held the true error, zero); chance is what to read it
    beside. `sensitivity`, `specificity`, `ppv`, `npv` are at `threshold`, chosen on `select`; Wilson's interval is that of a
    single seed, a little wide for the mean of several.
    """
    rows: list[dict[str, object]] = []
    drawn = resampled_alike([np.concatenate(list(_terms(one).values()), axis=1) for one in risks], resamples, rng)
    for one, sampled in zip(risks, drawn, strict=True):
        names = {"method": one.method, "column": one.column}
        counted = {"seeds": len(one.seeds), "n": len(one.positive), "events": int(one.positive.sum())}
        for metric, (by_seed, interval) in _metrics(one, sampled, rng).items():
            sd = float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else np.nan
            found = {"mean": interval.value, "sd": sd, "low": interval.low, "high": interval.high}
            rows.append(names | {"metric": metric} | found | counted)
    return pd.DataFrame(rows, columns=list(RISK_COLUMNS))


def recalibration(
    probability: Float[np.ndarray, "seed subject"], positive: Bool[np.ndarray, " subject"]
) -> tuple[Float[np.ndarray, " seed"], Float[np.ndarray, " seed"], Interval, Interval]:
    """Calibration slopes and intercepts by seed, and the intervals of their means.

    The slope is that of a logistic regression of the outcome on the log odds of the risk: below one, risks are too extreme.
    The intercept is fitted with a slope of one (calibration in the large): below zero, risks are too high. The variance of the
    seeds' mean follows from the mean of the estimates' influence, since seeds share their subjects. A slope is NaN where risks
    are all alike or separate the classes.
    """
    slopes, intercepts = np.empty(len(probability)), np.empty(len(probability))
    of_slope, of_intercept = np.zeros(len(positive)), np.zeros(len(positive))
    for k, column in enumerate(logit(np.clip(probability, _ALMOST, 1 - _ALMOST))[:, :, None]):
        fit = fit_logistic(column, positive)
        moved = influence(column, fit.log_odds(column), positive)[:, 1]
        slopes[k] = np.nan if np.isnan(moved).any() or column.std() < _ALIKE else fit.coefficient[0]
        intercepts[k] = level(column[:, 0], float(positive.mean()))
        of_slope += moved / len(probability)
        of_intercept += influence(column[:, :0], column[:, 0] + intercepts[k], positive)[:, 0] / len(probability)
    return slopes, intercepts, _wald(slopes, of_slope), _wald(intercepts, of_intercept)


def group_bounds(probability: Float[np.ndarray, " subject"], groups: int = BINS) -> Float[np.ndarray, " bound"]:
    """The inner bounds of groups of equal size; equal risks stay together, so there may be fewer groups."""
    return np.unique(np.quantile(probability, np.arange(1, groups) / groups))


def _metrics(
    risks: Risks, sampled: Float[np.ndarray, "sample term"], rng: np.random.Generator
) -> dict[str, tuple[Float[np.ndarray, " seed"], Interval]]:
    p, y = risks.probability, risks.positive
    nothing = np.full(len(p), np.nan), Interval(np.nan, np.nan, np.nan)
    if not y.any() or y.all():
        return dict.fromkeys(RISK_METRICS, nothing)
    slopes, intercepts, slope, intercept = recalibration(p, y)
    errors, chance = np.array([_ece(one, y) for one in p]), np.array([_ece_by_chance(one, rng) for one in p])
    found = {
        "ece": (errors, Interval(float(errors.mean()), np.nan, np.nan)),
        "calibration_slope": (slopes, slope),
        "calibration_intercept": (intercepts, intercept),
        "ece_by_chance": (chance, Interval(float(chance.mean()), np.nan, np.nan)),
        "threshold": (risks.threshold, Interval(float(risks.threshold.mean()), np.nan, np.nan)),
    }
    terms = _terms(risks)
    totals = {name: values.sum(axis=0) for name, values in terms.items()}
    sizes = [values.shape[1] for values in terms.values()]
    samples = dict(zip(terms, np.split(sampled, np.cumsum(sizes)[:-1], axis=1), strict=True))
    whole = dict(_ratios({name: total[None] for name, total in totals.items()}))
    for name, by_sample in _ratios(samples):
        by_seed = whole[name][0]
        low, high = np.nanquantile(by_sample.mean(axis=1), (0.025, 0.975)) if np.isfinite(by_seed).all() else (np.nan, np.nan)
        found[name] = (by_seed, Interval(float(by_seed.mean()), float(low), float(high)))
    if too_few(y):
        found = {name: (by_seed, Interval(one.value, np.nan, np.nan)) for name, (by_seed, one) in found.items()}
    found |= dict(_at_threshold(risks))
    return {name: found[name] for name in RISK_METRICS}


def _at_threshold(risks: Risks) -> Iterator[tuple[str, tuple[Float[np.ndarray, " seed"], Interval]]]:
    """What the threshold finds and misses; NaN without a threshold, and where nobody is on a side of it."""
    found, ill = risks.probability >= risks.threshold[:, None], risks.positive
    hits = {"sensitivity": (found, ill), "specificity": (~found, ~ill), "ppv": (ill, found), "npv": (~ill, ~found)}
    for name, (hit, among) in hits.items():
        asked = np.broadcast_to(among, found.shape)
        counts = np.where(np.isnan(risks.threshold), 0, asked.sum(axis=1))
        with np.errstate(divide="ignore", invalid="ignore"):
            by_seed = np.where(counts > 0, (hit & asked).sum(axis=1) / counts, np.nan)
        value, n = float(by_seed.mean()), float(counts.mean())
        yield name, (by_seed, Interval(np.nan, np.nan, np.nan) if np.isnan(value) else proportion(value * n, n))


def _terms(risks: Risks) -> dict[str, Float[np.ndarray, "subject term"]]:
    """What each subject adds to the sums that the metrics are ratios of."""
    p, y = risks.probability.T, risks.positive[:, None].astype(np.float64)
    return {
        "n": np.ones_like(y),
        "events": y,
        "squared": (p - y) ** 2,
        "expected": p,
    }


def _ratios(sums: dict[str, Float[np.ndarray, "sample term"]]) -> Iterator[tuple[str, Float[np.ndarray, "sample seed"]]]:
    n, events = sums["n"], sums["events"]
    with np.errstate(divide="ignore", invalid="ignore"):
        prevalence = events / n
        brier = sums["squared"] / n
        yield "brier", brier
        yield "brier_skill", 1 - brier / (prevalence * (1 - prevalence))
        yield "observed_to_expected", events / sums["expected"]


def _ece(probability: Float[np.ndarray, " subject"], positive: Bool[np.ndarray, " subject"]) -> float:
    group = np.searchsorted(group_bounds(probability), probability, side="right")
    return float(np.abs(np.bincount(group, weights=probability - positive)).sum() / len(probability))


def _ece_by_chance(probability: Float[np.ndarray, " subject"], rng: np.random.Generator) -> float:
    """Expected calibration error of outcomes that are drawn from the risks themselves."""
    group = np.searchsorted(group_bounds(probability), probability, side="right")
    excess = probability - (rng.random((_CHANCE_DRAWS, len(probability))) < probability)
    by_group = np.stack([excess[:, group == k].sum(axis=1) for k in range(BINS)])
    return float(np.abs(by_group).sum(axis=0).mean() / len(probability))


def _wald(by_seed: Float[np.ndarray, " seed"], influence: Float[np.ndarray, " subject"]) -> Interval:
    value, error = float(by_seed.mean()), float(np.sqrt((influence**2).sum()))
    reach = norm.ppf(0.975) * error
    return Interval(value, value - reach, value + reach)
