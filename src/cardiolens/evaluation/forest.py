"""Forest plots: one metric in every subgroup with its interval, beside everybody's."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from cardiolens.evaluation.canvas import BLUE, GREY, INK, PALE, VERMILION, drawing
from cardiolens.evaluation.disclosure import NOT_SHOWN
from cardiolens.evaluation.labels import METRIC_LABELS, column_label
from cardiolens.evaluation.subgroups import EVERYBODY

_ROW_IN = 0.235
_ACROSS = 2
"""More panels side by side would be printed smaller than 8 points on a page."""
COUNT_SIZE = 8.5
"""Points. The widest figure of 7 inches fits the 6.7 of an A4 page with little loss."""


def forest_figure(table: pd.DataFrame, *, columns: Sequence[str], metric: str) -> bytes:
    """PNG with a panel for each of `columns` and a row for each level; numbers at the right are people, or cases and people.

    `table` is that of `subgroups.risk_subgroups` or `value_subgroups`. Suppressed cells say so.
    """
    shown = table[(table["metric"] == metric) & table["column"].isin(columns)]
    rows = _rows(shown)
    across = min(_ACROSS, len(columns))
    down = math.ceil(len(columns) / across)
    with drawing(1.9 + 2.55 * across, down * (_ROW_IN * len(rows) + 1.1)) as canvas:
        panels = canvas.figure.subplots(down, across, sharey=True, sharex=metric != "mae", squeeze=False)
        for axes, column in zip(panels.flat, columns, strict=False):
            _draw(axes, shown[shown["column"] == column], rows, column, metric)
        for axes in panels.flat[len(columns) :]:
            axes.set_axis_off()
        for first in panels[:, 0]:
            first.set_yticks(range(len(rows)), [level if level else grouping for grouping, level in rows])
            first.set_ylim(len(rows) - 0.5, -0.5)
            for label, (grouping, level) in zip(first.get_yticklabels(), rows, strict=True):
                label.set_fontweight("bold" if not level or grouping == EVERYBODY else "normal")
    return canvas.png


def columns_to_show(table: pd.DataFrame, metric: str, columns: Sequence[str]) -> tuple[str, ...]:
    """Those of `columns` in which at least two levels of some grouping are not suppressed."""
    cells = table[(table["metric"] == metric) & (table["grouping"] != EVERYBODY) & table["value"].notna()]
    levels = cells.groupby(["column", "grouping"])["level"].nunique()
    enough = set(levels[levels > 1].index.get_level_values("column"))
    return tuple(column for column in columns if column in enough)


def _rows(shown: pd.DataFrame) -> list[tuple[str, str]]:
    """Grouping and level of each row from the top; a heading has no level."""
    rows: list[tuple[str, str]] = []
    for grouping, part in shown.groupby("grouping", sort=False):
        rows += [(str(grouping), "")] if grouping != EVERYBODY else []
        rows += [(str(grouping), str(level)) for level in part["level"].unique()]
    return rows


def _draw(axes: object, part: pd.DataFrame, rows: list[tuple[str, str]], column: str, metric: str) -> None:
    cells = part.set_index(["grouping", "level"])
    everybody = cells.loc[(EVERYBODY, EVERYBODY), "value"]
    if pd.notna(everybody):
        axes.axvline(everybody, color=VERMILION, linewidth=1.0, linestyle="--")
    counted = "cases/n" if cells["events"].notna().any() else "n"
    beside = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": COUNT_SIZE, "color": GREY}
    axes.text(1.02, -1, counted, **beside)
    for place, row in enumerate(rows):
        if row not in cells.index:
            continue
        cell = cells.loc[row]
        axes.text(1.02, place, _counts(cell), **beside)
        if pd.notna(cell["value"]):
            axes.plot([cell["low"], cell["high"]], [place, place], color=BLUE, linewidth=1.5)
            axes.plot(cell["value"], place, "o" if row[0] != EVERYBODY else "D", color=BLUE, markersize=4.5)
    if metric == "auroc":
        axes.axvline(0.5, color=INK, linewidth=0.7, linestyle=":")
    label = column_label(column)
    axes.set_title(label.name if not label.unit else f"{label.name}, {label.unit}" if metric == "mae" else label.name)
    axes.set_xlabel(METRIC_LABELS.get(metric, metric))
    axes.grid(axis="x", color=PALE, linewidth=0.6)
    axes.tick_params(axis="y", left=False)
    # A shared axis would be numbered under the lowest row of panels alone.
    axes.tick_params(axis="x", labelbottom=True)
    axes.locator_params(axis="x", nbins=5)


def _counts(cell: pd.Series) -> str:
    if cell["suppressed"]:
        return NOT_SHOWN
    return f"{cell['n']:,}" if pd.isna(cell["events"]) else f"{cell['events']:,}/{cell['n']:,}"
