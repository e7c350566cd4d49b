"""From a NIfTI file's own axes to (phase, slice, row, column) with its place: the same for pictures and their masks.

However a file stores its axes, the same picture of the same heart comes out:

1. The slice axis is the one with by far the largest spacing, else by far the fewest samples, else the third. Slices run from
   base to apex: of the axis's two directions the one nearer to left, front and feet.
2. Of the other two the first counts columns and the second rows, unless the second lies clearly nearer to left and right.
3. Columns grow towards the patient's left, and rows so that the picture is seen from the apex, as scanners show it.

No heart's axis lies along an axis of the body: a file that says so has lost its directions, as has one that says none. Its axes
are taken as they are stored: columns, rows, and slices from base to apex, as in ACDC.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from jaxtyping import Float, Int, Shaped

from cardiolens.errors import BadImage
from cardiolens.formats.cmr.body_axes import towards_apex
from cardiolens.formats.cmr.nifti_file import NiftiFile
from cardiolens.imaging.stack_geometry import StackGeometry

Spacing = tuple[float, float, float]
"""(slice, row, column) in millimetres."""

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])
_AS_STORED = np.diag([1.0, 1.0, -1.0])
_FAR_LARGER, _FAR_FEWER, _CLEARLY_NEARER = 1.5, 2.0, 1.5
_SHEARED = float(np.sin(np.radians(1.0)))
_IN_PLANE_MM, _BETWEEN_SLICES_MM = (0.2, 6.0), (0.5, 40.0)
_DISAGREEMENT = 0.01


@dataclass(frozen=True)
class NiftiGrid:
    """Stored numbers in this project's order of axes."""

    stored: Shaped[np.ndarray, "phase slice height width"]
    spacing_mm: Spacing
    geometry: StackGeometry
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Axes:
    """The file's three axes of space: unit vectors in LPS as columns, millimetres per step, and the place of index 0."""

    directions: Float[np.ndarray, "3 3"]
    lengths: Float[np.ndarray, " 3"]
    origin: Float[np.ndarray, " 3"]
    notes: tuple[str, ...] = ()

    @property
    def lost(self) -> bool:
        """Zero, negative, not finite, or 1 x 1 x 1 along the axes of the body, as programs write that know no better."""
        sound = np.isfinite(self.lengths).all() and (self.lengths > 0).all()
        return not sound or (_along_body(self.directions) and np.allclose(self.lengths, 1, atol=1e-6))


def as_grid(path: Path, file: NiftiFile, declared_mm: Spacing | None = None) -> NiftiGrid:
    """The file's numbers, as a view, with spacing and place.

    `declared_mm` speaks for a file that has lost its spacing; for any other it is not looked at.

    Raises:
        BadImage: the spacing is lost and none is declared, it is that of no heart scan, or the axes are not perpendicular.
    """
    axes, shape = _file_axes(file), np.array(file.stored.shape[:3])
    if axes.lost and declared_mm is None:
        found = f"no spacing ({' x '.join(f'{length:g}' for length in axes.lengths)})"
        _refuse(path, found, "millimetres between pixels and slices", "declare the spacing, or use a file that kept it")
    order, signs = _order(axes.directions, _slice_axis(None if axes.lost else axes.lengths, shape))
    spacing = np.array(declared_mm) if axes.lost else axes.lengths[order]
    slice_mm, row_mm, column_mm = map(float, spacing)
    in_plane = all(_IN_PLANE_MM[0] <= mm <= _IN_PLANE_MM[1] for mm in (row_mm, column_mm))
    if not in_plane or not _BETWEEN_SLICES_MM[0] <= slice_mm <= _BETWEEN_SLICES_MM[1]:
        found = f"{slice_mm:g} mm between slices and pixels of {row_mm:g} x {column_mm:g} mm"
        expected = f"{_BETWEEN_SLICES_MM[0]:g} to {_BETWEEN_SLICES_MM[1]:g} and {_IN_PLANE_MM[0]:g} to {_IN_PLANE_MM[1]:g} mm"
        _refuse(path, found, expected, "check the file's pixel sizes and their unit")
    directions = axes.directions[:, order]
    last = np.where(signs < 0, shape[order] - 1, 0)
    geometry = _geometry(path, axes.origin + directions @ (last * spacing), directions * signs)
    backwards = tuple(slice(None, None, int(sign)) for sign in signs)
    notes = axes.notes
    if axes.lost:
        notes += ("the file has lost its spacing; the declared one stands",)
    return NiftiGrid(file.stored.transpose(3, *order)[:, *backwards], (slice_mm, row_mm, column_mm), geometry, notes)


def _file_axes(file: NiftiFile) -> _Axes:
    sizes = np.array(file.pixel_mm)
    if file.ras_mm is not None:
        affine = _RAS_TO_LPS @ file.ras_mm[:3]
        lengths = np.linalg.norm(affine[:, :3], axis=0)
        if (lengths > 0).all():
            directions = affine[:, :3] / lengths
            if not (_along_body(directions) and np.allclose(lengths, 1, atol=1e-6)):
                return _Axes(directions, lengths, affine[:, 3], _doubts(directions, lengths, sizes, file))
    unplaced = "the file says neither directions nor place: its axes are taken for columns, rows and slices"
    return _Axes(_AS_STORED, sizes, np.zeros(3), (unplaced, *_unit_doubts(file)))


def _doubts(directions: np.ndarray, lengths: np.ndarray, sizes: np.ndarray, file: NiftiFile) -> tuple[str, ...]:
    notes = _unit_doubts(file)
    if not np.allclose(lengths, sizes, rtol=_DISAGREEMENT):
        notes += ("the affine and the pixel sizes beside it disagree; the affine stands",)
    if _along_body(directions):
        notes += ("its axes are those of the body: the scan's directions are lost, and the stored order is kept",)
    return notes


def _unit_doubts(file: NiftiFile) -> tuple[str, ...]:
    return () if file.has_length_unit else ("no unit of length is stated; millimetres are assumed",)


def _along_body(directions: Float[np.ndarray, "3 3"]) -> bool:
    return bool(np.isclose(np.abs(directions).max(axis=0), 1, atol=1e-6).all())


def _slice_axis(lengths: Float[np.ndarray, " 3"] | None, shape: Int[np.ndarray, " 3"]) -> int:
    if lengths is not None:
        longest = int(lengths.argmax())
        if lengths[longest] >= _FAR_LARGER * np.delete(lengths, longest).max():
            return longest
    fewest = int(shape.argmin())
    return fewest if _FAR_FEWER * shape[fewest] <= np.delete(shape, fewest).min() else 2


def _order(directions: Float[np.ndarray, "3 3"], slice_axis: int) -> tuple[Int[np.ndarray, " 3"], Int[np.ndarray, " 3"]]:
    """Which axes of the file are slices, rows and columns, and whether each is read forwards (1) or backwards (-1)."""
    column_axis, row_axis = (axis for axis in range(3) if axis != slice_axis)
    if _along_body(directions):
        return np.array([slice_axis, row_axis, column_axis]), np.ones(3, dtype=int)
    if abs(directions[0, row_axis]) > _CLEARLY_NEARER * abs(directions[0, column_axis]):
        column_axis, row_axis = row_axis, column_axis
    through = directions[:, slice_axis]
    slice_sign = 1 if towards_apex(through) @ through > 0 else -1
    column_sign = 1 if directions[0, column_axis] >= 0 else -1
    seen_from = np.cross(directions[:, column_axis] * column_sign, directions[:, row_axis]) @ (through * slice_sign)
    row_sign = 1 if seen_from < 0 else -1
    return np.array([slice_axis, row_axis, column_axis]), np.array([slice_sign, row_sign, column_sign])


def _geometry(path: Path, origin: Float[np.ndarray, " 3"], directions: Float[np.ndarray, "3 3"]) -> StackGeometry:
    """Directions of slices, rows and columns made exactly perpendicular, as they are but for rounding."""
    off = np.abs(directions.T @ directions - np.eye(3)).max()
    if off > _SHEARED:
        found = f"axes {np.degrees(np.arcsin(min(off, 1.0))):.0f} degrees off the perpendicular"
        _refuse(path, found, "perpendicular axes", "resample the picture to a straight grid")
    through, down, along = directions.T
    along = along / np.linalg.norm(along)
    down = down - (down @ along) * along
    down = down / np.linalg.norm(down)
    across = np.cross(along, down)
    across = across if across @ through > 0 else -across
    triples = [(float(x), float(y), float(z)) for x, y, z in (origin, along, down, across)]
    return StackGeometry(*triples)


def _refuse(path: Path, found: str, expected: str, remedy: str) -> NoReturn:
    raise BadImage(path, found=found, expected=expected, remedy=remedy)
