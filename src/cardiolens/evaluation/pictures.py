"""Pictures of signals and images: a reconstruction, a similarity map over an MRI, a bull's eye."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Real

from cardiolens.evaluation.canvas import BLUE, GREY, INK, VERMILION, drawing
from cardiolens.types import LEADS, RATE_HZ

_NOT_MEASURED = (0.89, 0.89, 0.89, 1.0)


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
            shown = draw_bulls_eye(axes, segments)
            axes.set_title(title, pad=10)
            bar = canvas.figure.colorbar(shown, ax=axes, orientation="horizontal", fraction=0.05, pad=0.04)
            bar.set_label(unit)
            bar.outline.set_visible(False)
    return canvas.png


def draw_bulls_eye(axes: object, segments: Float[np.ndarray, " segment"]) -> object:
    """Sixteen segments and the global value on polar axes; the colour scale comes back. A segment that is NaN is left grey."""
    from matplotlib.colors import Normalize

    rings = ((0, 6, 0.74, 1.0), (6, 6, 0.48, 0.74), (12, 4, 0.2, 0.48))
    scale = Normalize(float(np.nanmin(segments[:16])), float(np.nanmax(segments[:16])) + 1e-9)
    shown = _colour_map(scale)
    for first, count, inner, outer in rings:
        # Segment 1 is anterior, centred at the top; numbers run against the clock, over the septum on the left.
        for k in range(count):
            centre, value = np.pi / 2 + 2 * np.pi * k / count, segments[first + k]
            colour = shown.to_rgba(value) if np.isfinite(value) else _NOT_MEASURED
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
    if not np.isfinite(value):
        return "–"
    return f"{value:.{0 if abs(value) >= 10 else 1}f}".replace("-", "−")


def _colour_map(scale: object) -> object:
    from matplotlib.cm import ScalarMappable

    return ScalarMappable(scale, cmap="cividis")


def _patch(**how: object) -> object:
    from matplotlib.patches import Patch

    return Patch(**how)
