"""The short-axis cine of a DICOM examination, from a folder or a zip, as a stack with its place and its heart beat.

Slices run from base to apex along the plane's normal: of its two directions the one nearer to left, front and feet, where
the apex of an average heart lies. Phases run by trigger time. Rows and columns stay as the scanner shows them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Int

from cardiolens.errors import BadImage
from cardiolens.formats.cmr.dicom_files import dicom_files
from cardiolens.formats.cmr.dicom_headers import Headers, read_headers
from cardiolens.formats.cmr.dicom_pixels import read_pixels
from cardiolens.formats.cmr.heart_rate import CmrStudy, beat_of
from cardiolens.formats.cmr.short_axis import choose_short_axis
from cardiolens.formats.cmr.slice_stack import SliceStack, build_stack
from cardiolens.imaging.stack_geometry import PlacedCine, StackGeometry
from cardiolens.privacy import display_name
from cardiolens.types import CineStack

MOST_VALUES = 128 << 20
"""Of a whole stack: 512 MiB in single precision; 12 slices of 50 phases of 256 x 256 pixels are 39 million."""

_SEEN_SHIFT_PX = 0.1


def read_dicom_cine(path: Path) -> CmrStudy:
    """The short-axis cine in a folder (with all folders in it), a zip archive, or a single file.

    `spacing_mm` is measured between slices where there are several; of a single one it is what the header says, or NaN.
    Notes say what was left out, filled up or moved.

    Raises:
        BadImage: there is no short-axis cine, it has gaps, its pixels cannot be read, or the files are too many or too large.
        NoSpace: the temporary folder is full.
    """
    source = display_name(path)
    with dicom_files(path) as found:
        try:
            return read_dicom_pictures(found.files, source, refused=found.refused)
        except BadImage as error:
            if not found.refused:
                raise
            said = f"{error.found}; {len(found.refused)} members could not be unpacked ({found.refused[0]})"
            raise BadImage(source, found=said, expected=error.expected, remedy=error.remedy) from error


def read_dicom_pictures(files: Iterable[Path], source: str, *, refused: tuple[str, ...] = ()) -> CmrStudy:
    """As `read_dicom_cine`, of files that were found already. `refused` says which were not given, for the notes."""
    try:
        stack, frames, notes = _whole_pictures(read_headers(files), source)
    except OSError as error:
        reason = f"a file that cannot be read ({error.strerror or type(error).__name__})"
        raise BadImage(source, found=reason, expected="readable files", remedy="check that you may read it") from error
    if refused:
        notes += (f"{len(refused)} members of the archive were not unpacked: {refused[0]}",)
    frames, geometry, moved = _aligned(frames, stack, source)
    spacing, unmeasured = _slice_spacing(stack)
    stated = [run.rr_ms for run in stack.runs if run.rr_ms is not None]
    beat = beat_of(stack.trigger_ms, stated)
    cine = CineStack(
        frames=frames,
        spacing_mm=(spacing, *stack.runs[0].frames[0].pixel_mm),
        trigger_ms=stack.trigger_ms,
        source=source,
        notes=(*notes, *stack.notes, *moved, *unmeasured, *beat.notes),
    )
    days = [frame.day for run in stack.runs for frame in run.frames if frame.day is not None]
    return CmrStudy(PlacedCine(cine, geometry), beat.rr_ms, beat.source, min(days, default=None))


def _whole_pictures(
    headers: Headers, source: str
) -> tuple[SliceStack, Float32[np.ndarray, "phase slice height width"], tuple[str, ...]]:
    """The stack that can be built without pictures whose pixels turn out to be damaged."""
    while True:
        plane, notes = choose_short_axis(headers, source)
        stack = build_stack(plane, source)
        frames, damaged = _frames(stack, source)
        if not damaged:
            return stack, frames, notes
        left_out = headers.left_out + Counter({"pictures with damaged pixels": len(damaged)})
        headers = Headers(tuple(frame for frame in headers.frames if frame.file not in damaged), left_out)


def _frames(stack: SliceStack, source: str) -> tuple[Float32[np.ndarray, "phase slice height width"], set[Path]]:
    """The pixels, and the files that turned out to have none."""
    first = stack.runs[0].frames[0].pixels
    shape = (len(stack.trigger_ms), len(stack.runs), first.rows, first.columns)
    if np.prod(shape, dtype=np.int64) > MOST_VALUES:
        found = f"a stack of {' x '.join(map(str, shape))} values"
        raise BadImage(source, found=found, expected=f"at most {MOST_VALUES >> 20} million", remedy="leave out phases")
    frames = np.empty(shape, dtype=np.float32)
    damaged: set[Path] = set()
    for index, run in enumerate(stack.runs):
        for phase, frame in enumerate(run.frames):
            pixels = read_pixels(frame, source)
            if pixels is None:
                damaged.add(frame.file)
            else:
                frames[phase, index] = pixels
    return frames, damaged


def _slice_spacing(stack: SliceStack) -> tuple[float, tuple[str, ...]]:
    if stack.spacing_mm is not None:
        return stack.spacing_mm, ()
    frame = stack.runs[0].frames[0]
    if frame.slice_spacing_mm is not None:
        return frame.slice_spacing_mm, ("a single slice; the spacing is the one its header states",)
    if frame.thickness_mm is not None:
        return frame.thickness_mm, ("a single slice; in place of a spacing stands its thickness",)
    return float("nan"), ("a single slice of unknown thickness",)


def _aligned(
    frames: Float32[np.ndarray, "phase slice height width"], stack: SliceStack, source: str
) -> tuple[Float32[np.ndarray, "phase slice height width"], StackGeometry, tuple[str, ...]]:
    """The slices moved by whole pixels to lie behind one another, and the place of the first of them."""
    firsts = [run.frames[0] for run in stack.runs]
    row, column = np.array(firsts[0].along_row), np.array(firsts[0].along_column)
    normal = np.array(stack.plane.normal)
    origins = np.array([frame.position_mm for frame in firsts])
    in_plane = np.stack([origins @ column / firsts[0].pixel_mm[0], origins @ row / firsts[0].pixel_mm[1]], axis=1)
    # The median slice stays where it is, so that one that lies apart moves none of the others.
    middle = int(np.abs(in_plane - np.median(in_plane, axis=0)).sum(axis=1).argmin())
    shift_px = in_plane - in_plane[middle]
    origin = origins[middle] + (origins[0] - origins[middle]) @ normal * normal
    directions = (tuple(map(float, vector)) for vector in (row, column, normal))
    geometry = StackGeometry((float(origin[0]), float(origin[1]), float(origin[2])), *directions)
    largest = np.abs(shift_px).max()
    if largest <= _SEEN_SHIFT_PX:
        return frames, geometry, ()
    whole: Int[np.ndarray, "slice 2"] = np.round(shift_px).astype(int)
    if (np.abs(whole) * 2 > frames.shape[2:]).any():
        found = f"slices {largest:.0f} pixels beside one another"
        raise BadImage(source, found=found, expected="slices behind one another", remedy="give the short-axis series alone")
    moved = np.stack([_moved(frames[:, index], *shift) for index, shift in enumerate(whole.tolist())], axis=1)
    left = np.abs(shift_px - whole).max()
    note = f"slices lie up to {largest:.1f} pixels beside one another; moved by whole pixels, {left:.1f} at most remain"
    return moved, geometry, (note,)


def _moved(frames: Float[np.ndarray, "phase height width"], rows: int, columns: int) -> Float[np.ndarray, "phase height width"]:
    """The pictures so many pixels further down and to the right, with zeros where nothing is known."""
    if rows == columns == 0:
        return frames
    out = np.zeros_like(frames)
    height, width = frames.shape[1:]
    to_rows, to_columns = slice(max(rows, 0), height + min(rows, 0)), slice(max(columns, 0), width + min(columns, 0))
    from_rows, from_columns = slice(max(-rows, 0), height - max(rows, 0)), slice(max(-columns, 0), width - max(columns, 0))
    out[:, to_rows, to_columns] = frames[:, from_rows, from_columns]
    return out
