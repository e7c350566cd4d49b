"""How far risks can be taken at their word: calibration, Brier score, and what a threshold finds and misses.

Every number is the mean over seeds; `sd` is the seeds' spread, the interval is that of other subjects: a bootstrap by
participant that resamples all seeds alike, or for slope and intercept the estimate's own variance.

Sources: Van Calster et al. 2019 (slope, intercept), Brier 1950, Naeini et al. 2015 (expected calibration error).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from scipy.special import expit, logit
from scipy.stats import norm

from cardiolens.evaluation.bootstrap import resampled_totals
from cardiolens.evaluation.delong import Interval
from cardiolens.evaluation.risks import Risks

RISK_METRICS = (
    "brier", "brier_skill", "calibration_slope", "calibration_intercept", "observed_to_expected", "ece", "ece_by_chance",
    "threshold", "sensitivity", "specificity", "ppv", "npv",
)  # fmt: skip
RISK_COLUMNS = ("method", "column", "metric", "mean", "sd", "low", "high", "seeds", "n", "events")
RESAMPLES = 10_000
BINS = 10
_CHANCE_DRAWS = 400
_ALMOST = 1e-5


def risk_metrics(risks: Sequence[Risks], *, rng: np.random.Generator, resamples: int = RESAMPLES) -> pd.DataFrame:
    """One row per method, column and metric (`RISK_METRICS`), with `RISK_COLUMNS`; NaN where nothing can be estimated.

    `brier_skill` is one minus the Brier score over that of telling everybody the prevalence. `ece` is the mean distance of
    predicted and observed shares over ten groups of equal size; it is above zero even for perfect risks, and
    `ece_by_chance` says how far. `sensitivity`, `specificity`, `ppv`, `npv` are at `threshold`, chosen on `select`.
    """
    rows: list[dict[str, object]] = []
    for one in risks:
        names = {"method": one.method, "column": one.column}
        counted = {"seeds": len(one.seeds), "n": len(one.positive), "events": int(one.positive.sum())}
        for metric, (by_seed, interval) in _metrics(one, rng, resamples).items():
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
    seeds' mean follows from the mean of the estimates' influence, since seeds share their subjects.
    """
    slopes, intercepts = np.empty(len(probability)), np.empty(len(probability))
    of_slope, of_intercept = np.zeros(len(positive)), np.zeros(len(positive))
    for k, log_odds in enumerate(logit(np.clip(probability, _ALMOST, 1 - _ALMOST))):
        constant = np.ones_like(log_odds)
        slope, its_influence = _logistic(np.stack([log_odds, constant], axis=1), np.zeros_like(log_odds), positive)
        level, level_influence = _logistic(constant[:, None], log_odds, positive)
        slopes[k], intercepts[k] = slope[0], level[0]
        of_slope += its_influence[:, 0] / len(probability)
        of_intercept += level_influence[:, 0] / len(probability)
    return slopes, intercepts, _wald(slopes, of_slope), _wald(intercepts, of_intercept)


def group_bounds(probability: Float[np.ndarray, " subject"], groups: int = BINS) -> Float[np.ndarray, " bound"]:
    """The inner bounds of groups of equal size; equal risks stay together, so there may be fewer groups."""
    return np.unique(np.quantile(probability, np.arange(1, groups) / groups))


def _metrics(risks: Risks, rng: np.random.Generator, resamples: int) -> dict[str, tuple[Float[np.ndarray, " seed"], Interval]]:
    p, y = risks.probability, risks.positive
    nothing = np.full(len(p), np.nan), Interval(np.nan, np.nan, np.nan)
    if not y.any() or y.all():
        return dict.fromkeys(RISK_METRICS, nothing)
    slopes, intercepts, slope, intercept = recalibration(p, y)
    chance = np.array([_ece_by_chance(one, rng) for one in p])
    found = {
        "calibration_slope": (slopes, slope),
        "calibration_intercept": (intercepts, intercept),
        "ece_by_chance": (chance, Interval(float(chance.mean()), np.nan, np.nan)),
        "threshold": (risks.threshold, Interval(float(risks.threshold.mean()), np.nan, np.nan)),
    }
    terms = _terms(risks)
    totals = {name: values.sum(axis=0) for name, values in terms.items()}
    sizes = [values.shape[1] for values in terms.values()]
    sampled = resampled_totals(np.concatenate(list(terms.values()), axis=1), resamples, rng)
    samples = dict(zip(terms, np.split(sampled, np.cumsum(sizes)[:-1], axis=1), strict=True))
    whole = dict(_ratios({name: total[None] for name, total in totals.items()}))
    for name, by_sample in _ratios(samples):
        by_seed = whole[name][0]
        low, high = np.nanquantile(by_sample.mean(axis=1), (0.025, 0.975)) if np.isfinite(by_seed).all() else (np.nan, np.nan)
        found[name] = (by_seed, Interval(float(by_seed.mean()), float(low), float(high)))
    return {name: found[name] for name in RISK_METRICS}


def _terms(risks: Risks) -> dict[str, Float[np.ndarray, "subject term"]]:
    """What each subject adds to the sums that the metrics are ratios of."""
    p, y = risks.probability.T, risks.positive[:, None].astype(np.float64)
    found = p >= risks.threshold
    excess = [
        (np.searchsorted(group_bounds(one), one, side="right")[:, None] == np.arange(BINS)) * (one - risks.positive)[:, None]
        for one in risks.probability
    ]
    return {
        "n": np.ones_like(y),
        "events": y,
        "squared": (p - y) ** 2,
        "expected": p,
        "true_positive": found * y,
        "true_negative": ~found * (1 - y),
        "found": found.astype(np.float64),
        "excess": np.concatenate(excess, axis=1),
    }


def _ratios(sums: dict[str, Float[np.ndarray, "sample term"]]) -> Iterator[tuple[str, Float[np.ndarray, "sample seed"]]]:
    n, events = sums["n"], sums["events"]
    with np.errstate(divide="ignore", invalid="ignore"):
        prevalence = events / n
        brier = sums["squared"] / n
        yield "brier", brier
        yield "brier_skill", 1 - brier / (prevalence * (1 - prevalence))
        yield "observed_to_expected", events / sums["expected"]
        excess = np.abs(sums["excess"]).reshape(len(n), -1, BINS)
        yield "ece", excess.sum(axis=2) / n
        yield "sensitivity", sums["true_positive"] / events
        yield "specificity", sums["true_negative"] / (n - events)
        yield "ppv", sums["true_positive"] / sums["found"]
        yield "npv", sums["true_negative"] / (n - sums["found"])


def _ece_by_chance(probability: Float[np.ndarray, " subject"], rng: np.random.Generator) -> float:
    """Expected calibration error of outcomes that are drawn from the risks themselves."""
    group = np.searchsorted(group_bounds(probability), probability, side="right")
    excess = probability - (rng.random((_CHANCE_DRAWS, len(probability))) < probability)
    by_group = np.stack([excess[:, group == k].sum(axis=1) for k in range(BINS)])
    return float(np.abs(by_group).sum(axis=0).mean() / len(probability))


def _logistic(
    design: Float[np.ndarray, "subject coefficient"],
    offset: Float[np.ndarray, " subject"],
    positive: Bool[np.ndarray, " subject"],
) -> tuple[Float[np.ndarray, " coefficient"], Float[np.ndarray, "subject coefficient"]]:
    """Maximum likelihood by Newton's steps, and each subject's influence on it; NaN where it has no finite maximum."""
    coefficients = np.zeros(design.shape[1])
    for _ in range(50):
        mean = expit(design @ coefficients + offset)
        information = design.T @ (design * (mean * (1 - mean))[:, None])
        if not np.linalg.cond(information) < 1e12:
            break
        step = np.linalg.solve(information, design.T @ (positive - mean))
        coefficients = coefficients + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            influence = np.linalg.solve(information, (design * (positive - mean)[:, None]).T).T
            return coefficients, influence
    return np.full(design.shape[1], np.nan), np.full(design.shape, np.nan)


def _wald(by_seed: Float[np.ndarray, " seed"], influence: Float[np.ndarray, " subject"]) -> Interval:
    value, error = float(by_seed.mean()), float(np.sqrt((influence**2).sum()))
    reach = norm.ppf(0.975) * error
    return Interval(value, value - reach, value + reach)
