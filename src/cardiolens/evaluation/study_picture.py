"""What was measured on one MRI study, to be looked at: contours at end-diastole and end-systole, the volume curve, bull's eyes.

A number that nobody can look at is a number that nobody should trust: every study that is measured can be seen here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from cardiolens.evaluation.canvas import BLUE, GREY, INK, VERMILION, YELLOW, drawing
from cardiolens.evaluation.pictures import draw_bulls_eye

_MOST_SLICES = 10
_ROOM = 0.25
_CONTOURS = {1: ("LV cavity", VERMILION), 2: ("LV wall", YELLOW), 3: ("RV cavity", "#56B4E9")}
_TITLES = {"WT": ("Wall thickness", "mm"), "Ecc": ("Circumferential strain", "%"), "Err": ("Radial strain", "%")}


@dataclass(frozen=True)
class StudyPicture:
    """What is drawn of one study. Slices run in one order in all arrays."""

    title: str
    lines: tuple[str, ...]
    """Under the title: quality, refusals, the notice."""
    frames: Mapping[str, Float[np.ndarray, "slice height width"]]
    """By the name of the phase, such as "end-diastole"."""
    masks: Mapping[str, UInt8[np.ndarray, "slice height width"]]
    lv_ml: Float[np.ndarray, " phase"]
    """NaN where a phase has no masks."""
    trigger_ms: Float[np.ndarray, " phase"]
    """NaN where the times are lost; phases are counted instead."""
    ed: int
    es: int | None
    segments: Mapping[str, Float[np.ndarray, " segment"]]
    """Sixteen AHA segments and the global value of WT, Ecc and Err, as far as they were measured."""


def study_picture(study: StudyPicture, *, dpi: int = 110) -> bytes:
    """PNG of one study."""
    from matplotlib.lines import Line2D

    rows = len(study.frames)
    box = _around(study.masks)
    shown = _spread(next(iter(study.frames.values())).shape[0])
    width_in, slice_in = 11.0, 11.0 / max(len(shown), 6)
    height_in = 0.75 + 0.17 * len(study.lines) + rows * slice_in + 3.3
    with drawing(width_in, height_in, layout="none", dpi=dpi) as canvas:
        figure = canvas.figure
        figure.text(0.012, 1 - 0.24 / height_in, study.title, fontsize=12, fontweight="bold", va="center")
        for number, line in enumerate(study.lines):
            figure.text(0.012, 1 - (0.5 + 0.17 * number) / height_in, line, fontsize=8, color=GREY, va="center")
        top = 1 - (0.62 + 0.17 * len(study.lines)) / height_in
        for row, name in enumerate(study.frames):
            for place, index in enumerate(shown):
                left, bottom = place / max(len(shown), 6), top - (row + 1) * slice_in / height_in
                axes = figure.add_axes((left, bottom, 1 / max(len(shown), 6), slice_in / height_in))
                _draw_slice(axes, study.frames[name][index][box], study.masks[name][index][box])
                label = f"{name}, slice {index + 1}" if place == 0 else f"{index + 1}"
                shown_label = axes.text(0.02, 0.97, label, transform=axes.transAxes, color="white", fontsize=7.5, va="top")
                shown_label.set_bbox({"facecolor": "black", "edgecolor": "none", "pad": 1.0, "alpha": 0.6})
        handles = [Line2D([], [], color=colour, label=name) for name, colour in _CONTOURS.values()]
        figure.legend(handles=handles, loc="upper right", ncols=3, bbox_to_anchor=(0.995, 1.0))
        bottom, high = 0.5 / height_in, 2.3 / height_in
        _draw_curve(figure.add_axes((0.06, bottom, 0.27, high)), study)
        for place, (name, (title, unit)) in enumerate(_TITLES.items()):
            axes = figure.add_axes((0.37 + 0.21 * place, bottom - 0.1 / height_in, 0.2, high), projection="polar")
            axes.set_title(f"{title}, {unit}", pad=9, fontsize=9)
            segments = study.segments.get(name)
            if segments is None or not np.isfinite(segments).any():
                axes.set_axis_off()
                axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", color=GREY)
            else:
                draw_bulls_eye(axes, segments)
    return canvas.png


def _around(masks: Mapping[str, UInt8[np.ndarray, "slice height width"]]) -> tuple[slice, slice]:
    """A square around everything labelled, with room."""
    labelled = np.any([(mask > 0).any(axis=0) for mask in masks.values()], axis=0)
    height, width = labelled.shape
    if not labelled.any():
        return slice(0, height), slice(0, width)
    rows, columns = np.flatnonzero(labelled.any(axis=1)), np.flatnonzero(labelled.any(axis=0))
    side = round(max(np.ptp(rows), np.ptp(columns)) * (1 + 2 * _ROOM)) + 1
    top, left = (max(round((ends[0] + ends[-1] - side) / 2), 0) for ends in (rows, columns))
    return slice(top, min(top + side, height)), slice(left, min(left + side, width))


def _spread(num_slices: int) -> list[int]:
    return sorted(set(np.round(np.linspace(0, num_slices - 1, min(num_slices, _MOST_SLICES))).astype(int).tolist()))


def _draw_slice(axes: object, picture: Float[np.ndarray, "rows columns"], mask: UInt8[np.ndarray, "rows columns"]) -> None:
    low, high = np.quantile(picture, [0.01, 0.995])
    axes.imshow(picture, cmap="gray", vmin=low, vmax=max(high, low + 1e-6), interpolation="bilinear")
    for label, (_, colour) in _CONTOURS.items():
        inside = mask == label if label != 2 else (mask == 1) | (mask == 2)
        if inside.any() and not inside.all():
            axes.contour(inside, [0.5], colors=colour, linewidths=0.9)
    axes.set_axis_off()


def _draw_curve(axes: object, study: StudyPicture) -> None:
    known = np.isfinite(study.lv_ml)
    timed = bool(np.isfinite(study.trigger_ms).all())
    at = study.trigger_ms if timed else np.arange(1, len(study.lv_ml) + 1)
    axes.plot(at[known], study.lv_ml[known], color=BLUE, marker="o", markersize=2.5, linewidth=1.2)
    for phase, name in ((study.ed, "ED"), (study.es, "ES")):
        if phase is not None and known[phase]:
            axes.annotate(
                f"{name} {study.lv_ml[phase]:.0f} mL", (at[phase], study.lv_ml[phase]), fontsize=8, color=INK, xytext=(4, 6),
                textcoords="offset points", annotation_clip=False,
            )  # fmt: skip
    axes.set(xlabel="time after the R wave, ms" if timed else "phase", ylabel="LV cavity, mL")
    axes.set_ylim(0, 1.15 * float(np.nanmax(study.lv_ml)))
