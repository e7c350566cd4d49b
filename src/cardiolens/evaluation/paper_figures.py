"""The figures of the two papers: twenty phenotypes as scatter plots, results with few training subjects, five models as bars.

Each fits a page without being scaled down, so that its letters keep their size, and has the pixels for print.

Sources: Turgut et al., arXiv 2308.05764v1, Figures 4 and 5; Alvarez-Florez et al., European Heart Journal - Digital Health.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import t

from cardiolens.errors import BadRun
from cardiolens.evaluation.canvas import CYCLE, GREY, INK, LINES, MARKERS, PALE, VERMILION, drawing, legend_of_figure, wrapped
from cardiolens.evaluation.comparison import MEASURED
from cardiolens.evaluation.disclosure import cases_of
from cardiolens.evaluation.labels import METRIC_LABELS, column_label, split_in_words
from cardiolens.evaluation.regression import pearson_r, r_squared

FIGURE_4_COLUMNS = (
    "lvedv_ml", "lvesv_ml", "lvsv_ml", "lvef_percent", "lvco_l_per_min",
    "lvm_g", "rvedv_ml", "rvesv_ml", "rvsv_ml", "rvef_percent",
    "wt_global_mm", "wt_aha_2_mm", "wt_aha_8_mm", "wt_aha_11_mm", "ecc_global_percent",
    "ecc_aha_8_percent", "ecc_aha_11_percent", "err_global_percent", "err_aha_8_percent", "err_aha_11_percent",
)  # fmt: skip
"""Both ventricles whole; of the wall the global values and the septum (AHA 2, 8) beside the lateral wall (11)."""
FEW_COLUMNS = ("lvedv_ml", "lvef_percent", "lvm_g", "rvedv_ml", "wt_global_mm", "ecc_global_percent")
"""One or two of each group."""

_MANY = 1500
"""From so many points on single ones hide one another, and their density is shown."""
_MOST_BANDS = 4
"""More bands cover one another; whiskers stay apart."""
_COLOURS, _MARKERS = (*CYCLE, INK, GREY), (*MARKERS, "X")
"""Of different lengths, so that no two of 56 series look alike."""
_PRINT_DPI = 220
_CHANCE = {"auroc": 0.5, "r": 0.0, "mean_r": 0.0, "r2": 0.0, "mean_r2": 0.0}
_BAR_TITLES = {
    "mean_r2": "Phenotypes: explained variance R², mean of the group",
    "auroc": "Diseases: area under the ROC curve; bars start at chance, 0.5",
}
_HATCHES = ("", "///", "...", "\\\\\\", "xxx", "---")


def phenotype_scatters(
    predictions: pd.DataFrame,
    *,
    method: str,
    seed: int,
    split: str = "test",
    columns: Sequence[str] = FIGURE_4_COLUMNS,
    measured: str = "measured on MRI",
) -> bytes:
    """PNG, Figure 4: predicted against measured value of twenty phenotypes in their units, with r and its interval, R2 and n.

    `measured` names what the prediction is compared with. Columns without two known targets are left out. From 1,500 subjects
    on hexagons show how many lie where.

    Raises:
        BadRun: there is nothing to draw.
    """
    chosen = predictions[
        (predictions["method"] == method) & (predictions["seed"] == seed) & (predictions["split"] == split)
    ].dropna(subset="target")
    shown = [column for column in columns if (chosen["column"] == column).sum() > 1]
    if not shown:
        raise _nothing(f"no known values of '{method}', seed {seed}, on the split '{split}'")
    across = 3 if len(shown) == 6 else min(4, len(shown))  # no row of two below one of four
    down = math.ceil(len(shown) / across)
    most = max((chosen["column"] == column).sum() for column in shown)
    width_in = 1.85 * across + 0.3
    density = "darker where more subjects lie; " if most >= _MANY else ""
    what = wrapped(
        f"{method}, seed {seed}, {split_in_words(split)}: {density}dashed identity, solid regression line; "
        "r with its 95 % interval",
        width_in,
    )
    height_in = 2.2 * down + 0.42 + 0.14 * (what.count("\n") + 1)
    with drawing(width_in, height_in, dpi=_PRINT_DPI) as canvas:
        panels = canvas.figure.subplots(down, across, squeeze=False).flat
        for axes, column in zip(panels, shown, strict=False):
            one = chosen[chosen["column"] == column]
            _draw_scatter(axes, column, one["target"].to_numpy(), one["score"].to_numpy())
        for axes in list(panels)[len(shown) :]:
            axes.set_axis_off()
        canvas.figure.supxlabel(f"{measured}\n{what}", fontsize=8.5)
        canvas.figure.supylabel("predicted from the ECG", fontsize=8.5)
    return canvas.png


def low_data_curves(results: pd.DataFrame) -> bytes:
    """PNG, Figure 5: a metric over the number of training subjects, one panel per column, one line per method.

    `results` has a row per method, column, metric, seed and train_size with `value`, `low` and `high`. A line is the mean over
    seeds, whiskers (and for four methods or fewer a band) the 95 % interval of that mean by Student's t; of a single seed they
    are its own `low` to `high`. Points of different methods stand a little apart. The last method comes out strongest.

    Raises:
        BadRun: there is nothing to draw.
    """
    if results.empty:
        raise _nothing("no results by number of training subjects")
    pairs = list(dict.fromkeys(zip(results["column"], results["metric"], strict=True)))
    methods = list(dict.fromkeys(results["method"]))
    summary = low_data_summary(results)
    across = min(3, len(pairs))
    down = math.ceil(len(pairs) / across)
    width_in = 2.4 * across + 0.3
    with drawing(width_in, 2.3 * down + 0.6, dpi=_PRINT_DPI) as canvas:
        panels = canvas.figure.subplots(down, across, squeeze=False)
        for axes, (column, metric) in zip(panels.flat, pairs, strict=False):
            part = summary[(summary["column"] == column) & (summary["metric"] == metric)]
            _draw_curves(axes, part, methods, _CHANCE.get(metric))
            axes.set(title=column_label(column).name, ylabel=METRIC_LABELS[metric])
        for axes in panels.flat[len(pairs) :]:
            axes.set_axis_off()
        handles = {
            label: handle for axes in panels.flat for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        order = [*methods, *(label for label in handles if label not in methods)]
        legend_of_figure(canvas.figure, [handles[label] for label in order], order, loc="outside upper center")
        mean = " of the mean over seeds" if summary["seeds"].max() > 1 else ""
        scales = "; every panel has its own vertical scale" if len(pairs) > 1 else ""
        what = f"whiskers: 95 % interval{mean}; {_seeds(summary['seeds'])}{scales}"
        canvas.figure.supxlabel(f"training subjects (log scale)\n{wrapped(what, width_in)}", fontsize=8.5)
    return canvas.png


def low_data_summary(results: pd.DataFrame) -> pd.DataFrame:
    """What `low_data_curves` draws: method, column, metric, train_size, with mean, sd, low and high over seeds, and seeds."""
    grouped = results.groupby(["method", "column", "metric", "train_size"], observed=True, sort=False)
    summary = grouped.agg(
        # A seed without a value must show; pandas' own mean would pass over it.
        mean=("value", lambda values: values.mean(skipna=False)),
        sd=("value", "std"),
        seeds=("seed", "nunique"),
        low=("low", "mean"),
        high=("high", "mean"),
    ).reset_index()
    several = summary["seeds"] > 1
    reach = t.ppf(0.975, np.maximum(summary["seeds"] - 1, 1)) * summary["sd"] / np.sqrt(summary["seeds"])
    return summary.assign(
        low=summary["low"].where(~several, summary["mean"] - reach),
        high=summary["high"].where(~several, summary["mean"] + reach),
    )


def model_bars(comparison: pd.DataFrame) -> bytes:
    """PNG, the second paper's models as bars with 95 % intervals: R2 by group of phenotypes, AUC by disease.

    `comparison` is what `compare` found with `mean_r2` and `auroc` among what it shows; only measured rows are drawn. Bars
    start where nothing is known: at R2 0 and AUC 0.5.

    Raises:
        BadRun: there is nothing to draw.
    """
    measured = comparison[(comparison["origin"] == MEASURED) & comparison["metric"].isin(("mean_r2", "auroc"))]
    if measured.empty:
        raise _nothing("a comparison without R2 of groups and AUC of diseases")
    models = list(dict.fromkeys(measured["method"]))
    kinds = [metric for metric in ("mean_r2", "auroc") if (measured["metric"] == metric).any()]
    with drawing(7.4, 2.4 * len(kinds) + 0.7, dpi=_PRINT_DPI) as canvas:
        panels = canvas.figure.subplots(len(kinds), 1, squeeze=False)[:, 0]
        for axes, metric in zip(panels, kinds, strict=True):
            _draw_bars(axes, measured[measured["metric"] == metric], models, _CHANCE[metric])
            axes.set(title=_BAR_TITLES[metric], ylabel=METRIC_LABELS[metric])
        handles, labels = panels[0].get_legend_handles_labels()
        legend_of_figure(canvas.figure, handles, labels, loc="outside upper center")
        what = f"whiskers: 95 % intervals; {_seeds(measured['seeds'])}; under a disease its cases of all subjects tested"
        canvas.figure.supxlabel(what, fontsize=8.5)
    return canvas.png


def _draw_scatter(
    axes: object, column: str, measured: Float[np.ndarray, " subject"], predicted: Float[np.ndarray, " subject"]
) -> None:
    label = column_label(column)
    low, high = (float(end(np.concatenate([measured, predicted]))) for end in (np.min, np.max))
    pad = 0.04 * (high - low) or 1.0
    ends = (low - pad, high + pad)
    if len(measured) < _MANY:
        axes.scatter(measured, predicted, s=8, alpha=max(0.15, min(0.6, 120 / len(measured))), color=CYCLE[0], linewidth=0)
    else:
        cells = axes.hexbin(measured, predicted, gridsize=38, extent=(*ends, *ends), mincnt=1, bins="log", cmap=_blues())
        cells.set_linewidth(0.1)
    axes.plot(ends, ends, color=GREY, linewidth=0.9, linestyle="--")
    if np.ptp(measured) > 0:
        slope, offset = np.polyfit(measured, predicted, 1)
        span = np.array([measured.min(), measured.max()])
        axes.plot(span, slope * span + offset, color=VERMILION, linewidth=1.6)
    axes.set(xlim=ends, ylim=ends, aspect="equal")
    axes.locator_params(nbins=4)
    axes.set_title(f"{label.name}, {label.unit}" if label.unit else label.name, pad=26)
    r, explained = (measure(predicted[:, None], measured[:, None]) for measure in (pearson_r, r_squared))
    interval = "" if np.isnan(r.low[0]) else f" ({r.low[0]:.2f} to {r.high[0]:.2f})"
    text = f"r = {r.value[0]:.2f}{interval}\nR² = {explained.value[0]:.2f}, n = {len(measured):,}".replace("-", "−")
    axes.text(0.5, 1.03, text, transform=axes.transAxes, ha="center", fontsize=7.5)


def _draw_curves(axes: object, part: pd.DataFrame, methods: list[str], chance: float | None) -> None:
    if chance is not None:
        axes.axhline(chance, color=INK, linewidth=1.3, linestyle=(0, (1, 1.5)), label="chance", zorder=2)
    sizes = sorted(part["train_size"].unique())
    step = 0.012 * (math.log(sizes[-1] / sizes[0]) or 1.0)
    for k, method in enumerate(reversed(methods)):
        line = part[part["method"] == method].sort_values("train_size")
        color = _COLOURS[k % len(_COLOURS)]
        style = {"linestyle": LINES[k % len(LINES)], "marker": _MARKERS[k % len(_MARKERS)], "markersize": 4}
        place = line["train_size"] * math.exp(step * ((len(methods) - 1) / 2 - k))
        if len(methods) <= _MOST_BANDS:
            axes.fill_between(place, line["low"], line["high"], color=color, alpha=0.12, linewidth=0)
        axes.vlines(place, line["low"], line["high"], color=color, linewidth=1.0)
        axes.plot(place, line["mean"], color=color, linewidth=1.3, label=method, zorder=3 - 0.01 * k, **style)
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.grid(axis="y", color=PALE, linewidth=0.6)


def _draw_bars(axes: object, part: pd.DataFrame, models: list[str], start: float) -> None:
    columns = list(dict.fromkeys(part["column"]))
    width = 0.8 / len(models)
    values = part.set_index(["method", "column"])
    for k, model in enumerate(models):
        here = values.reindex(pd.MultiIndex.from_product([[model], columns]))
        place = np.arange(len(columns)) + (k - (len(models) - 1) / 2) * width
        mean, low, high = (here[name].to_numpy() for name in ("mean", "low", "high"))
        look = {"color": _COLOURS[k % len(_COLOURS)], "hatch": _HATCHES[k % len(_HATCHES)], "edgecolor": "white"}
        axes.bar(place, mean - start, 0.92 * width, bottom=start, linewidth=0.6, label=model, **look)
        axes.vlines(place, low, high, color=INK, linewidth=1.1)
    axes.axhline(start, color=INK, linewidth=0.9)
    counts = part.groupby("column", observed=True)[["n", "events"]].min()
    axes.set_xticks(range(len(columns)), [_counted(column, counts.loc[column]) for column in columns])
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="y", color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)


def _counted(column: str, counts: pd.Series) -> str:
    name = textwrap.fill(column_label(column).name, 16)
    n, events = counts["n"], counts["events"]
    return f"{name}\n" + (f"n {n:,}" if pd.isna(events) else cases_of(events, n))


def _seeds(counts: pd.Series) -> str:
    fewest, most = int(counts.min()), int(counts.max())
    return f"{fewest} {'seed' if fewest == 1 else 'seeds'}" if fewest == most else f"{fewest} to {most} seeds"


def _blues() -> object:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("density", ("#bcd7ea", CYCLE[0], "#00263d"))


def _nothing(found: str) -> BadRun:
    return BadRun("the figure", found=found, expected="something to draw", remedy="name what was run")
