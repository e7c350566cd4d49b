"""Hearts of circles with known radii and septum, and stacks read another way round, for tests of what masks give."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cardiolens.imaging.stack_geometry import StackGeometry

SLICE_MM = 10.0
RADII_MM = np.array([23.0, 23.5, 23.0, 22.0, 20.0, 17.0, 13.0, 8.0])
"""Of the cavity, from base to apex."""


@dataclass(frozen=True)
class Placed:
    """Masks with their place. `spacing_mm` is slice, row, column."""

    masks: np.ndarray
    geometry: StackGeometry
    spacing_mm: tuple[float, float, float]


def oblique(*, head: float = 0.5) -> StackGeometry:
    """Seen from the apex, slices from base to apex; `head` of the way from apex to base goes to the head."""
    to_base = np.array([-0.7, 0.5, 0.0])
    to_base *= np.sqrt(1 - head**2) / np.linalg.norm(to_base)
    to_base[2] = head
    along_row = np.cross(to_base, [0.0, 0.0, 1.0])
    along_row /= np.linalg.norm(along_row)
    along_column = np.cross(to_base, along_row)
    axes = (along_row, along_column, -to_base)
    return StackGeometry((12.5, -30.0, 41.0), *(tuple(map(float, axis)) for axis in axes))


def circle_heart(
    *,
    septum_degrees: float = 270.0,
    pixel_mm: float = 2.0,
    pixels: int = 64,
    centre_mm: tuple[float, float] = (60.3, 66.1),
    endo_mm: Sequence[float] = RADII_MM,
    wall_mm: float = 9.0,
    beat: tuple[float, ...] = (1.0,),
    geometry: StackGeometry | None = None,
) -> Placed:
    """One slice per cavity radius in `endo_mm`, from base to apex, and one phase per factor on the cavity's radius in `beat`.

    The septum's middle lies `septum_degrees` clockwise from the top of the picture.
    """
    rows, columns = np.mgrid[:pixels, :pixels] * pixel_mm
    direction = np.radians(septum_degrees)
    up, right = centre_mm[0] - rows, columns - centre_mm[1]
    away = np.hypot(up, right)
    masks = np.zeros((len(beat), len(endo_mm), pixels, pixels), dtype=np.uint8)
    for phase, factor in enumerate(beat):
        for k, radius in enumerate(endo_mm):
            epi = radius + wall_mm
            apart = epi * 0.45
            right_side = np.hypot(up - apart * np.cos(direction), right - apart * np.sin(direction)) < epi * 0.95
            masks[phase, k][right_side] = 3
            masks[phase, k][away < epi] = 2
            masks[phase, k][away < radius * factor] = 1
    return Placed(masks, geometry or oblique(), (SLICE_MM, pixel_mm, pixel_mm))


def flipped(placed: Placed, axis: int) -> Placed:
    """The same stack with slices (1), rows (2) or columns (3) stored in the other order."""
    name = {1: "along_slices", 2: "along_column", 3: "along_row"}[axis]
    steps = {1: "slices", 2: "rows", 3: "columns"}[axis]
    last = float(placed.masks.shape[axis] - 1)
    moved = placed.geometry.moved(placed.spacing_mm, **{steps: last})
    turned = replace(moved, **{name: tuple(-part for part in getattr(moved, name))})
    return replace(placed, masks=np.ascontiguousarray(np.flip(placed.masks, axis)), geometry=turned)


def transposed(placed: Placed) -> Placed:
    """The same stack with rows and columns exchanged."""
    geometry = placed.geometry
    turned = replace(geometry, along_row=geometry.along_column, along_column=geometry.along_row)
    slice_mm, row_mm, column_mm = placed.spacing_mm
    masks = np.ascontiguousarray(np.swapaxes(placed.masks, 2, 3))
    return Placed(masks, turned, (slice_mm, column_mm, row_mm))
