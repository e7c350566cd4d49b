"""Circumferential and radial strain of 16 segments and of the whole, from points of the wall that are followed.

Engineering strain (L - L0) / L0 in percent of small line elements: along both contours, and along spokes from the inner to the
outer one. A segment's curve is the mean over its elements, its value the peak of the curve: the lowest for circumferential,
the highest for radial strain. The global value is the peak of the mean over all elements, not the mean of peaks.

Source: the elements and peaks of ukbb_cardiac's short-axis strain; tracking differs (`tracking`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from cardiolens.configs import refuse_outside
from cardiolens.imaging.contour_strain import ContourStrain, contour_strain
from cardiolens.imaging.contours import Contours, trace_ventricle
from cardiolens.imaging.heart_frame import NUM_SEGMENTS, HeartFrame, aha_segments
from cardiolens.imaging.mask_cleanup import LV_CAVITY, MYOCARDIUM
from cardiolens.imaging.tracking import TrackingConfig, follow, register_cycle
from cardiolens.types import CineStack

FEWEST_PHASES = 8
_NEAREST_SPOKE_ENDS = 10


@dataclass(frozen=True)
class StrainConfig:
    """How strain is measured."""

    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    spokes: int = 36
    """Radial elements per slice, about."""
    margin_mm: float = 25.0
    """Room around the left ventricle in the pictures that are registered."""

    def __post_init__(self) -> None:
        refuse_outside(
            self,
            {"spokes": (4 <= self.spokes <= 128, "4 to 128"), "margin_mm": (5 <= self.margin_mm <= 100, "5 to 100")},
        )


@dataclass(frozen=True)
class StrainResult:
    """Percent; NaN where `reasons` says why. Curves begin with end-diastole."""

    ecc_segments: Float[np.ndarray, "16"]
    ecc_global: float
    err_segments: Float[np.ndarray, "16"]
    err_global: float
    reasons: dict[str, str]
    ecc_curve: Float[np.ndarray, " phase"]
    """Mean over all elements."""
    err_curve: Float[np.ndarray, " phase"]
    closure_mm: float
    """By how much points miss their start after a whole cycle before the two directions are averaged; NaN if not tracked."""
    by_contours: ContourStrain | None
    """What the labels alone say at end-systole: a check."""

    @classmethod
    def missing(cls, reason: str, num_phases: int) -> StrainResult:
        """Nothing measured, for one reason."""
        nothing, curve = np.full(NUM_SEGMENTS, np.nan), np.full(num_phases, np.nan)
        reasons = dict.fromkeys(cls.columns(), reason)
        return cls(nothing, np.nan, nothing.copy(), np.nan, reasons, curve, curve.copy(), np.nan, None)

    @staticmethod
    def columns() -> tuple[str, ...]:
        """The 34 columns in their order."""
        places = [*(f"aha_{k}" for k in range(1, NUM_SEGMENTS + 1)), "global"]
        return tuple(f"{group}_{place}_percent" for group in ("ecc", "err") for place in places)

    def by_column(self) -> dict[str, float]:
        """All values under their columns."""
        values = [*self.ecc_segments.tolist(), self.ecc_global, *self.err_segments.tolist(), self.err_global]
        return dict(zip(self.columns(), values, strict=True))


_DEFAULT = StrainConfig()


def measure_strain(
    cine: CineStack,
    masks: UInt8[np.ndarray, "phase slice height width"],
    contours: Contours,
    frame: HeartFrame,
    *,
    ed: int,
    es: int | None,
    config: StrainConfig = _DEFAULT,
) -> StrainResult:
    """Strain in the basal, mid and apical slice of `frame`; `contours` are those of end-diastole, phase `ed`.

    Labels at end-diastole start the points, those at end-systole make the check; the tracking itself sees pictures only.
    """
    num_phases = len(cine.frames)
    if num_phases < FEWEST_PHASES:
        return StrainResult.missing(f"{num_phases} phases, strain needs {FEWEST_PHASES} or more", num_phases)
    slices = list(frame.strain_slices)
    points_mm = np.stack([contours.endo_mm[slices], contours.epi_mm[slices]], axis=1)
    if not np.isfinite(points_mm).all():
        return StrainResult.missing("the wall is not closed in a slice in which strain is measured", num_phases)
    _, row_mm, column_mm = cine.spacing_mm
    pixel_mm = np.array([row_mm, column_mm])
    top, bottom, left, right = _box(masks[ed][slices], pixel_mm, config.margin_mm)
    beat = np.roll(cine.frames[:, slices, top:bottom, left:right], -ed, axis=0).swapaxes(0, 1)
    fields = register_cycle(beat.astype(np.float32), pixel_mm=(row_mm, column_mm), config=config.tracking)
    start = points_mm.reshape(len(slices), -1, 2) / pixel_mm - (top, left)
    followed, miss = follow(fields, start)
    num_points = points_mm.shape[2]
    paths = (followed * pixel_mm).reshape(len(slices), num_phases, 2, num_points, 2)
    circumferential, around = _circumferential(paths, points_mm, slices, frame)
    radial, across = _radial(paths, points_mm, slices, frame, config.spokes)
    result = _summary(circumferential, around, radial, across)
    check = None
    if es is not None and es != ed:
        at_es = trace_ventricle(masks[es], spacing_mm=cine.spacing_mm)
        check = contour_strain(contours, at_es, slices)
    return StrainResult(**result, closure_mm=float((miss * pixel_mm.mean()).mean()), by_contours=check)


def _box(
    masks: UInt8[np.ndarray, "slice height width"], pixel_mm: Float[np.ndarray, "2"], margin_mm: float
) -> tuple[int, int, int, int]:
    wall: Bool[np.ndarray, "height width"] = np.isin(masks, (LV_CAVITY, MYOCARDIUM)).any(axis=0)
    ends = []
    for axis, size in enumerate(wall.shape):
        shown = np.flatnonzero(wall.any(axis=1 - axis))
        margin = round(margin_mm / pixel_mm[axis])
        ends += [max(int(shown[0]) - margin, 0), min(int(shown[-1]) + margin + 1, size)]
    return ends[0], ends[1], ends[2], ends[3]


def _circumferential(
    paths: Float[np.ndarray, "slice phase contour point 2"], points_mm: Float[np.ndarray, "slice contour point 2"],
    slices: list[int], frame: HeartFrame,
) -> tuple[Float[np.ndarray, "phase element"], Int[np.ndarray, " element"]]:  # fmt: skip
    """Strain of the elements between neighbours on both contours, and each one's segment at end-diastole."""
    lengths = np.linalg.norm(np.roll(paths, -1, axis=3) - paths, axis=-1)
    middles = (points_mm + np.roll(points_mm, -1, axis=2)) / 2
    segments = [_segments(frame, k, index, middles[k].reshape(-1, 2)) for k, index in enumerate(slices)]
    return _strain(lengths.swapaxes(0, 1).reshape(paths.shape[1], -1)), np.concatenate(segments)


def _radial(
    paths: Float[np.ndarray, "slice phase contour point 2"], points_mm: Float[np.ndarray, "slice contour point 2"],
    slices: list[int], frame: HeartFrame, spokes: int,
) -> tuple[Float[np.ndarray, "phase spoke"], Int[np.ndarray, " spoke"]]:  # fmt: skip
    """Strain of spokes from inner points to the outer point that lies best in line with the centre, and their segments."""
    lengths, segments = [], []
    for k, index in enumerate(slices):
        place = frame.slices.index(index)
        endo, epi = points_mm[k]
        inner = np.arange(0, len(endo), max(round(len(endo) / spokes), 1))
        out = endo[inner] - frame.centres_mm[place]
        away = epi[None] - endo[inner][:, None]
        distance = np.linalg.norm(away, axis=-1)
        line = np.einsum("spx,sx->sp", away, out) / np.maximum(distance * np.linalg.norm(out, axis=-1)[:, None], 1e-9)
        near = distance <= np.partition(distance, _NEAREST_SPOKE_ENDS - 1, axis=1)[:, [_NEAREST_SPOKE_ENDS - 1]]
        outer = np.where(near, line, -np.inf).argmax(axis=1)
        lengths.append(np.linalg.norm(paths[k, :, 1, outer] - paths[k, :, 0, inner], axis=-1).T)
        segments.append(_segments(frame, k, index, endo[inner]))
    return _strain(np.concatenate(lengths, axis=1)), np.concatenate(segments)


def _segments(frame: HeartFrame, level: int, index: int, points_mm: Float[np.ndarray, "point 2"]) -> Int[np.ndarray, " point"]:
    """Segments in the strain slice of a level: the three slices are basal, mid and apical whatever third they lie in."""
    return aha_segments(level, frame.angles_degrees(frame.slices.index(index), points_mm))


def _strain(lengths: Float[np.ndarray, "phase element"]) -> Float[np.ndarray, "phase element"]:
    return 100 * (lengths / np.maximum(lengths[:1], 1e-6) - 1)


def _summary(
    circumferential: Float[np.ndarray, "phase element"], around: Int[np.ndarray, " element"],
    radial: Float[np.ndarray, "phase spoke"], across: Int[np.ndarray, " spoke"],
) -> dict[str, object]:  # fmt: skip
    reasons: dict[str, str] = {}
    values: dict[str, object] = {}
    for group, strain, segments, peak in (("ecc", circumferential, around, np.min), ("err", radial, across, np.max)):
        found = np.full(NUM_SEGMENTS, np.nan)
        for segment in range(1, NUM_SEGMENTS + 1):
            here = segments == segment
            if here.any():
                found[segment - 1] = peak(strain[:, here].mean(axis=1))
            else:
                reasons[f"{group}_aha_{segment}_percent"] = "no part of the wall lies in this segment"
        curve = strain.mean(axis=1)
        values |= {f"{group}_segments": found, f"{group}_global": float(peak(curve)), f"{group}_curve": curve}
    return values | {"reasons": reasons}
