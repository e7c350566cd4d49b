"""Where the pixels of a cine stack lie in the patient.

Coordinates are DICOM's: millimetres, x to the patient's left, y to the back, z to the head (LPS). NIfTI turns x and y
round (RAS). Directions say where an index grows; slices may run against the right-hand rule of rows and columns, and in
short-axis stacks from base to apex they do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from cardiolens.types import CineStack

_TOLERANCE = 1e-4
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])

Direction = tuple[float, float, float]


@dataclass(frozen=True)
class StackGeometry:
    """Position and orientation of a stack; its spacing stays with the stack."""

    origin_mm: tuple[float, float, float]
    """Centre of the pixel in row 0, column 0 of slice 0."""
    along_row: Direction
    """Unit vector in which the column index grows: DICOM's row direction."""
    along_column: Direction
    """Unit vector in which the row index grows: DICOM's column direction."""
    along_slices: Direction
    """Unit vector from one slice to the next, perpendicular to both."""

    def __post_init__(self) -> None:
        axes = np.stack([self.along_row, self.along_column, self.along_slices])
        if not np.allclose(axes @ axes.T, np.eye(3), atol=_TOLERANCE):
            raise ValueError(f"directions {axes.tolist()} are not three perpendicular unit vectors")

    def lps_affine(self, spacing_mm: tuple[float, float, float]) -> Float[np.ndarray, "4 4"]:
        """Maps (column, row, slice) indices to LPS millimetres; `spacing_mm` is (slice, row, column) as in `CineStack`."""
        affine = np.eye(4)
        axes = np.stack([self.along_row, self.along_column, self.along_slices], axis=1)
        affine[:3, :3] = axes * np.array(spacing_mm)[::-1]
        affine[:3, 3] = self.origin_mm
        return affine

    def ras_affine(self, spacing_mm: tuple[float, float, float]) -> Float[np.ndarray, "4 4"]:
        """As `lps_affine`, in NIfTI's RAS millimetres."""
        return _LPS_TO_RAS @ self.lps_affine(spacing_mm)

    def moved(
        self, spacing_mm: tuple[float, float, float], *, columns: float = 0.0, rows: float = 0.0, slices: float = 0.0
    ) -> StackGeometry:
        """The same directions with the origin so many pixels and slices further on."""
        origin = self.lps_affine(spacing_mm) @ np.array([columns, rows, slices, 1.0])
        return replace(self, origin_mm=_triple(origin[:3]))


@dataclass(frozen=True)
class PlacedCine:
    """A cine stack with its place in the patient."""

    cine: CineStack
    geometry: StackGeometry


def centred_geometry(
    cine: CineStack, *, centre_mm: tuple[float, float, float], along_row: Direction, along_column: Direction,
    along_slices: Direction,
) -> StackGeometry:  # fmt: skip
    """The geometry that puts the middle of the stack at `centre_mm`."""
    at_zero = StackGeometry((0.0, 0.0, 0.0), along_row, along_column, along_slices)
    slices, rows, columns = ((size - 1) / 2 for size in cine.frames.shape[1:])
    middle = at_zero.moved(cine.spacing_mm, columns=columns, rows=rows, slices=slices).origin_mm
    return replace(at_zero, origin_mm=_triple(np.subtract(centre_mm, middle)))


def one_slice(cine: CineStack, geometry: StackGeometry, index: int) -> tuple[CineStack, StackGeometry]:
    """Slice `index` as a stack of its own, at its own place."""
    masks = None if cine.masks is None else cine.masks[:, index : index + 1]
    alone = replace(cine, frames=cine.frames[:, index : index + 1], masks=masks)
    return alone, geometry.moved(cine.spacing_mm, slices=float(index))


def long_axis_view(cine: CineStack, geometry: StackGeometry, *, row: int) -> tuple[CineStack, StackGeometry]:
    """The plane through one row of every slice, as one slice with square pixels.

    Its rows run along the stack, interpolated between slices, its columns stay; the new slice direction is that in which
    the stack's rows grew. Four-chamber-like for a short-axis stack.
    """
    slice_mm, _, pixel_mm = cine.spacing_mm
    depth = (cine.frames.shape[1] - 1) * slice_mm
    at = np.arange(int(depth / pixel_mm + _TOLERANCE) + 1) * pixel_mm / slice_mm
    low = np.minimum(at.astype(int), max(cine.frames.shape[1] - 2, 0))
    share = (at - low).astype(cine.frames.dtype)[:, None]
    plane = cine.frames[:, :, row]
    frames = plane[:, low] * (1 - share) + plane[:, np.minimum(low + 1, cine.frames.shape[1] - 1)] * share
    view = replace(cine, frames=frames[:, None], masks=None, spacing_mm=(slice_mm, pixel_mm, pixel_mm))
    origin = geometry.moved(cine.spacing_mm, rows=float(row)).origin_mm
    return view, StackGeometry(origin, geometry.along_row, geometry.along_slices, geometry.along_column)


def _triple(vector: Float[np.ndarray, " 3"]) -> tuple[float, float, float]:
    x, y, z = map(float, vector)
    return x, y, z
