"""Pictures of signals and images: an ECG on clinical paper, a reconstruction, a similarity map over an MRI, a bull's eye."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Real

from cardiolens.evaluation.canvas import BLUE, GREY, INK, VERMILION, drawing
from cardiolens.types import LEADS, RATE_HZ

_MM_PER_INCH = 25.4
_MM_PER_SECOND, _MM_PER_MV = 25.0, 10.0
_ROW_MM, _MARGIN_MM, _PULSE_MM = 30.0, 5.0, 10.0
_PAPER = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
_RHYTHM = "II"
_GRID_FINE, _GRID_COARSE, _PAPER_WHITE = "#f6d5d5", "#e59a9a", "#fffdfb"


def ecg_paper(signal_mv: Float[np.ndarray, "12 time"], *, rate_hz: float = RATE_HZ, dpi: int = 130) -> bytes:
    """PNG of an ECG on the paper cardiologists read: 25 mm/s, 10 mm/mV, three rows of four leads and a rhythm strip.

    Leads are in the standard order. The first 10 s are shown, 2.5 s per lead; of a shorter ECG the last 2.5 s stand where it
    would have ended. A calibration pulse of 1 mV and 0.2 s opens every row. NaN leaves a gap. At `dpi` pixels per inch the
    picture has its true size.
    """
    num_rows = len(_PAPER) + 1
    width_mm = 2 * _MARGIN_MM + _PULSE_MM + 10 * _MM_PER_SECOND
    height_mm = 2 * _MARGIN_MM + num_rows * _ROW_MM
    with drawing(width_mm / _MM_PER_INCH, height_mm / _MM_PER_INCH, layout="none", dpi=dpi) as canvas:
        axes = canvas.figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, width_mm), ylim=(0, height_mm), facecolor=_PAPER_WHITE)
        axes.axis("off")
        canvas.figure.patch.set_facecolor(_PAPER_WHITE)
        _draw_grid(axes, width_mm, height_mm)
        for row in range(num_rows):
            base_mm = height_mm - _MARGIN_MM - (row + 0.55) * _ROW_MM
            leads = _PAPER[row] if row < len(_PAPER) else (_RHYTHM,)
            _draw_row(axes, signal_mv, rate_hz, leads, base_mm)
        scale = f"{_MM_PER_SECOND:g} mm/s   {_MM_PER_MV:g} mm/mV   {rate_hz:g} Hz"
        axes.text(width_mm - _MARGIN_MM, 1.5, scale, ha="right", fontsize=7.5, color=INK)
    return canvas.png


def reconstruction(
    original: Float[np.ndarray, "12 time"],
    reconstructed: Float[np.ndarray, "12 time"],
    hidden: Bool[np.ndarray, "12 patch"],
    *,
    leads: Sequence[str] = ("I", "II", "V2", "V5"),
    rate_hz: float = RATE_HZ,
) -> bytes:
    """PNG of what the masked autoencoder made of an ECG: hidden patches shaded, the truth and the reconstruction over them.

    Both signals are cleaned and have no unit. `hidden` splits each lead into patches of equal length.
    """
    seconds = np.arange(original.shape[1]) / rate_hz
    patch_s = original.shape[1] / hidden.shape[1] / rate_hz
    with drawing(9.2, 1.25 * len(leads) + 0.8) as canvas:
        panels = canvas.figure.subplots(len(leads), 1, sharex=True, squeeze=False)[:, 0]
        for axes, name in zip(panels, leads, strict=True):
            lead = LEADS.index(name)
            for patch in np.flatnonzero(hidden[lead]):
                axes.axvspan(patch * patch_s, (patch + 1) * patch_s, color="#ececec", linewidth=0, zorder=0)
            axes.plot(seconds, original[lead], color=INK, linewidth=0.9, label="ECG")
            axes.plot(seconds, reconstructed[lead], color=VERMILION, linewidth=1.1, label="reconstruction", alpha=0.9)
            axes.set_ylabel(name, rotation=0, ha="right", va="center", fontweight="bold")
            axes.set_xlim(0, seconds[-1])
            axes.tick_params(labelleft=False, left=False)
            axes.spines["left"].set_visible(False)
        panels[-1].set_xlabel("time, s")
        shade = _patch(facecolor="#ececec", label=f"hidden from the model ({100 * hidden.mean():.0f} % of all leads)")
        handles = [*panels[0].get_lines(), shade]
        canvas.figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return canvas.png


def similarity_maps(
    pictures: Real[np.ndarray, "example height width"],
    similarity: Float[np.ndarray, "example height width"],
) -> bytes:
    """PNG, one row per subject: the MRI's mid phase, the same with the map laid over it, and the map alone.

    `similarity` is the cosine (-1..1) between the ECG's projection and the image's at each place, at the picture's size.
    One colour scale, even about zero, holds for all rows; over the MRI the colour fades where the cosine is small.
    """
    limit = max(0.1, float(np.ceil(10 * np.quantile(np.abs(similarity), 0.995)) / 10))
    num_examples = len(pictures)
    with drawing(8.2, 2.55 * num_examples + 0.55) as canvas:
        panels = canvas.figure.subplots(num_examples, 3, squeeze=False)
        for (plain, over, alone), picture, cosine in zip(panels, pictures, similarity, strict=True):
            for axes in (plain, over):
                axes.imshow(picture, cmap="gray")
            strength = np.clip(0.1 + 0.7 * np.abs(cosine) / limit, 0, 0.7)
            over.imshow(cosine, cmap="RdBu_r", vmin=-limit, vmax=limit, alpha=strength)
            shown = alone.imshow(cosine, cmap="RdBu_r", vmin=-limit, vmax=limit)
        for axes in panels.flat:
            axes.set_axis_off()
        for axes, title in zip(panels[0], ("MRI, mid phase", "similarity over the MRI", "similarity"), strict=True):
            axes.set_title(title)
        bar = canvas.figure.colorbar(shown, ax=panels, fraction=0.03, pad=0.02, extend="both")
        bar.set_label("cosine of ECG and image projection")
        bar.outline.set_visible(False)
    return canvas.png


def bulls_eyes(values: Sequence[Float[np.ndarray, " segment"]], *, titles: Sequence[str], units: Sequence[str]) -> bytes:
    """PNG of left-ventricular segments as cardiologists draw them: base outside, apex inside, septum on the left.

    Each entry of `values` holds the 16 AHA segments and the global value, which stands in the centre.
    """
    with drawing(3.1 * len(values), 3.5) as canvas:
        panels = canvas.figure.subplots(1, len(values), squeeze=False, subplot_kw={"projection": "polar"})[0]
        for axes, segments, title, unit in zip(panels, values, titles, units, strict=True):
            shown = _draw_bulls_eye(axes, segments)
            axes.set_title(title, pad=10)
            bar = canvas.figure.colorbar(shown, ax=axes, orientation="horizontal", fraction=0.05, pad=0.04)
            bar.set_label(unit)
            bar.outline.set_visible(False)
    return canvas.png


def _draw_grid(axes: object, width_mm: float, height_mm: float) -> None:
    for step, color, width in ((1.0, _GRID_FINE, 0.35), (5.0, _GRID_COARSE, 0.6)):
        axes.vlines(np.arange(0, width_mm + step, step), 0, height_mm, color=color, linewidth=width, zorder=0)
        axes.hlines(np.arange(0, height_mm + step, step), 0, width_mm, color=color, linewidth=width, zorder=0)


def _draw_row(
    axes: object, signal_mv: Float[np.ndarray, "12 time"], rate_hz: float, leads: tuple[str, ...], base_mm: float
) -> None:
    pulse_s = np.array([0.0, 0.1, 0.1, 0.3, 0.3, 0.4])
    pulse_mv = np.array([0.0, 0.0, 1.0, 1.0, 0.0, 0.0])
    axes.plot(_MARGIN_MM + pulse_s * _MM_PER_SECOND, base_mm + pulse_mv * _MM_PER_MV, color=INK, linewidth=0.9)
    seconds_each = 10.0 / len(leads)
    for place, name in enumerate(leads):
        length = round(seconds_each * rate_hz)
        first = max(0, min(place * length, signal_mv.shape[1] - length))
        piece = signal_mv[LEADS.index(name), first : first + length]
        left_mm = _MARGIN_MM + _PULSE_MM + place * seconds_each * _MM_PER_SECOND
        along_mm = left_mm + np.arange(len(piece)) / rate_hz * _MM_PER_SECOND
        axes.plot(along_mm, base_mm + piece * _MM_PER_MV, color=INK, linewidth=0.75, solid_joinstyle="round")
        if place:
            axes.vlines(left_mm, base_mm - 3, base_mm + 3, color=INK, linewidth=0.6)
        label = axes.text(left_mm + 1.2, base_mm + 11.5, name, fontsize=9, fontweight="bold", color=INK)
        label.set_bbox({"facecolor": _PAPER_WHITE, "edgecolor": "none", "pad": 0.6, "alpha": 0.8})


def _draw_bulls_eye(axes: object, segments: Float[np.ndarray, " segment"]) -> object:
    from matplotlib.colors import Normalize

    rings = ((0, 6, 0.74, 1.0), (6, 6, 0.48, 0.74), (12, 4, 0.2, 0.48))
    scale = Normalize(float(np.nanmin(segments[:16])), float(np.nanmax(segments[:16])) + 1e-9)
    shown = _colour_map(scale)
    for first, count, inner, outer in rings:
        # Segment 1 is anterior, centred at the top; numbers run against the clock, over the septum on the left.
        for k in range(count):
            centre, value = np.pi / 2 + 2 * np.pi * k / count, segments[first + k]
            colour = shown.to_rgba(value)
            axes.bar(centre, outer - inner, 2 * np.pi / count, inner, color=colour, edgecolor="white", linewidth=1.2)
            text = "black" if np.dot(colour[:3], (0.299, 0.587, 0.114)) > 0.5 else "white"
            axes.text(centre, (inner + outer) / 2, _signed(value), ha="center", va="center", fontsize=7, color=text)
    axes.text(0, 0, _signed(segments[16]), ha="center", va="center", fontsize=7.5, fontweight="bold", color=BLUE)
    axes.set_ylim(0, 1)
    axes.set_axis_off()
    for angle, name in ((90, "ant"), (180, "sept"), (270, "inf"), (0, "lat")):
        axes.text(np.deg2rad(angle), 1.15, name, ha="center", va="center", fontsize=7.5, color=GREY)
    return shown


def _signed(value: float) -> str:
    # Two digits and a sign are all that fits into an apical segment.
    return f"{value:.{0 if abs(value) >= 10 else 1}f}".replace("-", "−")


def _colour_map(scale: object) -> object:
    from matplotlib.cm import ScalarMappable

    return ScalarMappable(scale, cmap="cividis")


def _patch(**how: object) -> object:
    from matplotlib.patches import Patch

    return Patch(**how)
