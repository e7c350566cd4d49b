"""The header of an EDF, EDF+ or BDF file, read strictly: every size it promises is held against the file's own.

What is understood here: one continuous recording. Of the patient and recording lines, only what EDF+ gives a place is
looked at; in plain EDF they are free text and may hold anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import NoReturn

from cardiolens.errors import BadRecording
from cardiolens.formats.bounds import shown
from cardiolens.formats.statements import Persons

VERSIONS = {b"0       ": 2, b"\xffBIOSEMI": 3}
"""Bytes per sample by the first eight bytes of the file: EDF, BDF."""

_FIXED_BYTES = 256
_SIGNAL_WIDTHS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)
_MOST_SIGNALS = 512
_WHOLE = re.compile(r"[+-]?\d{1,8}")
_DECIMAL = re.compile(r"[+-]?(?:\d{1,8}\.?\d{0,8}|\.\d{1,8})(?:[eE][+-]?\d{1,2})?")
_LARGEST_NUMBER = 1e12
_HIGHEST_RATE_HZ = 1e6
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
# What EDF+ writes where the date is withheld, and clocks that were never set.
_NOT_A_DATE = date(1985, 1, 1)


@dataclass(frozen=True)
class EdfSignal:
    """One channel as the header describes it; `ranges` are (lowest, highest) digital, then physical, as written."""

    label: str
    dimension: str
    physical_range: tuple[str, str]
    digital_range: tuple[str, str]
    samples_per_record: int


@dataclass(frozen=True)
class EdfHeader:
    """One file: its channels, how many whole records of how many seconds hold them, and what EDF+ says around them."""

    signals: tuple[EdfSignal, ...]
    num_records: int
    record_s: float
    num_bytes: int
    bytes_per_sample: int
    recorded_at: datetime | None
    born: date | None
    """Only to count years from; it is never kept."""
    sex: str | None
    device: str | None
    notes: tuple[str, ...]

    def scale(self, path: Path, signal: EdfSignal) -> tuple[float, float]:
        """Physical value = count * first + second, in the channel's own dimension.

        Raises:
            BadRecording: a range is empty, no number, or wider than a sample can be.
        """
        low, high = (_whole(path, text, f"digital range of {signal.label}") for text in signal.digital_range)
        bottom, top = (_decimal(path, text, f"physical range of {signal.label}") for text in signal.physical_range)
        reach = 1 << (8 * self.bytes_per_sample - 1)
        if not -reach <= low < high < reach:
            _refuse(path, f"a digital range of {signal.label} from {low} to {high}", f"one within {-reach} to {reach - 1}")
        if bottom == top:
            _refuse(path, f"a physical range of {signal.label} from {bottom:g} to {top:g}", "two different numbers")
        gain = (top - bottom) / (high - low)
        return gain, bottom - low * gain


def looks_like_edf(head: bytes) -> bool:
    """Whether a file that begins like this is EDF or BDF: its version, and a header of a size that fits a number of signals."""
    if head[:8] not in VERSIONS or len(head) < _FIXED_BYTES:
        return False
    size, num_signals = head[184:192].strip(), head[252:256].strip()
    return size.isdigit() and num_signals.isdigit() and int(size) == _FIXED_BYTES * (int(num_signals) + 1)


def parse_header(path: Path, content: bytes) -> EdfHeader:
    """The header of the file whose whole content is given.

    Raises:
        BadRecording: a field is no number, a size does not fit the file, or the recording is discontinuous.
    """
    if not looks_like_edf(content):
        _refuse(path, "a header without version, size or number of signals", "an EDF or BDF header")
    fixed = _text(content[:_FIXED_BYTES], (8, 80, 80, 8, 8, 8, 44, 8, 8, 4))
    _, patient, recording, start_date, start_time, _, reserved, records, duration, _ = fixed
    if reserved.upper().startswith(("EDF+D", "BDF+D")):
        _refuse(path, "a discontinuous recording (EDF+D)", "a continuous one", "export it without gaps, as EDF or EDF+C")
    num_bytes = int(content[184:192])
    if len(content) < num_bytes:
        _refuse(path, f"a header cut off after {len(content)} bytes", f"{num_bytes} bytes", "copy the file again")
    if num_bytes > _FIXED_BYTES * (_MOST_SIGNALS + 1):
        _refuse(path, f"{num_bytes // _FIXED_BYTES - 1} signals", f"{_MOST_SIGNALS} at most", "export the ECG leads alone")
    bytes_per_sample = VERSIONS[content[:8]]
    plus = reserved.upper().startswith(("EDF+", "BDF+"))
    who, how = (patient.split(), recording.split()) if plus else ([], [])
    started = how[1] if len(how) > 1 and how[0].lower() == "startdate" else None
    born = _long_date(who[2]) if len(who) > 2 else None
    spoken_of = (patient, *(how[2:4] if started else [recording]))
    persons = Persons(spoken_of, spoken_of, () if born is None else (born,))
    signals = _signals(path, content[_FIXED_BYTES:num_bytes], persons)
    record_s = _decimal(path, duration, "duration of a record")
    if record_s < 0:
        _refuse(path, f"records of {record_s:g} s", "a length in seconds")
    record_bytes = bytes_per_sample * sum(signal.samples_per_record for signal in signals)
    if record_bytes == 0:
        _refuse(path, "no samples in a record", "some")
    num_records, notes = _num_records(path, records, len(content) - num_bytes, record_bytes)
    return EdfHeader(
        signals=signals,
        num_records=num_records,
        record_s=record_s,
        num_bytes=num_bytes,
        bytes_per_sample=bytes_per_sample,
        recorded_at=_moment(_short_date(start_date) if started is None else _long_date(started), start_time),
        born=born,
        sex=who[1] if len(who) > 1 else None,
        device=persons.kept(how[4].replace("_", " ")) if started and len(how) > 4 and how[4] != "X" else None,
        notes=notes,
    )


def rate_hz(path: Path, header: EdfHeader, signal: EdfSignal) -> float:
    """Samples of a channel per second.

    Raises:
        BadRecording: the channel has none, or its records have no length.
    """
    rate = signal.samples_per_record / header.record_s if header.record_s else float("inf")
    if not 0 < rate < _HIGHEST_RATE_HZ:
        found = f"{signal.samples_per_record} samples of {signal.label} in records of {header.record_s:g} s"
        _refuse(path, found, "a sampling rate above zero")
    return rate


def _signals(path: Path, fields: bytes, persons: Persons) -> tuple[EdfSignal, ...]:
    num_signals = len(fields) // sum(_SIGNAL_WIDTHS)
    columns, start = [], 0
    for width in _SIGNAL_WIDTHS:
        columns.append(_text(fields[start : start + width * num_signals], (width,) * num_signals))
        start += width * num_signals
    signals = []
    for label, _, dimension, bottom, top, low, high, _, samples, _ in zip(*columns, strict=True):
        name = persons.shown(label) or f"signal {len(signals) + 1}"
        num_samples = _whole(path, samples, f"number of samples of {name}")
        if num_samples < 0:
            _refuse(path, f"{num_samples} samples of {name} in a record", "a number of samples")
        signals.append(EdfSignal(name, dimension, (bottom, top), (low, high), num_samples))
    return tuple(signals)


def _num_records(path: Path, text: str, num_bytes: int, record_bytes: int) -> tuple[int, tuple[str, ...]]:
    """How many whole records there are, and what is odd about it. -1 is what a recorder writes until it is stopped."""
    declared, held = _whole(path, text, "number of records"), num_bytes // record_bytes
    if declared == -1 and held:
        return held, (f"number of records left open: read the {held} that are whole",)
    if declared < 1 or declared > held:
        _refuse(path, f"{held} whole records of samples", f"{text or 'some'}, as the header says", "copy the file again")
    beyond = num_bytes - declared * record_bytes
    return declared, (f"left out {beyond} bytes after the last record",) if beyond else ()


def _text(fields: bytes, widths: tuple[int, ...]) -> list[str]:
    texts, start = [], 0
    for width in widths:
        field = fields[start : start + width]
        start += width
        try:
            texts.append(field.decode("utf-8").strip(" \0"))
        except UnicodeDecodeError:
            texts.append(field.decode("latin-1").strip(" \0"))
    return texts


def _whole(path: Path, text: str, meaning: str) -> int:
    if _WHOLE.fullmatch(text) is None:
        _refuse(path, f"{meaning} {shown(text) or 'missing'}", "a whole number")
    return int(text)


def _decimal(path: Path, text: str, meaning: str) -> float:
    if _DECIMAL.fullmatch(text) is None or abs(float(text)) > _LARGEST_NUMBER:
        _refuse(path, f"{meaning} {shown(text) or 'missing'}", "a number")
    return float(text)


def _short_date(text: str) -> date | None:
    """dd.mm.yy, where EDF lets years from 85 be 19yy."""
    parts = re.fullmatch(r"(\d\d).(\d\d).(\d\d)", text)
    if parts is None:
        return None
    day, month, year = map(int, parts.groups())
    return _date(year + (1900 if year >= 85 else 2000), month, day)


def _long_date(text: str) -> date | None:
    """dd-MMM-yyyy with English months, as EDF+ writes dates."""
    parts = re.fullmatch(r"(\d{1,2})-([A-Z]{3})-(\d{4})", text.upper())
    if parts is None or parts[2] not in _MONTHS:
        return None
    return _date(int(parts[3]), _MONTHS.index(parts[2]) + 1, int(parts[1]))


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _moment(day: date | None, clock: str) -> datetime | None:
    parts = re.fullmatch(r"(\d\d).(\d\d).(\d\d)", clock)
    if day is None or day == _NOT_A_DATE or parts is None:
        return None
    try:
        return datetime.combine(day, time(*map(int, parts.groups())))
    except ValueError:
        return None


def _refuse(path: Path, found: str, expected: str, remedy: str = "export the recording again") -> NoReturn:
    raise BadRecording(path, found=found, expected=expected, remedy=remedy)
