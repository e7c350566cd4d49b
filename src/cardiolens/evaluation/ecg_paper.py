"""An ECG on the paper that cardiologists read: 25 mm/s, 10 mm/mV, three rows of four leads and a rhythm strip."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence

import numpy as np
from jaxtyping import Float

from cardiolens.evaluation.canvas import GREY, INK, Drawing, drawing
from cardiolens.types import LEADS, RATE_HZ

_MM_PER_INCH = 25.4
_MM_PER_SECOND, _MM_PER_MV = 25.0, 10.0
_ROW_MM, _MARGIN_MM, _PULSE_MM = 30.0, 5.0, 10.0
_LINE_MM, _LINE_LETTERS = 4.5, 150
PAPER_ROWS = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
"""Where cardiologists look for each lead."""
_RHYTHM = "II"
_GRID_FINE, _GRID_COARSE, _PAPER_WHITE = "#f6d5d5", "#e59a9a", "#fffdfb"


def ecg_paper(
    signal_mv: Float[np.ndarray, "12 time"],
    *,
    rate_hz: float = RATE_HZ,
    heading: Sequence[str] = (),
    absent: Collection[str] = (),
    dpi: int = 130,
) -> bytes:
    """PNG of an ECG on paper; at `dpi` pixels per inch it has its true size.

    Leads are in the standard order. The first 10 s are shown, 2.5 s per lead; of a shorter ECG the last 2.5 s stand where it
    would have ended. A lead that stands more than 1.5 mV off is drawn about its median. A calibration pulse of 1 mV and 0.2 s
    opens every row. NaN leaves a gap, and so does a lead that is `absent`. Lines of `heading` stand above, the first in bold.
    """
    return _drawn(signal_mv, rate_hz, heading, absent, dpi, vector=False).png


def ecg_paper_svg(
    signal_mv: Float[np.ndarray, "12 time"],
    *,
    rate_hz: float = RATE_HZ,
    heading: Sequence[str] = (),
    absent: Collection[str] = (),
) -> bytes:
    """The same as SVG, sharp at any size."""
    return _drawn(signal_mv, rate_hz, heading, absent, 72, vector=True).svg


def _drawn(
    signal_mv: Float[np.ndarray, "12 time"],
    rate_hz: float,
    heading: Sequence[str],
    absent: Collection[str],
    dpi: int,
    *,
    vector: bool,
) -> Drawing:
    lines = [(line, not number) for number, whole in enumerate(heading) for line in textwrap.wrap(whole, _LINE_LETTERS)]
    num_rows = len(PAPER_ROWS) + 1
    width_mm = 2 * _MARGIN_MM + _PULSE_MM + 10 * _MM_PER_SECOND
    grid_mm = 2 * _MARGIN_MM + num_rows * _ROW_MM
    height_mm = grid_mm + (len(lines) * _LINE_MM + 2 if lines else 0)
    with drawing(width_mm / _MM_PER_INCH, height_mm / _MM_PER_INCH, layout="none", dpi=dpi, vector=vector) as canvas:
        axes = canvas.figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, width_mm), ylim=(0, height_mm), facecolor=_PAPER_WHITE)
        axes.axis("off")
        canvas.figure.patch.set_facecolor(_PAPER_WHITE)
        paper = _draw_grid(axes, width_mm, grid_mm)
        for number, (line, bold) in enumerate(lines):
            top_mm = height_mm - 2 - number * _LINE_MM
            axes.text(_MARGIN_MM, top_mm, line, va="top", fontsize=8.5, fontweight="bold" if bold else "normal", color=INK)
        for row in range(num_rows):
            base_mm = grid_mm - _MARGIN_MM - (row + 0.55) * _ROW_MM
            leads = PAPER_ROWS[row] if row < len(PAPER_ROWS) else (_RHYTHM,)
            _draw_row(axes, signal_mv, rate_hz, leads, base_mm, absent, paper)
        seconds = signal_mv.shape[1] / rate_hz
        part = f"first 10 of {seconds:.0f} s   " if seconds > 10.5 else ""
        scale = f"{part}{_MM_PER_SECOND:g} mm/s   {_MM_PER_MV:g} mm/mV   {rate_hz:g} Hz"
        axes.text(width_mm - _MARGIN_MM, 1.5, scale, ha="right", fontsize=7.5, color=INK)
    return canvas


def _draw_grid(axes: object, width_mm: float, height_mm: float) -> object:
    """The grid, and the rectangle beyond which no lead is drawn."""
    from matplotlib.patches import Rectangle

    for step, color, width in ((1.0, _GRID_FINE, 0.35), (5.0, _GRID_COARSE, 0.6)):
        axes.vlines(np.arange(0, width_mm + step, step), 0, height_mm, color=color, linewidth=width, zorder=0)
        axes.hlines(np.arange(0, height_mm + 1e-6, step), 0, width_mm, color=color, linewidth=width, zorder=0)
    paper = Rectangle((0, 0), width_mm, height_mm, facecolor="none", edgecolor="none")
    axes.add_patch(paper)
    return paper


def _draw_row(
    axes: object,
    signal_mv: Float[np.ndarray, "12 time"],
    rate_hz: float,
    leads: tuple[str, ...],
    base_mm: float,
    absent: Collection[str],
    paper: object,
) -> None:
    pulse_s = np.array([0.0, 0.1, 0.1, 0.3, 0.3, 0.4])
    pulse_mv = np.array([0.0, 0.0, 1.0, 1.0, 0.0, 0.0])
    axes.plot(_MARGIN_MM + pulse_s * _MM_PER_SECOND, base_mm + pulse_mv * _MM_PER_MV, color=INK, linewidth=0.9)
    seconds_each = 10.0 / len(leads)
    for place, name in enumerate(leads):
        left_mm = _MARGIN_MM + _PULSE_MM + place * seconds_each * _MM_PER_SECOND
        if name in absent:
            axes.text(left_mm + 6, base_mm, "not recorded", fontsize=8, fontstyle="italic", color=GREY, va="center")
        else:
            length = round(seconds_each * rate_hz)
            first = max(0, min(place * length, signal_mv.shape[1] - length))
            piece = signal_mv[LEADS.index(name), first : first + length]
            middle = float(np.nanmedian(piece)) if np.isfinite(piece).any() else 0.0
            # A direct-coupled electrode may stand at a hundred millivolts; what leaves the row is brought back to it.
            piece = piece - middle if abs(middle) * _MM_PER_MV > _ROW_MM / 2 else piece
            along_mm = left_mm + np.arange(len(piece)) / rate_hz * _MM_PER_SECOND
            drawn = axes.plot(along_mm, base_mm + piece * _MM_PER_MV, color=INK, linewidth=0.75, solid_joinstyle="round")
            drawn[0].set_clip_path(paper)
        if place:
            axes.vlines(left_mm, base_mm - 3, base_mm + 3, color=INK, linewidth=0.6)
        label = axes.text(left_mm + 1.2, base_mm + 11.5, name, fontsize=9, fontweight="bold", color=INK)
        label.set_bbox({"facecolor": _PAPER_WHITE, "edgecolor": "none", "pad": 0.6, "alpha": 0.8})
