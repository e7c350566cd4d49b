"""A short-axis cine as NIfTI: a 4-D file, or a 3-D one as a single phase. Axes, place and spacing come from its affine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32

from cardiolens.errors import BadImage
from cardiolens.formats.cmr.heart_rate import LONGEST_RR_MS, SHORTEST_RR_MS, CmrStudy, beat_of
from cardiolens.formats.cmr.nifti_file import NiftiFile, read_nifti
from cardiolens.formats.cmr.nifti_grid import NiftiGrid, Spacing, as_grid
from cardiolens.imaging.stack_geometry import PlacedCine
from cardiolens.privacy import display_name
from cardiolens.types import CineStack

_UNITS_TRIED = (("seconds", 1000.0), ("milliseconds", 1.0))


def read_nifti_cine(path: Path, *, declared_spacing_mm: Spacing | None = None) -> CmrStudy:
    """The cine of a NIfTI file; `nifti_grid` says how its axes are turned.

    `declared_spacing_mm` (slice, row, column) speaks for a file that has lost its spacing, which is refused without.
    Trigger times are multiples of the time between phases; where that is lost (a "beat" of 28 s or 28 ms), times are NaN,
    notes say so, and there is no heart rate: phases are in order all the same. A missing unit of time is told by which one
    makes a heart beat.

    Raises:
        BadImage: no NIfTI file of pictures, damaged, too large, or with lost or impossible spacing.
    """
    file = read_nifti(path)
    grid = as_grid(path, file, declared_spacing_mm)
    trigger_ms, in_time = _trigger_times(file, len(grid.stored))
    beat = beat_of(trigger_ms)
    frames = scaled(file, grid)
    if not np.isfinite(frames).all():
        remedy = "write the file again without them"
        raise BadImage(path, found="values that are not finite", expected="finite numbers", remedy=remedy)
    cine = CineStack(
        frames=frames,
        spacing_mm=grid.spacing_mm,
        trigger_ms=trigger_ms,
        source=display_name(path),
        notes=(*grid.notes, *in_time, *beat.notes),
    )
    return CmrStudy(PlacedCine(cine, grid.geometry), beat.rr_ms, beat.source)


def scaled(file: NiftiFile, grid: NiftiGrid) -> Float32[np.ndarray, "phase slice height width"]:
    """Stored numbers times the file's slope plus its intercept."""
    with np.errstate(over="ignore", invalid="ignore"):  # what is too large is found to be infinite
        frames = np.ascontiguousarray(grid.stored, dtype=np.float32)
        if (file.slope, file.intercept) != (1.0, 0.0):
            frames = frames * np.float32(file.slope) + np.float32(file.intercept)
    return frames


def _trigger_times(file: NiftiFile, num_phases: int) -> tuple[Float[np.ndarray, " phase"], tuple[str, ...]]:
    if num_phases == 1:
        return np.zeros(1), ()
    tried = _UNITS_TRIED if file.step_unit_ms is None else (("", file.step_unit_ms),)
    for unit, unit_ms in tried:
        step_ms = file.step * unit_ms
        # A file may hold end-diastole and end-systole alone, whose distance is no share of the beat.
        if SHORTEST_RR_MS <= step_ms * num_phases <= LONGEST_RR_MS:
            notes = (f"no unit of time is stated; {unit} between phases make a heart beat",) if unit else ()
            return np.arange(num_phases) * step_ms, notes
    lost = f"{file.step:g} {'of no unit' if file.step_unit_ms is None else f'x {file.step_unit_ms:g} ms'} between phases"
    return np.full(num_phases, np.nan), (f"the times of the phases are lost: {lost} make no heart beat",)
