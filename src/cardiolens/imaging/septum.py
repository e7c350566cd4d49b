"""Where the septum lies, seen from the left ventricle: there the right cavity touches the outer border.

From it every AHA segment is counted, so an error here shifts all sixteen.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from cardiolens.configs import Kinds
from cardiolens.imaging.contours import Contours, centroids_mm
from cardiolens.imaging.mask_cleanup import LV_CAVITY, RV_CAVITY

Direction2 = tuple[float, float]
"""Row and column part of a unit vector in the slice, in mm."""

_SLACK_MM = 2.0
"""By how much more than where it is nearest the right cavity may be away and still touch: masks leave small gaps."""
_RAMP_MM = 4.0
_FURTHEST_MM = 10.0


class SeptumRule(Kinds, ABC):
    """How the direction from the left ventricle's centre to the middle of the septum is found."""

    @abstractmethod
    def direction(
        self,
        masks: UInt8[np.ndarray, "slice height width"],
        contours: Contours,
        *,
        slices: tuple[int, ...],
        spacing_mm: tuple[float, float, float],
    ) -> Direction2 | None:
        """One direction for all slices, from those at mid level at end-diastole; None where no right cavity touches.

        `slices` are those at mid level.
        """


@dataclass(frozen=True)
class MeanSeptum(SeptumRule):
    """Circular mean of the angles under which touched points of the outer border are seen; slices have equal votes."""

    def direction(
        self,
        masks: UInt8[np.ndarray, "slice height width"],
        contours: Contours,
        *,
        slices: tuple[int, ...],
        spacing_mm: tuple[float, float, float],
    ) -> Direction2 | None:
        votes = np.zeros(2)
        for index in slices:
            seen, away = _seen(masks[index], contours, index, spacing_mm)
            if away.min() <= _FURTHEST_MM:
                # A ramp, not a step: points at the ends of the contact come and go with the grid of pixels.
                touch = np.clip(1 - (away - _reach_mm(away, spacing_mm)) / _RAMP_MM, 0, 1)
                votes += _unit(touch @ _unit(seen))
        return _direction(votes)


@dataclass(frozen=True)
class ReferenceSeptum(SeptumRule):
    """The reference pipeline's rule: of the touched points in the order of the contour, the one in the middle of the list.

    The contour begins at its pixel of lowest column; where the septum lies that way, the list begins inside it, and the
    point in its middle is up to 62 degrees off. It depends on how the array is laid out, so it is right only for arrays
    as the reference pipeline stores them. For comparison with values that were made so.
    """

    def direction(
        self,
        masks: UInt8[np.ndarray, "slice height width"],
        contours: Contours,
        *,
        slices: tuple[int, ...],
        spacing_mm: tuple[float, float, float],
    ) -> Direction2 | None:
        cavity = np.flatnonzero((masks == LV_CAVITY).any(axis=(1, 2)))
        counts = np.count_nonzero(masks[cavity] == LV_CAVITY, axis=(1, 2))
        middle = round(float((cavity * counts).sum() / counts.sum()))
        seen, away = _seen(masks[middle], contours, middle, spacing_mm)
        if not away.min() <= _FURTHEST_MM:
            return None
        touched = away <= _reach_mm(away, spacing_mm)
        start = int(np.lexsort((seen[:, 0], seen[:, 1]))[0])
        listed = np.flatnonzero(np.roll(touched, -start))
        return _direction(seen[(listed[len(listed) // 2] + start) % len(seen)])


def _seen(
    plane: UInt8[np.ndarray, "height width"], contours: Contours, index: int, spacing_mm: tuple[float, float, float]
) -> tuple[Float[np.ndarray, "point 2"], Float[np.ndarray, " point"]]:
    """Points of the outer border from the cavity's centre, and how far the nearest pixel of the right cavity is from each."""
    from scipy.spatial.distance import cdist

    seen = contours.epi_mm[index] - centroids_mm(contours.endo_mm[[index]])[0]
    right = np.argwhere(plane == RV_CAVITY) * spacing_mm[1:]
    if not len(right):
        return seen, np.full(len(seen), np.inf)
    return seen, cdist(contours.epi_mm[index], right).min(axis=1)


def _reach_mm(away: Float[np.ndarray, " point"], spacing_mm: tuple[float, float, float]) -> float:
    return max(float(away.min()), *spacing_mm[1:]) + _SLACK_MM


def _unit(vectors: Float[np.ndarray, "*vector 2"]) -> Float[np.ndarray, "*vector 2"]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _direction(vector: Float[np.ndarray, "2"]) -> Direction2 | None:
    if not vector.any():
        return None
    row, column = map(float, _unit(vector))
    return row, column
