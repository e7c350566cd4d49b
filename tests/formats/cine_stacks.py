"""A small short-axis stack at an oblique place, for tests of the MRI formats."""

import numpy as np

from cardiolens.imaging.stack_geometry import StackGeometry
from cardiolens.types import CineStack

SPACING_MM = (10.0, 1.8, 1.5)
"""All three differ, so that no two can be swapped unseen."""


def oblique_geometry() -> StackGeometry:
    """Slices run against the right-hand rule of rows and columns, as from base to apex."""
    along_row = np.array([0.62, 0.74, -0.18])
    along_row /= np.linalg.norm(along_row)
    down = np.cross(np.array([-0.6, 0.6, 0.44]), along_row)
    down /= np.linalg.norm(down)
    through = -np.cross(along_row, down)
    return StackGeometry((-100.0, -50.5, 30.25), *(tuple(map(float, axis)) for axis in (along_row, down, through)))


def small_stack(*, phases: int = 4, slices: int = 3, masks: bool = True) -> CineStack:
    rng = np.random.default_rng(5)
    shape = (phases, slices, 6, 9)
    return CineStack(
        frames=(700 * rng.random(shape)).astype(np.float32),
        spacing_mm=SPACING_MM,
        trigger_ms=np.arange(phases) * 21.5,
        source="synthetic seed 1 subject 2",
        masks=rng.integers(0, 4, shape, dtype=np.uint8) if masks else None,
    )
