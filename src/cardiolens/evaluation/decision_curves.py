"""Net benefit: whether acting on a risk would do more good than treating everybody or nobody, whatever a false alarm costs.

At a threshold t the net benefit is the share of true positives minus that of false positives times t / (1 - t): who acts from a
risk of t on holds one missed case to be as bad as (1 - t) / t false alarms.

Source: Vickers & Elkin 2006.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from cardiolens.evaluation.bootstrap import RESAMPLES, resampled_alike
from cardiolens.evaluation.calibration import FEWEST_EVENTS
from cardiolens.evaluation.canvas import CYCLE, GREY, INK, LINES, PALE, drawing, legend_of_figure
from cardiolens.evaluation.labels import column_label
from cardiolens.evaluation.risks import Risks

TREAT_ALL, TREAT_NONE = "Treat all", "Treat none"
CURVE_COLUMNS = ("column", "method", "threshold", "net_benefit", "low", "high", "n", "events")
_POINTS = 60
_PER = 1000


def thresholds_for(prevalence: float, *, points: int = _POINTS) -> Float[np.ndarray, " threshold"]:
    """Thresholds about the prevalence: from nearly nothing to four times it, half at most."""
    return np.linspace(0.0, min(0.5, 4 * prevalence), points + 1)[1:]


def net_benefit(
    probability: Float[np.ndarray, "seed subject"],
    positive: Bool[np.ndarray, " subject"],
    threshold: Float[np.ndarray, " threshold"],
) -> Float[np.ndarray, "subject threshold"]:
    """What each subject adds to the net benefit at each threshold, mean over seeds; the mean over subjects is the curve."""
    odds = threshold / (1 - threshold)
    worth = np.where(positive[:, None], 1.0, -odds)
    return np.mean([(one[:, None] >= threshold) * worth for one in probability], axis=0)


def decision_curves(risks: Sequence[Risks], *, rng: np.random.Generator, resamples: int = RESAMPLES) -> pd.DataFrame:
    """The curves of every method and of treating all and none, by disease, with `CURVE_COLUMNS`.

    `low` and `high` are limits of 95 % at each threshold alone, by a bootstrap of participants. Diseases with fewer than
    `FEWEST_EVENTS` cases are left out: their curves would be steps of single people. Treating all is computed on the subjects
    of the disease's first method.
    """
    parts = []
    for column in dict.fromkeys(one.column for one in risks):
        here = [one for one in risks if one.column == column]
        positive = here[0].positive
        if positive.sum() < FEWEST_EVENTS:
            continue
        thresholds = thresholds_for(float(positive.mean()))
        everybody = net_benefit(np.ones((1, len(positive))), positive, thresholds)
        curves = [(one.method, one.positive, net_benefit(one.probability, one.positive, thresholds)) for one in here]
        curves.append((TREAT_ALL, positive, everybody))
        drawn = resampled_alike([terms for _, _, terms in curves], resamples, rng)
        for (method, status, terms), totals in zip(curves, drawn, strict=True):
            low, high = np.quantile(totals / len(terms), (0.025, 0.975), axis=0)
            numbers = {"threshold": thresholds, "net_benefit": terms.mean(axis=0), "low": low, "high": high}
            counted = {"n": len(status), "events": int(status.sum())}
            parts.append(pd.DataFrame({"column": column, "method": method} | numbers | counted))
        nothing = dict.fromkeys(("net_benefit", "low", "high"), 0.0)
        names = {"column": column, "method": TREAT_NONE, "threshold": thresholds}
        parts.append(pd.DataFrame(names | nothing | {"n": len(positive), "events": int(positive.sum())}))
    return pd.concat(parts, ignore_index=True)[list(CURVE_COLUMNS)] if parts else pd.DataFrame(columns=list(CURVE_COLUMNS))


def decision_curve_figure(curves: pd.DataFrame, *, methods: Sequence[str]) -> bytes:
    """PNG with a panel for each disease: net benefit per 1,000 people against the threshold; the first method shaded."""
    columns = list(curves["column"].unique())
    with drawing(max(6.4, 3.3 * len(columns) + 0.4), 3.5) as canvas:
        panels = canvas.figure.subplots(1, len(columns), squeeze=False)[0]
        for axes, column in zip(panels, columns, strict=True):
            _draw(axes, curves[curves["column"] == column], methods)
        panels[0].set_ylabel(f"net benefit: true positives\nper {_PER:,} people, false ones set off")
        handles, labels = panels[0].get_legend_handles_labels()
        legend_of_figure(canvas.figure, handles, labels)
    return canvas.png


def _draw(axes: object, curves: pd.DataFrame, methods: Sequence[str]) -> None:
    by_method = dict(iter(curves.groupby("method", observed=True, sort=False)))
    highest = _PER * max(part["net_benefit"].max() for part in by_method.values())
    for k, method in enumerate(methods):
        if method not in by_method:
            continue
        part = by_method[method]
        at = 100 * part["threshold"]
        if k == 0:
            axes.fill_between(at, _PER * part["low"], _PER * part["high"], color=CYCLE[0], alpha=0.15, linewidth=0)
        axes.plot(at, _PER * part["net_benefit"], color=CYCLE[k], linestyle=LINES[k], linewidth=1.7, label=method)
    everybody = by_method[TREAT_ALL]
    axes.plot(100 * everybody["threshold"], _PER * everybody["net_benefit"], color=GREY, linewidth=1.2, label=TREAT_ALL)
    axes.axhline(0, color=INK, linewidth=1.2, linestyle=":", label=TREAT_NONE)
    events, n = (int(everybody[name].iloc[0]) for name in ("events", "n"))
    axes.set_title(f"{column_label(str(everybody['column'].iloc[0])).name}\n{events:,} cases among {n:,}")
    axes.set_xlabel("threshold of risk, %")
    axes.set_ylim(-0.25 * highest, 1.15 * highest)
    axes.set_xlim(0, 100 * everybody["threshold"].max())
    axes.grid(color=PALE, linewidth=0.6)
