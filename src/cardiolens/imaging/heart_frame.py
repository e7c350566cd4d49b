"""The heart's own directions in a short-axis stack, and with them the AHA segment of any point of the wall.

Directions are found in the patient, not in the array, so a stack that is flipped, turned or read from its other end gives
the same segments. Angles are 0 anterior, 90 septal, 180 inferior, -90 lateral.

Source: AHA segments 1-16 (Cerqueira 2002); levels, slices and thresholds as in ukbb_cardiac, cardiac_utils.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from cardiolens.errors import BadImage
from cardiolens.imaging.contours import Contours, centroids_mm
from cardiolens.imaging.mask_cleanup import LV_CAVITY, MYOCARDIUM, RV_CAVITY
from cardiolens.imaging.septum import Direction2, MeanSeptum, SeptumRule
from cardiolens.imaging.stack_geometry import Direction, StackGeometry

NUM_SEGMENTS = 16
BASAL, MID, APICAL = 0, 1, 2
FEWEST_SLICES = 6
_FEWEST_PIXELS = 10
_CLEAR_HEAD_DIRECTION = 0.2
"""Part of the slice direction that points to the head; about 0.5 in most hearts."""
_CLEAR_AREA_RATIO = 1.1
_LABELS = {LV_CAVITY: "left cavity", MYOCARDIUM: "myocardium", RV_CAVITY: "right cavity"}


@dataclass(frozen=True)
class HeartFrame:
    """Directions in the patient (LPS), and the slices that show enough of the left ventricle."""

    slices: tuple[int, ...]
    """Numbers of the slices that count, from base to apex."""
    levels: tuple[int, ...]
    """Of each of them: 0 basal, 1 mid, 2 apical."""
    strain_slices: tuple[int, int, int]
    """Numbers of the basal, mid and apical slice in which strain is measured."""
    centres_mm: Float[np.ndarray, "place 2"]
    """Of the cavity in each of `slices`: row and column in mm from the centre of the first pixel."""
    apex_to_base: Direction
    to_septum: Direction
    to_anterior: Direction
    base_found_by: str
    """In words: the head's direction, the ventricle's areas or both."""
    notes: tuple[str, ...]
    """What is odd about the frame."""
    spacing_mm: tuple[float, float, float]
    septal_in_plane: Direction2
    anterior_in_plane: Direction2

    def angles_degrees(self, place: int, points_mm: Float[np.ndarray, "point 2"]) -> Float[np.ndarray, " point"]:
        """Of points in slice `slices[place]`, in row and column millimetres; -180 to 180."""
        away = points_mm - self.centres_mm[place]
        return np.degrees(np.arctan2(away @ self.septal_in_plane, away @ self.anterior_in_plane))

    def segments(self, place: int, points_mm: Float[np.ndarray, "point 2"]) -> Int[np.ndarray, " point"]:
        """AHA segments, from 1, of points in slice `slices[place]`."""
        return aha_segments(self.levels[place], self.angles_degrees(place, points_mm))


def aha_segments(level: int, degrees: Float[np.ndarray, " point"]) -> Int[np.ndarray, " point"]:
    """AHA segments 1 to 16 at a level (0 basal, 1 mid, 2 apical); a border belongs to the segment above it in angle."""
    if level == APICAL:
        return 13 + np.floor((degrees + 45) % 360 / 90).astype(int) % 4
    return 1 + 6 * level + np.floor((degrees + 30) % 360 / 60).astype(int) % 6


def levels_of(num_slices: int) -> tuple[int, ...]:
    """Level of each of so many slices from base to apex: thirds, the basal ones rounded up."""
    last_basal, last_mid = math.ceil(num_slices / 3), math.ceil(2 * num_slices / 3)
    return tuple(BASAL if k < last_basal else MID if k < last_mid else APICAL for k in range(num_slices))


def strain_places(num_slices: int) -> tuple[int, int, int]:
    """Places of the three slices of strain among so many from base to apex; halves are rounded to even, as in the reference."""
    basal, mid, apical = (round((num_slices - 1) * share) for share in (0.25, 0.5, 0.75))
    return basal, mid, apical


_MEAN_SEPTUM = MeanSeptum()


def find_frame(
    masks: UInt8[np.ndarray, "slice height width"],
    contours: Contours,
    geometry: StackGeometry,
    *,
    spacing_mm: tuple[float, float, float],
    source: str,
    septum: SeptumRule = _MEAN_SEPTUM,
) -> HeartFrame:
    """The frame at end-diastole, from its masks and their contours.

    The base is the end towards the head where the stack is clearly tilted that way and the ventricle is not clearly larger
    at the other end; otherwise the end where the ventricle is larger.

    Raises:
        BadImage: a label has fewer than 10 pixels; fewer than 6 slices show 10 pixels each of left cavity and myocardium;
            there is a gap between them; or no right cavity touches the left ventricle at mid level.
    """
    for label, name in _LABELS.items():
        pixels = int(np.count_nonzero(masks == label))
        if pixels < _FEWEST_PIXELS:
            _refuse(source, f"{pixels} pixels of {name} at end-diastole", f"{_FEWEST_PIXELS} or more")
    shown = np.flatnonzero(_usable(masks, contours))
    if len(shown) < FEWEST_SLICES:
        _refuse(source, f"{len(shown)} slices with cavity and wall at end-diastole", f"{FEWEST_SLICES} or more")
    if shown[-1] - shown[0] != len(shown) - 1:
        _refuse(source, "a gap between slices of the left ventricle at end-diastole", "slices without a gap")
    base_is_last, found_by, notes = _find_base(masks[shown], geometry)
    slices = tuple(shown[::-1].tolist() if base_is_last else shown.tolist())
    levels = levels_of(len(slices))
    at_mid = tuple(index for index, level in zip(slices, levels, strict=True) if level == MID)
    septal = septum.direction(masks, contours, slices=at_mid, spacing_mm=spacing_mm)
    if septal is None:
        _refuse(source, "no right cavity beside the left ventricle at mid level", "a right cavity that touches the septum")
    along_column, along_row = np.array(geometry.along_column), np.array(geometry.along_row)
    to_septum = septal[0] * along_column + septal[1] * along_row
    apex_to_base = np.array(geometry.along_slices) * (1 if base_is_last else -1)
    to_anterior = np.cross(apex_to_base, to_septum)
    if to_anterior[2] < 0 and abs(apex_to_base[2]) >= _CLEAR_HEAD_DIRECTION:
        notes.append("the anterior wall points to the feet; the stack's orientation may be mirrored")
    return HeartFrame(
        slices=slices,
        levels=levels,
        strain_slices=tuple(slices[place] for place in strain_places(len(slices))),
        centres_mm=centroids_mm(contours.endo_mm[list(slices)]),
        apex_to_base=_triple(apex_to_base),
        to_septum=_triple(to_septum),
        to_anterior=_triple(to_anterior),
        base_found_by=found_by,
        notes=tuple(notes),
        spacing_mm=spacing_mm,
        septal_in_plane=septal,
        anterior_in_plane=(float(to_anterior @ along_column), float(to_anterior @ along_row)),
    )


def _usable(masks: UInt8[np.ndarray, "slice height width"], contours: Contours) -> Bool[np.ndarray, " slice"]:
    enough = [np.count_nonzero(masks == label, axis=(1, 2)) >= _FEWEST_PIXELS for label in (LV_CAVITY, MYOCARDIUM)]
    return enough[0] & enough[1] & np.isfinite(contours.endo_mm).all(axis=(1, 2))


def _find_base(masks: UInt8[np.ndarray, "slice height width"], geometry: StackGeometry) -> tuple[bool, str, list[str]]:
    """Whether the last of these slices is at the base, how that was found, and what is odd about it."""
    areas = np.count_nonzero((masks == LV_CAVITY) | (masks == MYOCARDIUM), axis=(1, 2))
    third = len(areas) // 3
    ratio = float(areas[-third:].mean() / areas[:third].mean())
    by_area = ratio > 1
    area_is_clear = max(ratio, 1 / ratio) >= _CLEAR_AREA_RATIO
    headward = geometry.along_slices[2]
    if abs(headward) < _CLEAR_HEAD_DIRECTION:
        return by_area, "the ventricle's areas", [] if area_is_clear else ["both ends of the ventricle are about as large"]
    by_head = headward > 0
    if by_head == by_area:
        return by_head, "the head's direction and the ventricle's areas", []
    if not area_is_clear:
        return by_head, "the head's direction", []
    return by_area, "the ventricle's areas", ["the ventricle is larger at the end away from the head"]


def _refuse(source: str, found: str, expected: str) -> NoReturn:
    raise BadImage(source, found=found, expected=expected, remedy="check the masks; volumes do not need this")


def _triple(vector: Float[np.ndarray, " 3"]) -> Direction:
    x, y, z = map(float, vector)
    return x, y, z
