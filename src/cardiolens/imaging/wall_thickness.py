"""Thickness of the left ventricle's wall at end-diastole: 16 AHA segments and the whole.

At every point of the cavity's border, the shortest way to the outer border within the same slice; a segment's value is the
mean along the border over all slices of its level, the global value the mean over all. Points at an opening of the wall,
the outflow tract, do not count; the reference pipeline counts them as thin wall.

Source: definitions of ukbb_cardiac, eval_wall_thickness.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8

from cardiolens.imaging.contours import Contours
from cardiolens.imaging.heart_frame import NUM_SEGMENTS, HeartFrame
from cardiolens.imaging.mask_cleanup import MYOCARDIUM
from cardiolens.imaging.phenotype_table import PHENOTYPES

WALL_COLUMNS = tuple(p.column for p in PHENOTYPES if p.group == "WT")
_BESIDE_PIXELS = 1.5


@dataclass(frozen=True)
class WallThickness:
    """In mm; NaN where `reasons`, by column of the 61 phenotypes, says why."""

    segments_mm: Float[np.ndarray, "16"]
    global_mm: float
    reasons: dict[str, str]

    @classmethod
    def missing(cls, reason: str) -> WallThickness:
        """No value, all for the same reason."""
        return cls(np.full(NUM_SEGMENTS, np.nan), float("nan"), dict.fromkeys(WALL_COLUMNS, reason))

    def by_column(self) -> dict[str, float]:
        """All 17 values under their columns."""
        return dict(zip(WALL_COLUMNS, [*self.segments_mm.tolist(), self.global_mm], strict=True))


def measure_wall(masks: UInt8[np.ndarray, "slice height width"], contours: Contours, frame: HeartFrame) -> WallThickness:
    """Thickness by segment from masks and contours at end-diastole, in the frame found there."""
    thickness, segment, weight = [], [], []
    lengths = contours.endo_length_mm()
    for place, index in enumerate(frame.slices):
        endo, epi = contours.endo_mm[index], contours.epi_mm[index]
        away = distance_to_curve_mm(endo, epi)
        walled = away < _way_to_an_opening_mm(endo, masks[index], frame.spacing_mm)
        thickness.append(away[walled])
        segment.append(frame.segments(place, endo)[walled])
        # Slices count by the length of their border, as they would with points at one distance for all.
        weight.append(np.full(int(walled.sum()), lengths[index] / len(endo)))
    return _means(np.concatenate(thickness), np.concatenate(segment), np.concatenate(weight))


def _way_to_an_opening_mm(
    endo: Float[np.ndarray, "point 2"], plane: UInt8[np.ndarray, "height width"], spacing_mm: tuple[float, float, float]
) -> Float[np.ndarray, " point"]:
    """From each point of the cavity's border to where it next has no wall beside it, less the doubt about that place."""
    from scipy.spatial.distance import cdist

    doubt_mm = _BESIDE_PIXELS * max(spacing_mm[1:])
    beside = cdist(endo, np.argwhere(plane == MYOCARDIUM) * spacing_mm[1:]).min(axis=1) < doubt_mm
    if beside.all():
        return np.full(len(endo), np.inf)
    # Near an opening the shortest way out leads through the cut end of the wall, which is no outer border.
    return cdist(endo, endo[~beside]).min(axis=1) - doubt_mm


def distance_to_curve_mm(
    points: Float[np.ndarray, "point 2"], curve: Float[np.ndarray, "vertex 2"]
) -> Float[np.ndarray, " point"]:
    """Shortest distance of each point to the closed curve, its straight pieces included."""
    piece = np.roll(curve, -1, axis=0) - curve
    offset = points[:, None] - curve[None]
    share = np.clip((offset * piece).sum(axis=2) / np.maximum((piece**2).sum(axis=1), 1e-12), 0, 1)
    return np.sqrt(((offset - share[..., None] * piece) ** 2).sum(axis=2).min(axis=1))


def _means(
    thickness: Float[np.ndarray, " point"], segment: Int[np.ndarray, " point"], weight: Float[np.ndarray, " point"]
) -> WallThickness:
    total = np.bincount(segment - 1, weight, NUM_SEGMENTS)
    summed = np.bincount(segment - 1, weight * thickness, NUM_SEGMENTS)
    known = total > 0
    segments = np.where(known, summed / np.where(known, total, 1), np.nan)
    reasons = {
        WALL_COLUMNS[k]: f"no wall along the cavity in segment {k + 1} at end-diastole" for k in np.flatnonzero(~known).tolist()
    }
    if not known.any():
        return WallThickness.missing("no wall along the cavity at end-diastole")
    return WallThickness(segments, float(summed.sum() / total.sum()), reasons)
