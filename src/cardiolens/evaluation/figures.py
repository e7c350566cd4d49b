"""Figures of results, pure functions of tables: intervals of methods, training curves, one subject's values."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from cardiolens.evaluation.canvas import BLUE, CYCLE, GREY, INK, LINES, MARKERS, PALE, VERMILION, drawing, legend_of_figure
from cardiolens.evaluation.comparison import MEASURED, ORACLE, PUBLISHED
from cardiolens.evaluation.curves import SELECT_LOSS, TRAIN_LOSS
from cardiolens.evaluation.labels import METRIC_LABELS, column_label
from cardiolens.imaging.phenotype_table import PHENOTYPE_GROUPS, PHENOTYPES


def method_intervals(comparison: pd.DataFrame) -> bytes:
    """PNG of `compare`'s numbers: a panel per column, a row per method with its 95 % interval.

    A dashed line is the cohort's oracle, a dotted one chance; open diamonds are published values of UK Biobank, in rows
    of their own.
    """
    pairs = list(dict.fromkeys(zip(comparison["column"], comparison["metric"], strict=True)))
    measured = list(dict.fromkeys(comparison.loc[comparison["origin"] == MEASURED, "method"]))
    published = list(dict.fromkeys(comparison.loc[comparison["origin"] == PUBLISHED, "method"]))
    rows = [*measured, *published]
    across = min(4, len(pairs))
    down = math.ceil(len(pairs) / across)
    with drawing(2.1 + 2.0 * across, down * (0.7 + 0.25 * len(rows)) + 0.5) as canvas:
        panels = canvas.figure.subplots(down, across, squeeze=False, sharey=True)
        for axes, (column, metric) in zip(panels.flat, pairs, strict=False):
            part = comparison[(comparison["column"] == column) & (comparison["metric"] == metric)]
            _draw_intervals(axes, part, rows)
            axes.set_title(f"{column_label(column).short}, {METRIC_LABELS[metric]}")
        panels[0, 0].set_yticks(range(len(rows)), [f"{m} (published)" if m in published else m for m in rows])
        panels[0, 0].set_ylim(len(rows) - 0.5, -0.5)
        handles = {
            label: handle for axes in panels.flat for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        legend_of_figure(canvas.figure, list(handles.values()), list(handles))
        for axes in panels.flat[len(pairs) :]:
            axes.set_axis_off()
    return canvas.png


def training_curves(curves: pd.DataFrame) -> bytes:
    """PNG: the loss of every run in a panel of its own, then each validation number in a panel shared by its runs.

    `curves` is what `curves.learning_curves` reads. Losses of different methods have no common scale; AUC and r do.
    """
    names = curves["metric"].unique()
    with_loss = list(dict.fromkeys(curves.loc[curves["metric"].isin((TRAIN_LOSS, SELECT_LOSS)), "run"]))
    shared = [name for name in names if name.startswith("select_") and name.endswith(("_auc", "_mean_r"))]
    across = min(4, len(with_loss) + len(shared))
    down = math.ceil((len(with_loss) + len(shared)) / across)
    with drawing(2.6 * across + 0.4, 2.1 * down + 0.5) as canvas:
        panels = list(canvas.figure.subplots(down, across, squeeze=False).flat)
        for axes, run in zip(panels, with_loss, strict=False):
            one = curves[curves["run"] == run]
            for metric, label, style in ((TRAIN_LOSS, "training", "-"), (SELECT_LOSS, "selection", "--")):
                line = one[one["metric"] == metric]
                color = BLUE if metric == TRAIN_LOSS else VERMILION
                axes.plot(line["epoch"], line["value"], style, color=color, linewidth=1.5, label=label)
            axes.set_title(f"{run}\nloss", fontsize=9)
        panels[0].legend(loc="best")
        for axes, metric in zip(panels[len(with_loss) :], shared, strict=False):
            for k, (run, line) in enumerate(curves[curves["metric"] == metric].groupby("run", sort=False)):
                marker = {"marker": MARKERS[k % len(MARKERS)], "markersize": 3 if len(line) < 40 else 0}
                style = {"color": CYCLE[k % len(CYCLE)], "linestyle": LINES[k % len(LINES)], "linewidth": 1.4}
                axes.plot(line["epoch"], line["value"], label=run, **style, **marker)
            axes.set_title(f"selection split\n{_spoken(metric)}", fontsize=9)
            axes.legend(fontsize=7)
        for axes in panels:
            axes.grid(color=PALE, linewidth=0.6)
            axes.set_xlabel("epoch")
        for axes in panels[len(with_loss) + len(shared) :]:
            axes.set_axis_off()
    return canvas.png


def phenotype_profile(
    values: Mapping[str, float], cohort: pd.DataFrame, *, reference: Mapping[str, float] | None = None
) -> bytes:
    """PNG of one subject's predicted phenotypes as standard deviations from the cohort's mean, by group.

    `cohort` has a row per phenotype column with `mean` and `sd` of the measured values (`cohort_moments`). `reference` are
    the subject's own measured values where they are known: open diamonds.
    """
    shown = [p for p in PHENOTYPES if p.column in values and p.column in cohort.index]
    groups = [group for group in PHENOTYPE_GROUPS if any(p.group == group for p in shown)]
    counts = [sum(p.group == group for p in shown) for group in groups]
    with drawing(9.6, 3.1) as canvas:
        panels = canvas.figure.subplots(
            1, len(groups), sharey=True, squeeze=False, width_ratios=[max(4, count) for count in counts]
        )[0]
        for axes, group in zip(panels, groups, strict=True):
            members = [p for p in shown if p.group == group]
            mean, sd = (cohort.loc[[p.column for p in members], moment].to_numpy() for moment in ("mean", "sd"))
            place = np.arange(len(members))
            axes.axhspan(-2, 2, color="#eef3f7", linewidth=0, zorder=0)
            axes.axhline(0, color=GREY, linewidth=0.8)
            predicted = np.array([values[p.column] for p in members])
            axes.plot(place, (predicted - mean) / sd, "o", color=BLUE, markersize=4.5, label="predicted from the ECG")
            if reference is not None:
                known = np.array([reference.get(p.column, np.nan) for p in members])
                axes.plot(place, (known - mean) / sd, "D", mfc="none", mec=VERMILION, markersize=5.5, label="measured")
            names = [p.name.removeprefix(f"{group}_").removeprefix("AHA_").replace("Global", "all") for p in members]
            axes.set_xticks(place, names, rotation=90, fontsize=7)
            axes.set_xlim(-0.7, len(members) - 0.3)
            axes.set_title(group)
        panels[0].set_ylabel("standard deviations\nfrom the cohort's mean")
        handles, labels = panels[0].get_legend_handles_labels()
        band = "shaded: 95 % of the cohort, roughly"
        legend_of_figure(canvas.figure, handles, labels, title=band, title_fontsize=8.5)
    return canvas.png


def cohort_moments(predictions: pd.DataFrame) -> pd.DataFrame:
    """`mean` and `sd` of every column's known targets, each subject once; the index is the column."""
    targets = predictions.dropna(subset="target").drop_duplicates(["column", "subject"])
    return targets.groupby("column", observed=True)["target"].agg(mean="mean", sd="std")


def _spoken(metric: str) -> str:
    ending, words = ("_auc", "AUC") if metric.endswith("_auc") else ("_mean_r", "mean r")
    return f"{column_label(metric.removeprefix('select_').removesuffix(ending)).short}, {words}"


def _draw_intervals(axes: object, part: pd.DataFrame, rows: list[str]) -> None:
    by_method = part[part["origin"] != ORACLE].set_index("method")
    for place, method in enumerate(rows):
        if method not in by_method.index:
            continue
        row = by_method.loc[method]
        if row["origin"] == PUBLISHED:
            axes.plot(row["mean"], place, "D", mfc="white", mec=GREY, mew=1.2, ms=5, ls="none", label="published, UK Biobank")
        else:
            axes.plot([row["low"], row["high"]], [place, place], color=BLUE, linewidth=1.8, label="95 % interval")
            axes.plot(row["mean"], place, "o", color=BLUE, markersize=5.5)
    for _, row in part[part["origin"] == ORACLE].iterrows():
        axes.axvline(row["mean"], color=VERMILION, linestyle="--", linewidth=1.2, label="truth (oracle)")
    if (part["metric"] == "auroc").any():
        axes.axvline(0.5, color=INK, linewidth=0.8, linestyle=":", label="chance")
    axes.grid(axis="x", color=PALE, linewidth=0.6)
    axes.tick_params(left=False)
    axes.locator_params(axis="x", nbins=4)
