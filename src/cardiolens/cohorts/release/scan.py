"""A synthetic cine as the scanner's series, and the zip UK Biobank gives them out in (field 20209).

One series per slice, from base to apex, each a breath-hold with a heart rate of its own. What real examinations hold
beside them is added on request: a slice that was broken off and repeated, a long-axis view, and the scanner's own copy
with drawn contours, which no reader may take for a scan.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from cardiolens.atomic import write_atomically
from cardiolens.formats.cmr_dicom import DicomFile, Examination, Series, dicom_files
from cardiolens.imaging.mask_cleanup import LV_CAVITY
from cardiolens.imaging.stack_geometry import StackGeometry, centred_geometry, long_axis_view, one_slice
from cardiolens.types import CineStack

SHORT_AXIS, LONG_AXIS = "CINE_segmented_SAX_b{}", "CINE_segmented_LAX_4Ch"
INLINE_COPY = "CINE_segmented_SAX_InlineVF"
MANIFEST_NAMES = ("manifest.cvs", "manifest.csv")
"""UK Biobank's zips mostly spell it the first way."""

_THICKNESS_SHARE = 0.8
"""8 mm of every 10: the rest is gap."""
_RR_SPREAD = 0.03
_HEART_CENTRE_MM = (20.0, -15.0, 0.0)
# From base to apex, and from the septum to the free wall: anatomical directions of an average heart, in LPS.
_BASE_TO_APEX, _TO_LATERAL = (0.68, -0.56, -0.47), (0.62, 0.74, -0.18)
_TILT_DEGREES, _SHIFT_MM = 9.0, 8.0
# Zip stores no earlier year; a fixed time keeps the bytes the same.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_ZIP_LEVEL = 1


@dataclass(frozen=True)
class ScanExtras:
    """What an examination holds beside one series per slice."""

    repeated_slice: int | None = None
    """Slice that was broken off half-way and repeated; the repetition is the later and the whole one."""
    long_axis: bool = False
    inline_copy: bool = False


def place_scan(cine: CineStack, rng: np.random.Generator) -> StackGeometry:
    """An oblique short-axis plane of a heart of average direction, tilted by some degrees and moved by some millimetres."""
    tilt = np.radians(_TILT_DEGREES) * rng.standard_normal((2, 3))
    through = _unit(np.array(_BASE_TO_APEX) + tilt[0])
    lateral = np.array(_TO_LATERAL) + tilt[1]
    along_row = _unit(lateral - (lateral @ through) * through)
    # The picture has the anterior wall on top; slices then run against the right-hand rule.
    along_column = np.cross(along_row, through)
    centre = np.array(_HEART_CENTRE_MM) + _SHIFT_MM * rng.standard_normal(3)
    axes = {"along_row": along_row, "along_column": along_column, "along_slices": through}
    return centred_geometry(cine, centre_mm=_triple(centre), **{name: _triple(axis) for name, axis in axes.items()})


def short_axis_examination(
    cine: CineStack, geometry: StackGeometry, *, rr_ms: float, extras: ScanExtras, rng: np.random.Generator
) -> Iterator[Series]:
    """The series of one examination in the order in which they were taken."""
    num_phases, num_slices = cine.frames.shape[:2]
    number = 1
    held_rr_ms = rr_ms * (1 + _RR_SPREAD * rng.standard_normal(num_slices))
    for index in range(num_slices):
        alone, place = one_slice(cine, geometry, index)
        held = float(held_rr_ms[index])
        alone = replace(alone, trigger_ms=cine.trigger_ms * (held / rr_ms))
        if index == extras.repeated_slice:
            yield _series(_first_half(alone), place, SHORT_AXIS.format(index + 1), number, held, num_phases)
            number += 1
        yield _series(alone, place, SHORT_AXIS.format(index + 1), number, held, num_phases)
        number += 1
    if extras.long_axis:
        view, place = long_axis_view(cine, geometry, row=_middle_of_cavity(cine))
        yield _series(view, place, LONG_AXIS, number, rr_ms, num_phases)
        number += 1
    if extras.inline_copy:
        yield _series(_with_contours(cine), geometry, INLINE_COPY, number, rr_ms, num_phases)


def write_zip(path: Path, series: Iterable[Series], examination: Examination, *, manifest_name: str) -> None:
    """All frames and a manifest in one flat zip; the same examination gives the same bytes.

    Raises:
        NoSpace: the disk is full.
    """
    lines = ["filename,patientid,date,seriesid,series discription"]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for one in series:
            # By name, as archives are packed: the order says nothing about time.
            for file in sorted(dicom_files(one, examination), key=lambda file: file.name):
                _add(archive, file.name, file.content)
                lines.append(_manifest_line(file, examination))
        _add(archive, manifest_name, ("\n".join(lines) + "\n").encode())
    write_atomically(path, content.getvalue())


def _series(
    cine: CineStack, geometry: StackGeometry, description: str, number: int, rr_ms: float, planned_phases: int
) -> Series:
    thickness = _THICKNESS_SHARE * cine.spacing_mm[0]
    return Series(cine, geometry, description, number, thickness, rr_ms, planned_phases)


def _first_half(cine: CineStack) -> CineStack:
    kept = max(len(cine.frames) // 2, 1)
    masks = None if cine.masks is None else cine.masks[:kept]
    return replace(cine, frames=cine.frames[:kept], trigger_ms=cine.trigger_ms[:kept], masks=masks)


def _middle_of_cavity(cine: CineStack) -> int:
    assert cine.masks is not None
    rows = np.nonzero(cine.masks[0] == LV_CAVITY)[1]
    return round(float(rows.mean())) if len(rows) else cine.frames.shape[2] // 2


def _with_contours(cine: CineStack) -> CineStack:
    """Outlines of the labels drawn into the picture in white, as the scanner's own evaluation does."""
    assert cine.masks is not None
    return replace(cine, frames=np.where(_outlines(cine.masks), cine.frames.max(), cine.frames), masks=None)


def _outlines(masks: UInt8[np.ndarray, "phase slice height width"]) -> Bool[np.ndarray, "phase slice height width"]:
    edges = np.zeros(masks.shape, dtype=bool)
    edges[..., 1:, :] |= masks[..., 1:, :] != masks[..., :-1, :]
    edges[..., 1:] |= masks[..., 1:] != masks[..., :-1]
    return edges


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=_ZIP_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content, compresslevel=_ZIP_LEVEL)


def _manifest_line(file: DicomFile, examination: Examination) -> str:
    # The comma in the date is as in UK Biobank: it makes one cell more than the header has.
    return f"{file.name},{examination.patient_id},{_written(examination.taken_at)},{file.series_uid},{file.description}"


def _written(moment: datetime) -> str:
    return f"{moment:%b} {moment.day}, {moment.year}"


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def _triple(vector: np.ndarray) -> tuple[float, float, float]:
    x, y, z = map(float, vector)
    return x, y, z
