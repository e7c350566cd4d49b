"""Whether a metric differs between the levels of a grouping by more than chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import chi2, norm

from cardiolens.evaluation.differences import holm
from cardiolens.evaluation.subgroups import EVERYBODY

GAP_COLUMNS = ("grouping", "column", "metric", "family", "levels", "lowest", "highest", "gap", "p", "p_holm")
PRIMARY = ("AUC of diseases", "observed over expected cases of diseases")
"""The two questions that were asked first: does the risk rank as well, and is it as true, for everybody."""
_DISEASES, _ERRORS, _COVERAGE = "other numbers of diseases", "errors of phenotypes", "coverage of phenotypes' intervals"
_FAMILIES = {
    "auroc": PRIMARY[0], "observed_to_expected": PRIMARY[1],
    "sensitivity": _DISEASES, "specificity": _DISEASES, "brier": _DISEASES,
    "r": _ERRORS, "r2": _ERRORS, "mae": _ERRORS, "coverage_80": _COVERAGE, "coverage_95": _COVERAGE,
}  # fmt: skip
_LOGIT, _FISHER, _LOG, _PLAIN, _SHARE = "logit", "fisher", "log", "plain", "share"
_SCALES = {
    "auroc": _LOGIT, "observed_to_expected": _LOG, "brier": _PLAIN, "r": _FISHER, "r2": _PLAIN, "mae": _PLAIN,
    "sensitivity": _SHARE, "specificity": _SHARE, "coverage_80": _SHARE, "coverage_95": _SHARE,
}  # fmt: skip
"""On which scale a metric's interval is even, and gaps are tested; shares are tested by their counts."""


def gaps(table: pd.DataFrame) -> pd.DataFrame:
    """One row per grouping, column and metric of `risk_subgroups` or `value_subgroups`, with `GAP_COLUMNS`.

    Shares of people are compared by `share_heterogeneity`, all else by `heterogeneity` on the scale on which its interval is
    even. `p_holm` is adjusted within each `family`, so that the many tests of secondary numbers do not hide the few of
    `PRIMARY`; a family claims one wrong gap as rarely as a single test, all together do not. Levels that are not shown take no
    part, and what has fewer than two others is left out.
    """
    rows = []
    shown = table[~table["suppressed"].to_numpy(bool) & (table["grouping"] != EVERYBODY) & table["low"].notna()]
    for (grouping, column, metric), part in shown.groupby(["grouping", "column", "metric"], sort=False):
        if len(part) < 2:
            continue
        value = part["value"].to_numpy()
        if _SCALES[metric] == _SHARE:
            among = _among(part, metric)
            p = share_heterogeneity(value * among, among)
        else:
            p = heterogeneity(value, part["low"].to_numpy(), part["high"].to_numpy(), scale=_SCALES[metric])
        by_value = part.sort_values("value")
        rows.append(
            {
                "grouping": grouping, "column": column, "metric": metric, "family": _FAMILIES[metric], "levels": len(part),
                "lowest": by_value["level"].iloc[0], "highest": by_value["level"].iloc[-1],
                "gap": float(by_value["value"].iloc[-1] - by_value["value"].iloc[0]), "p": p,
            }
        )  # fmt: skip
    found = pd.DataFrame(rows, columns=list(GAP_COLUMNS[:-1])).astype({"p": "float64"})
    adjusted = found.groupby("family", sort=False)["p"].transform(lambda p: holm(p.to_numpy()))
    return found.assign(p_holm=adjusted.astype("float64"))


def heterogeneity(
    value: Float[np.ndarray, " level"], low: Float[np.ndarray, " level"], high: Float[np.ndarray, " level"], *, scale: str
) -> float:
    """The p-value of Cochran's Q over independent groups, from their values and 95 % limits; NaN for fewer than two.

    The squared distances from the weighted mean, in units of their variances, against chi-square with one degree less than
    levels.
    """
    centre, lower, upper = (_scaled(one, scale) for one in (value, low, high))
    error = (upper - lower) / (2 * norm.ppf(0.975))
    usable = np.isfinite(centre) & np.isfinite(error) & (error > 0)
    if usable.sum() < 2:
        return np.nan
    weight = 1 / error[usable] ** 2
    mean = (weight * centre[usable]).sum() / weight.sum()
    return float(chi2.sf((weight * (centre[usable] - mean) ** 2).sum(), usable.sum() - 1))


def share_heterogeneity(hits: Float[np.ndarray, " level"], among: Float[np.ndarray, " level"]) -> float:
    """The p-value that independent groups have one share, from counts, which may be means over seeds; 0 % and 100 % count too.

    The larger one of Pearson's chi-square (times (n - 1) / n) and the likelihood ratio's: either alone calls too many gaps real
    where a group is small and its share near 0 or 1 (10 and 1,000 people, share 0.95, 40,000 simulated pairs: p under 0.05 in
    7.0 % and p under 0.001 in 1.0 % by Pearson's; 40 and 40 people: p under 0.05 in 9.3 % by the likelihood ratio). NaN for
    fewer than two groups with somebody in them.
    """
    hits, among = hits[among > 0], among[among > 0]
    if len(among) < 2:
        return np.nan
    observed = np.stack([hits, among - hits])
    expected = observed.sum(axis=1, keepdims=True) * among / among.sum()
    if not (expected > 0).all():
        return 1.0
    pearson = ((observed - expected) ** 2 / expected).sum() * (among.sum() - 1) / among.sum()
    ratio = 2 * (observed * np.log(np.where(observed > 0, observed / expected, 1.0))).sum()
    return float(chi2.sf(min(pearson, ratio), len(among) - 1))


def _among(part: pd.DataFrame, metric: str) -> Float[np.ndarray, " level"]:
    """Of how many people the share is, by level."""
    count = part["n"] if metric.startswith("coverage") else part["events"]
    return (part["n"] - count if metric == "specificity" else count).to_numpy(np.float64)


def _scaled(value: Float[np.ndarray, " level"], scale: str) -> Float[np.ndarray, " level"]:
    with np.errstate(divide="ignore", invalid="ignore"):
        if scale == _LOGIT:
            return np.log(value / (1 - value))
        if scale == _FISHER:
            return np.arctanh(value)
        return np.log(value) if scale == _LOG else value
