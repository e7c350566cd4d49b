"""Reliability: of those who were told a risk of 10 %, how many have the disease."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from cardiolens.evaluation.canvas import CYCLE, GREY, LINES, MARKERS, PALE, drawing, legend_of_figure
from cardiolens.evaluation.disclosure import FEWEST
from cardiolens.evaluation.labels import column_label
from cardiolens.evaluation.metrics import proportion
from cardiolens.evaluation.risk_metrics import group_bounds
from cardiolens.evaluation.risks import Risks

GROUP_COLUMNS = ("column", "method", "group", "predicted", "observed", "low", "high", "n", "events")
MOST_GROUPS, PER_GROUP = 10, 25
"""Of a small cohort fewer groups are made, so that each says something."""


def reliability_groups(risks: Sequence[Risks]) -> pd.DataFrame:
    """Groups of equal size by mean risk over seeds: their mean risk and the share of cases with Wilson's interval.

    Ten, or as many as hold `PER_GROUP` subjects each. Neighbours with fewer than `FEWEST` cases or healthy ones are one group:
    their share would name a few. Where all together have fewer, there is none.
    """
    rows = []
    for one in risks:
        risk = one.mean
        group = _groups(risk, one.positive)
        for k in np.unique(group[group >= 0]):
            inside = group == k
            n, events = int(inside.sum()), int(one.positive[inside].sum())
            share = proportion(events, n)
            found = {"predicted": risk[inside].mean(), "observed": share.value, "low": share.low, "high": share.high}
            rows.append({"column": one.column, "method": one.method, "group": int(k)} | found | {"n": n, "events": events})
    return pd.DataFrame(rows, columns=list(GROUP_COLUMNS))


def _groups(risk: Float[np.ndarray, " subject"], positive: Bool[np.ndarray, " subject"]) -> Int[np.ndarray, " subject"]:
    """The group of each subject, from the lowest risk up; -1 where there is none."""
    bounds = group_bounds(risk, min(MOST_GROUPS, max(1, len(risk) // PER_GROUP)))
    fine = np.searchsorted(bounds, risk, side="right")
    counts = np.stack([np.bincount(fine[inside], minlength=len(bounds) + 1) for inside in (positive, ~positive)])
    merged, held, group = np.zeros(len(bounds) + 1, np.int64), np.zeros(2, np.int64), 0
    for k, count in enumerate(counts.T):
        merged[k], held = group, held + count
        if held.min() >= FEWEST:
            group, held = group + 1, np.zeros(2, np.int64)
    # Those left over at the upper end join the last that is whole.
    return np.minimum(merged, group - 1)[fine]


def reliability_figure(groups: pd.DataFrame, *, methods: Sequence[str]) -> bytes:
    """PNG with a panel for each disease: share of cases against risk, by groups, with 95 % intervals, beside the diagonal."""
    shown = groups[groups["method"].isin(methods)]
    columns = list(shown["column"].unique())
    with drawing(max(5.0, 3.3 * len(columns) + 0.4), 4.1, layout="compressed") as canvas:
        panels = canvas.figure.subplots(1, len(columns), squeeze=False)[0]
        for axes, column in zip(panels, columns, strict=True):
            here = shown[shown["column"] == column]
            end = 104 * max(here["predicted"].max(), here["high"].max(), 0.02)
            axes.plot([0, end], [0, end], color=GREY, linewidth=0.9, label="as predicted")
            for k, method in enumerate(methods):
                part = here[here["method"] == method]
                if part.empty:
                    continue
                reach = 100 * np.abs(part[["low", "high"]].to_numpy().T - part["observed"].to_numpy())
                axes.errorbar(
                    100 * part["predicted"], 100 * part["observed"], yerr=reach, color=CYCLE[k], marker=MARKERS[k],
                    linestyle=LINES[k], markersize=4.5, linewidth=1.2, elinewidth=0.9, label=method,
                )  # fmt: skip
            axes.set(xlim=(0, end), ylim=(0, end), aspect="equal")
            axes.set_title(column_label(str(column)).name, pad=8)
            axes.set_xlabel("predicted risk, %")
            axes.grid(color=PALE, linewidth=0.6)
        panels[0].set_ylabel("share with the disease, %")
        handles, labels = panels[0].get_legend_handles_labels()
        legend_of_figure(canvas.figure, handles, labels)
    return canvas.png
