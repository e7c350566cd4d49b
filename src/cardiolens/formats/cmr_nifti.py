"""Cine MRI as NIfTI: a 4-D file and, where known, one of masks on the same grid.

Axes are (column, row, slice, phase), as UK Biobank's conversion pipelines lay them out; the affine is in RAS millimetres
and holds the slice spacing with its gap; the fourth pixel size is the time between phases in seconds.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
from einops import rearrange
from jaxtyping import Float, Shaped

from cardiolens.atomic import write_atomically
from cardiolens.imaging.stack_geometry import StackGeometry
from cardiolens.privacy import display_name
from cardiolens.types import CineStack

_SCANNER = 1
"""NIfTI's code for coordinates of the scanner."""
_GZIP_LEVEL = 4
_UNEVEN_MS = 1.0


def write(path: Path, cine: CineStack, geometry: StackGeometry, *, masks_path: Path | None = None) -> None:
    """Write the frames as 16-bit numbers with their scale at `path`, and the masks as bytes at `masks_path`.

    Both names end in .nii or .nii.gz. The rounding error is at most half of 1/65,535 of the range of values.

    Raises:
        ValueError: another ending, phases that are not evenly spaced in time, or masks asked of a stack that has none.
        NoSpace: the disk is full.
    """
    phase_s = _seconds_between_phases(path, cine.trigger_ms)
    _write_grid(path, cine.frames, np.dtype(np.int16), cine, geometry, phase_s)
    if masks_path is not None:
        if cine.masks is None:
            raise ValueError(f"{display_name(masks_path)}: {cine.source} has no masks to write")
        _write_grid(masks_path, cine.masks, np.dtype(np.uint8), cine, geometry, phase_s)


def _write_grid(
    path: Path, grid: Shaped[np.ndarray, "phase slice height width"], stored_as: np.dtype, cine: CineStack,
    geometry: StackGeometry, phase_s: float,
) -> None:  # fmt: skip
    import nibabel

    if not path.name.endswith((".nii", ".nii.gz")):
        raise ValueError(f"{display_name(path)}: a NIfTI file ends in .nii or .nii.gz")
    slice_mm, row_mm, column_mm = cine.spacing_mm
    image = nibabel.Nifti1Image(
        rearrange(grid, "phase slice height width -> width height slice phase"), geometry.ras_affine(cine.spacing_mm)
    )
    image.header.set_data_dtype(stored_as)
    image.header.set_zooms((column_mm, row_mm, slice_mm, phase_s))
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = cine.source.encode("ascii", "replace")[:79]
    image.set_sform(image.affine, code=_SCANNER)
    image.set_qform(image.affine, code=_SCANNER)
    content = image.to_bytes()
    # No time stamp: the same stack gives the same bytes.
    write_atomically(path, gzip.compress(content, _GZIP_LEVEL, mtime=0) if path.name.endswith(".gz") else content)


def _seconds_between_phases(path: Path, trigger_ms: Float[np.ndarray, " phase"]) -> float:
    if len(trigger_ms) < 2:
        return 0.0
    steps = np.diff(trigger_ms)
    if np.ptp(steps) > _UNEVEN_MS:
        raise ValueError(
            f"{display_name(path)}: NIfTI holds one time between phases, found {steps.min():g} to {steps.max():g} ms"
        )
    return float(steps.mean()) / 1000
