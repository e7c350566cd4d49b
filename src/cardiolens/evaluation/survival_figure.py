"""The figure of new diagnoses over time by third of a score, with the numbers at risk below."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from cardiolens.evaluation.canvas import CYCLE, LINES, PALE, drawing
from cardiolens.evaluation.concordance import concordance
from cardiolens.evaluation.disclosure import FEWEST
from cardiolens.evaluation.survival import DAYS_PER_YEAR, kaplan_meier, log_rank, num_at_risk, tertiles

_NAMES = ("lowest third", "middle third", "highest third")
TERTILE_COLUMNS = ("third", "years", "fallen_ill", "low", "high", "at_risk")
_POINTS_PER_TICK = 4
_FEWEST_AT_RISK = 10
"""The curves end where fewer of every third are left: steps of single people say little."""


def risk_by_tertile(
    score: Float[np.ndarray, " subject"],
    days: Float[np.ndarray, " subject"],
    event: Bool[np.ndarray, " subject"],
    *,
    title: str,
) -> bytes:
    """PNG: cumulative incidence (one minus Kaplan-Meier) in each third of the score, with bands of 95 %.

    `days` and `event` are `survival.follow_up`'s, `score` is of the same people, who make the thirds. The heading gives
    Harrell's C and the log-rank p; below stand those still under observation. Needs at least one person.
    """
    group = tertiles(score)
    shown = np.unique(group)
    years = _last_day(days, group) / DAYS_PER_YEAR
    ticks = np.arange(0, years + 1e-9, _step(years))
    with drawing(6.2, 4.4) as canvas:
        above, below = canvas.figure.subplots(2, 1, sharex=True, height_ratios=(1, 0.1 + 0.075 * len(shown)))
        for name in shown:
            _draw_curve(above, days[group == name], event[group == name], int(name), years)
        above.set(xlim=(0, years), ylabel="fallen ill, %")
        above.set_ylim(bottom=0)
        above.tick_params(labelbottom=True)
        above.set_xlabel("years from the ECG")
        above.grid(axis="y", color=PALE, linewidth=0.6)
        handles, labels = above.get_legend_handles_labels()
        above.legend(handles[::-1], labels[::-1], loc="upper left", handlelength=3.2)
        canvas.figure.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
        above.set_title(_heading(score, days, event, group), loc="left", fontsize=9, fontweight="normal")
        _draw_at_risk(below, days, group, ticks)
    return canvas.png


def numbers_by_tertile(
    score: Float[np.ndarray, " subject"], days: Float[np.ndarray, " subject"], event: Bool[np.ndarray, " subject"]
) -> pd.DataFrame:
    """The curves of `risk_by_tertile` at even times, with `TERTILE_COLUMNS`; shares are 0..1.

    Not day by day, which would date single diagnoses, and NaN as long as fewer than ten of a third have fallen ill.
    """
    group, parts = tertiles(score), []
    years = _last_day(days, group) / DAYS_PER_YEAR
    at = np.arange(0, years + 1e-9, _step(years) / _POINTS_PER_TICK)
    for name in np.unique(group):
        inside = group == name
        curve = kaplan_meier(days[inside], event[inside])
        step = np.searchsorted(curve.days, at * DAYS_PER_YEAR, side="right")
        fallen = np.searchsorted(np.sort(days[inside & event]), at * DAYS_PER_YEAR, side="right")
        shares = {
            column: np.where(fallen < FEWEST, np.nan, 1 - np.append(1.0, free)[step])
            for column, free in (("fallen_ill", curve.free), ("low", curve.high), ("high", curve.low))
        }
        at_risk = num_at_risk(days[inside], at * DAYS_PER_YEAR)
        parts.append(pd.DataFrame({"third": _NAMES[name], "years": at} | shares | {"at_risk": at_risk}))
    return pd.concat(parts, ignore_index=True)[list(TERTILE_COLUMNS)]


def _last_day(days: Float[np.ndarray, " subject"], group: Int[np.ndarray, " subject"]) -> float:
    fullest = [np.sort(days[group == name])[-min(_FEWEST_AT_RISK, int((group == name).sum()))] for name in np.unique(group)]
    return max(float(min(fullest)), 1.0)


def _step(years: float) -> float:
    return next((step for step in (0.25, 0.5, 1.0, 2.0, 5.0) if years / step <= 7), 10.0)


def _heading(
    score: Float[np.ndarray, " subject"],
    days: Float[np.ndarray, " subject"],
    event: Bool[np.ndarray, " subject"],
    group: Int[np.ndarray, " subject"],
) -> str:
    of = f"{event.sum():,} of {len(event):,} fell ill"
    c, test = concordance(score, days, event), log_rank(days, event, group)
    if np.isnan(c.value):
        return of
    interval = "" if np.isnan(c.low) else f" ({c.low:.2f} to {c.high:.2f})"
    p = (
        ""
        if np.isnan(test.p_value)
        else "; log-rank p < 0.001"
        if test.p_value < 0.001
        else f"; log-rank p = {test.p_value:.3f}"
    )
    return f"{of}; C = {c.value:.2f}{interval}{p}"


def _draw_curve(
    axes: object, days: Float[np.ndarray, " subject"], event: Bool[np.ndarray, " subject"], name: int, years: float
) -> None:
    curve = kaplan_meier(days, event)
    until = min(float(days.max()) / DAYS_PER_YEAR, years)
    inside = curve.days / DAYS_PER_YEAR <= until

    def from_zero(free: Float[np.ndarray, " step"]) -> Float[np.ndarray, " place"]:
        steps = 100 * (1 - np.concatenate([[1.0], free[inside]]))
        return np.append(steps, steps[-1])

    place = np.concatenate([[0.0], curve.days[inside] / DAYS_PER_YEAR, [until]])
    color, style = CYCLE[name], LINES[name]
    axes.fill_between(place, from_zero(curve.high), from_zero(curve.low), step="post", color=color, alpha=0.13, linewidth=0)
    # A line along zero is not cut in half by the axis.
    look = {"color": color, "linestyle": style, "linewidth": 1.7, "clip_on": False}
    axes.step(place, from_zero(curve.free), where="post", label=_NAMES[name], **look)


def _draw_at_risk(
    axes: object, days: Float[np.ndarray, " subject"], group: Int[np.ndarray, " subject"], ticks: Float[np.ndarray, " tick"]
) -> None:
    shown = np.unique(group)[::-1]
    for line, name in enumerate(shown):
        for tick, count in zip(ticks, num_at_risk(days[group == name], ticks * DAYS_PER_YEAR), strict=True):
            axes.text(tick, line, f"{count:,}", ha="center", va="center", fontsize=8)
    axes.set_yticks(range(len(shown)), [_NAMES[name] for name in shown], fontsize=8)
    axes.set_xticks(ticks)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_title("under observation, free of the disease", fontsize=8, fontweight="normal", loc="left")
    axes.tick_params(left=False, bottom=False, labelbottom=False)
    # The first number stands astride the axis; the names keep clear of it.
    axes.tick_params(axis="y", pad=22)
    axes.spines[:].set_visible(False)
