"""What the header of each MR picture says about its place, its time and its pixels, and what other files there are.

Nothing of the patient is read. Values are taken from bytes, so that no warning of pydicom's quotes one. A file that is
damaged, cut off or no picture is counted and left out: whether the stack lacks it shows later.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from cardiolens.errors import BadRecording
from cardiolens.formats.bounds import shown
from cardiolens.formats.dicom.elements import MOST_BYTES, Item, is_dicom, read_data_set, read_meta
from cardiolens.formats.timestamp import day

MOST_PIXELS = 1 << 22
"""Of one picture: 2048 x 2048; cine pictures have 128 to 512 on a side."""

NATIVE = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"}
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT = "1.2.840.10008.1.2.1"

_HEAD_BYTES = 132
_MR_IMAGE, _DIRECTORY = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.1.3.10"
_ENHANCED_MR = {"1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.3", "1.2.840.10008.5.1.4.1.1.4.4"}
_IMAGE_TYPE, _ACQUIRED, _SERIES_TIME, _CONTENT_TIME, _MODALITY = 0x00080008, 0x00080032, 0x00080031, 0x00080033, 0x00080060
_STUDY_DAY, _DAY = 0x00080020, 0x00080022
_DESCRIPTION, _PROTOCOL, _SEQUENCE_NAME = 0x0008103E, 0x00181030, 0x00180024
_STUDY_UID, _SERIES_UID, _SERIES_NUMBER, _ACQUISITION, _INSTANCE = 0x0020000D, 0x0020000E, 0x00200011, 0x00200012, 0x00200013
_POSITION, _ORIENTATION, _PIXEL_SPACING = 0x00200032, 0x00200037, 0x00280030
_THICKNESS, _SLICE_SPACING = 0x00180050, 0x00180088
_TRIGGER, _INTERVAL, _HEART_RATE, _NUM_IMAGES = 0x00181060, 0x00181062, 0x00181088, 0x00181090
_SAMPLES, _PHOTOMETRIC, _NUM_FRAMES, _ROWS, _COLUMNS = 0x00280002, 0x00280004, 0x00280008, 0x00280010, 0x00280011
_ALLOCATED, _STORED, _HIGH_BIT, _SIGNED, _INTERCEPT, _SLOPE = (
    0x00280100, 0x00280101, 0x00280102, 0x00280103, 0x00281052, 0x00281053,
)  # fmt: skip
_VALUES = frozenset({
    _IMAGE_TYPE, _ACQUIRED, _SERIES_TIME, _CONTENT_TIME, _MODALITY, _DESCRIPTION, _PROTOCOL, _SEQUENCE_NAME, _STUDY_UID,
    _SERIES_UID, _SERIES_NUMBER, _ACQUISITION, _INSTANCE, _POSITION, _ORIENTATION, _PIXEL_SPACING, _THICKNESS,
    _SLICE_SPACING, _TRIGGER, _INTERVAL, _HEART_RATE, _NUM_IMAGES, _SAMPLES, _PHOTOMETRIC, _NUM_FRAMES, _ROWS, _COLUMNS,
    _ALLOCATED, _STORED, _HIGH_BIT, _SIGNED, _INTERCEPT, _SLOPE, _STUDY_DAY, _DAY,
})  # fmt: skip
_NOT_DICOM, _DAMAGED = "files that are not DICOM", "damaged files"
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class PixelFormat:
    """How the numbers of a picture are stored."""

    syntax: str
    """UID of the transfer syntax."""
    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    inverted: bool
    """Low numbers are bright (MONOCHROME1)."""
    slope: float
    intercept: float


@dataclass(frozen=True)
class FrameHeader:
    """One MR picture. Positions and directions are DICOM's, in LPS; what a file leaves out is None."""

    file: Path
    pixels: PixelFormat
    position_mm: Triple
    along_row: Triple
    along_column: Triple
    pixel_mm: tuple[float, float]
    """Between rows and between columns."""
    thickness_mm: float | None
    slice_spacing_mm: float | None
    study: str
    series: str
    series_number: int
    acquisition: int
    instance: int
    acquired: tuple[float, float]
    """Times of day of acquisition and of content, in HHMMSS; -1 where they are missing."""
    trigger_ms: float | None
    rr_ms: float | None
    """The heart beat as the header states it."""
    planned_phases: int
    """Pictures per beat that were asked for; 0 where that is not said."""
    kind: tuple[str, ...]
    """ImageType."""
    words: str
    """Description, protocol and sequence in small letters: hints, never shown."""
    day: date | None = None
    """When it was taken."""


@dataclass(frozen=True)
class Headers:
    """The MR pictures among some files, and how many others of each kind there were."""

    frames: tuple[FrameHeader, ...]
    left_out: Counter[str]


def read_headers(files: Iterable[Path]) -> Headers:
    """The headers of all MR pictures with one frame; other files are counted by what they are.

    Raises:
        OSError: a file cannot be read.
    """
    frames: list[FrameHeader] = []
    left_out: Counter[str] = Counter()
    for file in files:
        found = _read(file)
        if isinstance(found, FrameHeader):
            frames.append(found)
        elif found:
            left_out[found] += 1
    return Headers(tuple(frames), left_out)


def study_of(file: Path) -> str | None:
    """The UID of the examination that a file belongs to, or None where it is no picture."""
    found = _read(file)
    return found.study if isinstance(found, FrameHeader) else None


def _read(file: Path) -> FrameHeader | str:
    with file.open("rb") as opened:
        head = opened.read(_HEAD_BYTES)
    if not is_dicom(head):
        return _NOT_DICOM
    if file.stat().st_size > MOST_BYTES:
        return f"files larger than {MOST_BYTES >> 20} MiB"
    try:
        meta = read_meta(file)
        if meta.sop_class == _DIRECTORY:
            return "tables of contents (DICOMDIR)"
        if meta.sop_class in _ENHANCED_MR:
            return "Enhanced MR files, which hold several frames"
        # Before compressed pixels the data set itself is always explicit little-endian.
        plain = meta.syntax in NATIVE or meta.syntax == DEFLATED
        item = read_data_set(file, meta if plain else replace(meta, syntax=EXPLICIT), _VALUES, ())
    except BadRecording:
        return _DAMAGED
    modality = shown(item.text(_MODALITY))
    if not modality and meta.sop_class == _MR_IMAGE:
        return _DAMAGED
    if modality != "MR":
        return f"files of modality {modality or 'unknown'}"
    if meta.sop_class != _MR_IMAGE:
        return "MR files that hold no plain picture"
    if (item.number(_NUM_FRAMES) or 1) != 1:
        return "MR files with several frames"
    return _frame(file, item, meta.syntax)


def _frame(file: Path, item: Item, syntax: str) -> FrameHeader | str:
    pixels = _pixel_format(item, syntax)
    if isinstance(pixels, str):
        return pixels
    position, spacing = _numbers(item, _POSITION, 3), _numbers(item, _PIXEL_SPACING, 2)
    axes = _axes(_numbers(item, _ORIENTATION, 6))
    if position is None or axes is None or spacing is None or not all(0.05 < mm < 50 for mm in spacing):
        return "MR pictures without place or pixel size"
    heart_rate = _positive(item, _HEART_RATE)
    return FrameHeader(
        file=file, pixels=pixels, position_mm=_triple(position), along_row=axes[0], along_column=axes[1],
        pixel_mm=(spacing[0], spacing[1]), thickness_mm=_positive(item, _THICKNESS),
        slice_spacing_mm=_positive(item, _SLICE_SPACING), study=item.text(_STUDY_UID), series=item.text(_SERIES_UID),
        series_number=_whole(item, _SERIES_NUMBER), acquisition=_whole(item, _ACQUISITION), instance=_whole(item, _INSTANCE),
        acquired=(_time_of_day(item, _ACQUIRED, _SERIES_TIME), _time_of_day(item, _CONTENT_TIME)),
        trigger_ms=_moment(item),
        rr_ms=_positive(item, _INTERVAL) or (60_000 / heart_rate if heart_rate else None),
        planned_phases=_whole(item, _NUM_IMAGES), kind=tuple(item.text(_IMAGE_TYPE).upper().split("\\")),
        words=" ".join(item.text(tag) for tag in (_DESCRIPTION, _PROTOCOL, _SEQUENCE_NAME)).lower(),
        day=day(item.text(_DAY)) or day(item.text(_STUDY_DAY)),
    )  # fmt: skip


def _pixel_format(item: Item, syntax: str) -> PixelFormat | str:
    tags = (_ROWS, _COLUMNS, _ALLOCATED, _STORED, _HIGH_BIT, _SIGNED)
    rows, columns, allocated, stored, high, signed = (next(iter(item.integers(tag, 2)), 0) for tag in tags)
    photometric = item.text(_PHOTOMETRIC)
    if next(iter(item.integers(_SAMPLES, 2)), 1) != 1 or photometric not in {"MONOCHROME1", "MONOCHROME2", ""}:
        return "MR pictures in colour"
    slope = item.number(_SLOPE) if item.text(_SLOPE) else 1.0
    intercept = item.number(_INTERCEPT) if item.text(_INTERCEPT) else 0.0
    high = high or stored - 1
    sound = rows > 0 and columns > 0 and allocated in {8, 16, 32} and 0 < stored <= high + 1 <= allocated
    if not sound or slope is None or intercept is None or not 0 < abs(slope) < 1e9 or abs(intercept) > 1e12:
        return _DAMAGED
    if rows * columns > MOST_PIXELS:
        return f"pictures of more than {MOST_PIXELS >> 20} Mi pixels"
    return PixelFormat(
        syntax, rows, columns, allocated, stored, high, bool(signed), photometric == "MONOCHROME1", slope, intercept
    )


def _axes(directions: tuple[float, ...] | None) -> tuple[Triple, Triple] | None:
    """Two perpendicular unit vectors, or None where the header's are not nearly that."""
    if directions is None:
        return None
    row, column = np.reshape(directions, (2, 3))
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if not all(0.99 < length < 1.01 for length in lengths) or abs(row @ column) > 0.01:
        return None
    row = row / lengths[0]
    column = column - (column @ row) * row
    return _triple(row), _triple(column / np.linalg.norm(column))


def _numbers(item: Item, tag: int, count: int) -> tuple[float, ...] | None:
    try:
        numbers = tuple(float(part) for part in item.text(tag).split("\\"))
    except ValueError:
        return None
    return numbers if len(numbers) == count and all(abs(number) < 1e5 for number in numbers) else None


def _positive(item: Item, tag: int) -> float | None:
    number = item.number(tag)
    return number if number is not None and 0 < number < 1e6 else None


def _moment(item: Item) -> float | None:
    number = item.number(_TRIGGER)
    return number if number is not None and abs(number) < 1e6 else None


def _whole(item: Item, tag: int) -> int:
    number = item.number(tag)
    return int(number) if number is not None and 0 <= number < 1 << 31 else 0


def _time_of_day(item: Item, *tags: int) -> float:
    """The first of these times that there is, as the number its digits make: later is larger within a day."""
    found = (item.number(tag) for tag in tags)
    return next((time for time in found if time is not None and math.isfinite(time)), -1.0)


def _triple(values: Iterable[float]) -> Triple:
    x, y, z = map(float, values)
    return x, y, z
