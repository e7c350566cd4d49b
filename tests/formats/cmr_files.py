"""Small MRI examinations of nobody as files, with the oddities that real ones have."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
from cine_stacks import oblique_geometry, small_stack
from pydicom import Dataset

from cardiolens.formats.cmr_dicom import Examination, Series, dicom_files
from cardiolens.imaging.stack_geometry import StackGeometry, one_slice
from cardiolens.types import CineStack

VISIT = Examination("made up", datetime(2016, 5, 4, 9, 30, 0), uid_key=b"key")
RR_MS = 172.0 / 0.2
PHASES, SLICES = 8, 5


def whole_stack(phases: int = PHASES, slices: int = SLICES) -> CineStack:
    """Phases over a beat of 860 ms."""
    return replace(small_stack(phases=phases, slices=slices, masks=False), trigger_ms=np.arange(phases) * (RR_MS / phases))


def pictures(
    cine: CineStack | None = None, geometry: StackGeometry | None = None, *, number: int = 1, description: str = "cine",
    rr_ms: float = RR_MS, visit: Examination = VISIT,
) -> list[Dataset]:  # fmt: skip
    """One series of a whole stack, slice by slice in order of time."""
    cine = whole_stack() if cine is None else cine
    series = Series(
        cine, geometry or oblique_geometry(), description, number=number, thickness_mm=8.0, rr_ms=rr_ms,
        planned_phases=len(cine.frames),
    )  # fmt: skip
    return [pydicom.dcmread(io.BytesIO(file.content)) for file in dicom_files(series, visit)]


def series_per_slice(cine: CineStack | None = None, geometry: StackGeometry | None = None) -> list[list[Dataset]]:
    """A series per slice from base to apex, each with its own heart beat, as in UK Biobank."""
    cine = whole_stack() if cine is None else cine
    series = []
    for index in range(cine.frames.shape[1]):
        alone, place = one_slice(cine, geometry or oblique_geometry(), index)
        longer = 1 + 0.01 * (index - cine.frames.shape[1] // 2)
        alone = replace(alone, trigger_ms=alone.trigger_ms * longer)
        name = f"CINE_segmented_SAX_b{index + 1}"
        series.append(pictures(alone, place, number=index + 1, description=name, rr_ms=RR_MS * longer))
    return series


def long_axis_geometry(turn: int = 0) -> StackGeometry:
    """A plane along the heart's axis, one of several around it."""
    short = oblique_geometry()
    angle = np.radians(60.0 * turn)
    around = np.cos(angle) * np.array(short.along_row) + np.sin(angle) * np.array(short.along_column)
    across = np.cross(around, short.along_slices)
    return StackGeometry(short.origin_mm, *(tuple(map(float, axis)) for axis in (around, short.along_slices, across)))


def changed(frames: Iterable[Dataset], change: Callable[[Dataset], object]) -> list[Dataset]:
    """The pictures after `change` of each."""
    frames = list(frames)
    for frame in frames:
        change(frame)
    return frames


def encoded(frame: Dataset) -> bytes:
    """A picture as a file."""
    stream = io.BytesIO()
    frame.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def write_folder(folder: Path, frames: Iterable[Dataset], *, seed: int = 0) -> Path:
    """Every picture in a file whose name says nothing of its order and has no suffix."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = list(frames)
    taken = len(list(folder.iterdir()))
    for name, frame in zip(np.random.default_rng(seed).permutation(len(frames)), frames, strict=True):
        (folder / f"{name + taken:05d}").write_bytes(encoded(frame))
    return folder


def write_zip(path: Path, frames: Iterable[Dataset], beside: dict[str, bytes] | None = None) -> Path:
    """The same in a zip, with other members beside them."""
    frames = list(frames)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, frame in zip(np.random.default_rng(0).permutation(len(frames)), frames, strict=True):
            archive.writestr(f"{name:05d}", encoded(frame))
        for name, content in (beside or {}).items():
            archive.writestr(name, content)
    return path
