"""The paper's figure 6: where chosen subjects' pictures resemble their ECGs, by models without and with masked pre-training.

One colour scale, cosines from -1 to 1, holds for every map of every figure, so that a faint map looks faint. The subjects are
chosen by a rule that sees no map. The numbers that belong beside it are in `localisation`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Real, UInt8

from cardiolens.errors import BadOption
from cardiolens.evaluation.canvas import GREY, INK, YELLOW, drawing
from cardiolens.imaging.views import resize_bilinear
from cardiolens.types import LEADS

SHAPE_COLUMNS = ("lvedv_ml", "lvef_percent", "lvm_g", "rvedv_ml", "wt_global_mm")
_SCARS, _ISCHAEMIA = (tuple(f"latent_{kind}_{artery}" for artery in ("lad", "lcx", "rca")) for kind in ("scar", "ischaemia"))
_COLOURS, _ENDS = "RdBu_r", (0.1, 0.9)
"""ColorBrewer's blue to red, which colour-blind readers can tell apart, without its darkest ends, on which no line is seen."""
_DARKEST = 0.45
"""Brightness of a map's colour where the picture is black."""
_PANEL_IN, _STRIP_IN = 2.1, 3.3
_AROUND_IN = (2.1, 0.75)
"""For names and colour bar, and for titles. With much more the square pictures would not fill it and drift apart."""


@dataclass(frozen=True)
class FigureSubject:
    """One row of the figure."""

    name: str
    """Why the subject is shown, such as "ordinary"."""
    picture: Real[np.ndarray, "height width"]
    """The MRI's mid phase."""
    maps: Mapping[str, Float[np.ndarray, "row column"]]
    """By the name of the model, cosines (-1..1) of the ECG's projection with each place's, in cells of any size."""
    heart: Bool[np.ndarray, "height width"] | None = None
    """Its outline is drawn where it is given."""
    segments: Float[np.ndarray, "12 segment"] | None = None
    """Cosines of the picture's projection with each segment of the ECG, by the last model; a strip where it is given."""
    ecg: Float[np.ndarray, "12 time"] | None = None
    """The window of the ECG that the segments are of, cleaned; drawn over the strip."""


def similarity_figure(subjects: Sequence[FigureSubject], *, window_s: float = 5.0) -> bytes:
    """PNG, one row per subject: the picture, then every model's map over it, then the strip of the ECG's segments if given.

    All subjects have maps of the same models, in the same order. `window_s` is the length of the ECG's window.
    """
    models = list(subjects[0].maps)
    assert all(list(subject.maps) == models for subject in subjects), "every row has the same columns"
    with_strips = any(subject.segments is not None for subject in subjects)
    widths = [_PANEL_IN] * (1 + len(models)) + [_STRIP_IN] * with_strips
    with drawing(sum(widths) + _AROUND_IN[0], _PANEL_IN * len(subjects) + _AROUND_IN[1]) as canvas:
        panels = canvas.figure.subplots(len(subjects), len(widths), squeeze=False, width_ratios=widths)
        for row, subject in zip(panels, subjects, strict=True):
            _draw_picture(row[0], subject)
            row[0].set_ylabel(
                "\n".join(subject.name.split()), rotation=0, ha="right", va="center", fontweight="bold", labelpad=8
            )
            for axes, model in zip(row[1:], models, strict=False):
                _draw_map(axes, subject, subject.maps[model])
            if with_strips:
                _draw_strip(row[-1], subject, window_s)
        titles = ["MRI, mid phase", *models, *([f"ECG segments, {models[-1]}"] if with_strips else [])]
        for axes, title in zip(panels[0], titles, strict=True):
            axes.set_title(title)
        if with_strips:
            lowest = [row[-1] for row, subject in zip(panels, subjects, strict=True) if subject.segments is not None][-1]
            lowest.set_xlabel("time, s")
            lowest.tick_params(labelbottom=True)
        _draw_scale(canvas.figure, panels)
    return canvas.png


def choose_subjects(
    subjects: pd.DataFrame,
    pictures: UInt8[np.ndarray, "row channel height width"],
    rows: Int[np.ndarray, " candidate"],
    *,
    smear: Int[np.ndarray, " candidate"],
) -> dict[str, int]:
    """Rows of a synthetic cohort to show, by why they are shown, in the figure's order; nobody twice, ties to the first.

    "coronary occlusion" has the largest scar or ischaemia of any territory, scars before ischaemia. "motion artefact" is of
    those whose scan motion smeared the most, as the generator tells by `smear`, the one with least detail down the columns of
    its picture for what it has along the rows, which is what motion takes; "looks like motion" is the same where none of them
    moved. "extreme morphology" is furthest from the median of `SHAPE_COLUMNS`, in standard deviations, and "ordinary" is
    closest to it among those without scar and ischaemia.

    Raises:
        BadOption: fewer than four candidates, or a column is absent, as latent ones are in a cohort of people.
    """
    absent = [column for column in (*_SCARS, *_ISCHAEMIA, *SHAPE_COLUMNS) if column not in subjects]
    if absent or len(rows) < 4:
        raise BadOption(
            "subjects",
            found=f"no column {absent[0]}" if absent else f"{len(rows)} candidates",
            expected="four or more synthetic subjects, whose latent columns say who is who",
            remedy="name the rows to show",
        )
    table = subjects.iloc[rows]
    shape = table[list(SHAPE_COLUMNS)].to_numpy(np.float64)
    distance = np.sqrt((((shape - np.median(shape, axis=0)) / (shape.std(axis=0) + 1e-9)) ** 2).sum(axis=1))
    scar, ischaemia = (table[list(columns)].to_numpy(np.float64).max(axis=1) for columns in (_SCARS, _ISCHAEMIA))
    occluded = scar + 1e-3 * ischaemia
    scores = {
        "coronary occlusion": occluded,
        "motion artefact": 1e3 * smear - _detail_down_columns(pictures, rows),
        "extreme morphology": distance,
        "ordinary": -distance - np.where(occluded > 0, 1e3, 0.0),
    }
    chosen: dict[str, int] = {}
    for name, score in scores.items():
        free = ~np.isin(rows, list(chosen.values()))
        if name == "motion artefact" and not smear[free].any():
            name = "looks like motion"
        chosen[name] = int(rows[free][score[free].argmax()])
    return {"ordinary": chosen.pop("ordinary")} | chosen


def _detail_down_columns(
    pictures: UInt8[np.ndarray, "row channel height width"], rows: Int[np.ndarray, " candidate"]
) -> Float[np.ndarray, " candidate"]:
    ratios = []
    for row in rows:
        picture = pictures[row].astype(np.float32)
        down, along = (float(np.abs(np.diff(picture, axis=axis)).mean()) for axis in (1, 2))
        ratios.append(down / (along + 1e-9))
    return np.array(ratios)


def _draw_picture(axes: object, subject: FigureSubject) -> None:
    axes.imshow(subject.picture, cmap="gray", vmin=0)
    _finish_picture(axes, subject, outline=YELLOW)


def _draw_map(axes: object, subject: FigureSubject, cosines: Float[np.ndarray, "row column"]) -> None:
    """The map's colour, as bright as the picture: hue and saturation, which tell the cosine, stay those of the colour bar."""
    similarity = resize_bilinear(cosines[None].astype(np.float64), subject.picture.shape[0])[0]
    brightness = subject.picture / max(float(subject.picture.max()), 1e-9)
    axes.imshow(_colours(similarity) * (_DARKEST + (1 - _DARKEST) * brightness)[..., None])
    _finish_picture(axes, subject, outline=INK)


def _finish_picture(axes: object, subject: FigureSubject, *, outline: str) -> None:
    if subject.heart is not None and subject.heart.any() and not subject.heart.all():
        axes.contour(subject.heart, [0.5], colors=outline, linewidths=1.0)
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw_strip(axes: object, subject: FigureSubject, window_s: float) -> None:
    axes.set_box_aspect(_PANEL_IN / _STRIP_IN)
    if subject.segments is None:
        axes.set_axis_off()
        return
    extent = (0, window_s, len(LEADS), 0)
    axes.imshow(_colours(subject.segments), aspect="auto", extent=extent, interpolation="nearest")
    axes.hlines(np.arange(1, len(LEADS)), 0, window_s, color=GREY, linewidth=0.4)
    if subject.ecg is not None:
        seconds = np.linspace(0, window_s, subject.ecg.shape[1], endpoint=False)
        reach = np.abs(subject.ecg).max() + 1e-9
        for lead, signal in enumerate(subject.ecg):
            axes.plot(seconds, lead + 0.5 - 0.8 * signal / reach, color=INK, linewidth=0.5)
    axes.set(xlim=(0, window_s), ylim=(len(LEADS) + 0.3, -0.3))
    axes.set_yticks(np.arange(len(LEADS)) + 0.5, LEADS, fontsize=6.5)
    axes.tick_params(left=False, labelbottom=False)


def _draw_scale(figure: object, panels: object) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    shown = ScalarMappable(Normalize(-1, 1), ListedColormap(_colours(np.linspace(-1, 1, 256)[None])[0]))
    bar = figure.colorbar(shown, ax=panels, fraction=0.03, pad=0.02, shrink=0.8)
    bar.set_label("cosine of ECG and MRI projection")
    bar.set_ticks([-1, -0.5, 0, 0.5, 1], labels=["−1 opposite", "−0.5", "0 unrelated", "0.5", "1 alike"])
    bar.outline.set_visible(False)


def _colours(cosines: Float[np.ndarray, "height width"]) -> Float[np.ndarray, "height width 3"]:
    from matplotlib import colormaps

    low, high = _ENDS
    return colormaps[_COLOURS](low + (high - low) * (cosines + 1) / 2)[..., :3]
