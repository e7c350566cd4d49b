"""Where in an ECG an answer comes from: each lead's average beat over the colour of what its stretches add, and what leads add.

Red raises the answer, blue lowers it, against the answer with that part drawn as a straight line, in the answer's unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiolens.evaluation.canvas import BLUE, GREY, INK, PALE, VERMILION, drawing
from cardiolens.evaluation.ecg_paper import PAPER_ROWS
from cardiolens.signals.beat_stretches import STRETCHES_MS
from cardiolens.signals.heart_beats import find_beats
from cardiolens.types import LEADS, RATE_HZ

_BEFORE_S, _AFTER_S = 0.28, 0.4
_COLOURS = "RdBu_r"
_STRONGEST = 0.7
"""Of the colour map's half, so that the line stays visible on the darkest colour."""


@dataclass(frozen=True, eq=False)
class SaliencyShown:
    """What is drawn."""

    title: str
    """For example "LVEF 58 %: what moves it"."""
    unit: str
    signal_mv: Float[np.ndarray, "12 time"]
    of_waves: Float[np.ndarray, "12 stretch"]
    """In the unit, by lead and `signals.beat_stretches.STRETCHES_MS`."""
    of_leads: Float[np.ndarray, " 12"]
    """The same for whole leads."""
    of_voltage: float | None = None
    """What the voltage adds, where the model reads it."""
    notice: str = ""


def saliency_figure(shown: SaliencyShown, *, rate_hz: float = RATE_HZ) -> bytes:
    """PNG. Without two beats to average the first 0.68 s stand for a beat."""
    beats = _whole_beats(shown.signal_mv, rate_hz)
    before, after = round(_BEFORE_S * rate_hz), round(_AFTER_S * rate_hz)
    pieces = np.stack([shown.signal_mv[:, beat - before : beat + after] for beat in beats])
    beat_mv = pieces.mean(axis=0)
    beat_mv = beat_mv - np.median(beat_mv, axis=1, keepdims=True)
    with drawing(11.0, 6.6) as canvas:
        grid = canvas.figure.add_gridspec(3, 6, width_ratios=(1, 1, 1, 1, 0.06, 1.35))
        reach_mv = (float(beat_mv.min()) - 0.1, float(beat_mv.max()) + 0.15)
        strongest = float(np.abs(shown.of_waves).max()) or 1e-9
        for row, names in enumerate(PAPER_ROWS):
            for column, name in enumerate(names):
                axes = canvas.figure.add_subplot(grid[row, column])
                _draw_beat(axes, name, beat_mv, shown.of_waves, strongest, reach_mv, rate_hz)
                if row == 2 and column == 0:
                    axes.set_xlabel("ms from the middle of QRS")
                    axes.set_ylabel("mV")
                else:
                    axes.tick_params(labelbottom=row == 2, labelleft=column == 0)
        _draw_scale(canvas.figure, canvas.figure.add_subplot(grid[:, 4]), strongest, shown.unit)
        sums = (grid[:, 5],) if shown.of_voltage is None else grid[:, 5].subgridspec(2, 1, height_ratios=(12, 1))
        _draw_sums(
            canvas.figure.add_subplot(sums[0]), LEADS, shown.of_leads, f"the whole lead\n{shown.unit}\n(← lowers · raises →)"
        )
        if shown.of_voltage is not None:
            # It is a property of all leads at once and often larger than any of them: on their scale it would hide them.
            label = f"voltage of all leads\n{shown.unit}"
            _draw_sums(canvas.figure.add_subplot(sums[1]), ("voltage",), np.array([shown.of_voltage]), label)
        canvas.figure.suptitle(
            f"{shown.title}\naverage of {len(beats)} beats" + (f"   {shown.notice}" if shown.notice else ""), fontsize=10
        )
    return canvas.png


def _whole_beats(signal_mv: Float[np.ndarray, "12 time"], rate_hz: float) -> list[int]:
    before, after = round(_BEFORE_S * rate_hz), round(_AFTER_S * rate_hz)
    found = [int(b) for b in find_beats(signal_mv, rate_hz=rate_hz) if before <= b <= signal_mv.shape[1] - after]
    return found if len(found) > 1 else [before]


def _draw_beat(
    axes: object,
    name: str,
    beat_mv: Float[np.ndarray, "12 time"],
    of_waves: Float[np.ndarray, "12 stretch"],
    strongest: float,
    reach_mv: tuple[float, float],
    rate_hz: float,
) -> None:
    lead = LEADS.index(name)
    times_ms = (np.arange(beat_mv.shape[1]) / rate_hz - _BEFORE_S) * 1000
    extent = (-_BEFORE_S * 1000, _AFTER_S * 1000, *reach_mv)
    for (first, last), colour in zip(STRETCHES_MS, _colours(of_waves[lead][None] / strongest)[0], strict=True):
        axes.axvspan(max(first, extent[0]), min(last, extent[1]), color=colour, linewidth=0, zorder=0)
    axes.plot(times_ms, beat_mv[lead], color=INK, linewidth=1.1)
    axes.set(xlim=extent[:2], ylim=reach_mv)
    label = axes.text(0.03, 0.95, name, transform=axes.transAxes, va="top", fontweight="bold")
    label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.8})


def _draw_scale(figure: object, axes: object, strongest: float, unit: str) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    ramp = ListedColormap(_colours(np.linspace(-1, 1, 256)[None])[0])
    bar = figure.colorbar(ScalarMappable(Normalize(-strongest, strongest), ramp), cax=axes)
    bar.set_label(f"adds, {unit}")
    bar.outline.set_visible(False)


def _draw_sums(axes: object, names: tuple[str, ...], sums: Float[np.ndarray, " part"], label: str) -> None:
    places = np.arange(len(names))[::-1]
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.barh(places, sums, color=[VERMILION if one > 0 else BLUE for one in sums], height=0.7)
    axes.set_yticks(places, names)
    axes.tick_params(left=False)
    axes.grid(axis="x", color=PALE)
    axes.set_axisbelow(True)
    reach = 1.1 * float(np.abs(sums).max()) or 1.0
    axes.set(xlim=(-reach, reach), xlabel=label)
    axes.spines["left"].set_visible(False)


def _colours(shares: Float[np.ndarray, "height width"]) -> Float[np.ndarray, "height width 3"]:
    from matplotlib import colormaps

    return colormaps[_COLOURS](0.5 + 0.5 * _STRONGEST * np.clip(shares, -1, 1))[..., :3]
