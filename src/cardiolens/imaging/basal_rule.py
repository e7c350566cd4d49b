"""Which slices at the base show the left ventricle and which already the atrium.

The valve plane lies oblique and moves, so the most basal slice with blood in it may belong to either. Volumes depend on the
answer more than on any contour.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from cardiolens.configs import Kinds, refuse_outside
from cardiolens.imaging.mask_cleanup import LV_CAVITY, MYOCARDIUM


class BasalRule(Kinds, ABC):
    """Decides per phase which slices count as left ventricle."""

    @abstractmethod
    def applied(
        self, masks: UInt8[np.ndarray, "phase slice height width"], *, pixel_mm: tuple[float, float]
    ) -> UInt8[np.ndarray, "phase slice height width"]:
        """The masks without cavity and wall of the left ventricle in slices that do not count; the input is left alone."""


@dataclass(frozen=True)
class AsLabelled(BasalRule):
    """Whoever drew the masks decided: every labelled slice counts. The rule of the reference pipeline."""

    def applied(
        self, masks: UInt8[np.ndarray, "phase slice height width"], *, pixel_mm: tuple[float, float]
    ) -> UInt8[np.ndarray, "phase slice height width"]:
        return masks


@dataclass(frozen=True)
class EnclosedCavity(BasalRule):
    """From either end of the stack inwards, slices fall away until the wall encloses enough of the cavity's rim.

    The convention of readers (Schulz-Menger 2020, JCMR 22:19): blood counts as ventricle where muscle surrounds at least half.
    """

    least_enclosed: float = 0.5
    """Share of the rim of the cavity that borders on wall; 0 to 1."""

    def __post_init__(self) -> None:
        refuse_outside(self, {"least_enclosed": (0 <= self.least_enclosed <= 1, "a share from 0 to 1")})

    def applied(
        self, masks: UInt8[np.ndarray, "phase slice height width"], *, pixel_mm: tuple[float, float]
    ) -> UInt8[np.ndarray, "phase slice height width"]:
        enough = enclosed_share(masks, pixel_mm=pixel_mm) >= self.least_enclosed
        # Where there is no cavity, as in a closed apex, there is no rim to judge by.
        has_cavity = (masks == LV_CAVITY).any(axis=(2, 3))
        firm = enough & has_cavity
        inside = np.logical_or.accumulate(firm, axis=1) & np.logical_or.accumulate(firm[:, ::-1], axis=1)[:, ::-1]
        dropped = has_cavity & ~inside
        if not dropped.any():
            return masks
        left = (masks == LV_CAVITY) | (masks == MYOCARDIUM)
        return np.where(left & dropped[:, :, None, None], 0, masks).astype(np.uint8)


def enclosed_share(
    masks: UInt8[np.ndarray, "phase slice height width"], *, pixel_mm: tuple[float, float]
) -> Float[np.ndarray, "phase slice"]:
    """Share of the cavity's rim, in mm along pixel borders, that borders on wall; 0 where there is no cavity."""
    # With a pixel of nothing all round, the rim at the edge of the picture borders on no wall.
    near = np.pad(_cut_to(masks, masks == LV_CAVITY), ((0, 0), (0, 0), (1, 1), (1, 1)))
    cavity, wall = near == LV_CAVITY, near == MYOCARDIUM
    row_mm, column_mm = pixel_mm
    rim, walled = np.zeros(masks.shape[:2]), np.zeros(masks.shape[:2])
    for axis, side_mm in ((2, column_mm), (3, row_mm)):
        for inner, outer in (_neighbours(axis), _neighbours(axis)[::-1]):
            beside = cavity[inner]
            walled += side_mm * _count(beside & wall[outer])
            rim += side_mm * _count(beside & ~cavity[outer])
    return walled / np.maximum(rim, 1e-12)


def _cut_to(
    masks: UInt8[np.ndarray, "phase slice height width"], wanted: Bool[np.ndarray, "phase slice height width"]
) -> UInt8[np.ndarray, "phase slice rows columns"]:
    """The rows and columns in which anything is wanted, and those beside them."""
    rows, columns = (np.flatnonzero(wanted.any(axis=axes)) for axes in ((0, 1, 3), (0, 1, 2)))
    if not len(rows):
        return masks[:, :, :1, :1]
    return masks[:, :, max(rows[0] - 1, 0) : rows[-1] + 2, max(columns[0] - 1, 0) : columns[-1] + 2]


def _neighbours(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    first, second = [slice(None)] * 4, [slice(None)] * 4
    first[axis], second[axis] = slice(None, -1), slice(1, None)
    return tuple(first), tuple(second)


def _count(flags: Bool[np.ndarray, "phase slice rows columns"]) -> Float[np.ndarray, "phase slice"]:
    return np.count_nonzero(flags, axis=(2, 3)).astype(float)
