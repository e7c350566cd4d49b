"""The header of a WFDB record, read strictly and before any file that it names is touched.

A header names files and promises lengths, so it is where an unsafe record would act. What is understood here: one
segment, leads sampled together, integer formats without compression. Recording time and date are not needed, and an
ill-formed one (some challenge files) is passed over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import NoReturn

from cardiolens.errors import BadRecording
from cardiolens.formats.bounds import refuse_too_many_samples
from cardiolens.formats.statements import Persons

BYTES_PER_SAMPLE = {
    **dict.fromkeys(("16", "61", "160"), Fraction(2)),
    "24": Fraction(3),
    "32": Fraction(4),
    "80": Fraction(1),
    "212": Fraction(3, 2),
}
"""Size of a sample in each format that is read."""

_MOST_BYTES = 1 << 18
_MOST_SIGNALS = 256
# WFDB has no place for persons; comments that begin so name them.
_OF_PERSONS = re.compile(
    r"\b(?:name|patient|subject|physician|doctor|operator|technician|nurse|mrn|id|dob|born|birth)\b", re.IGNORECASE
)
_NUMBER = r"\d{1,15}"
_FLOAT = r"[+-]?(?:\d{1,15}\.?\d{0,15}|\.\d{1,15})(?:[eE][+-]?\d{1,3})?"
_RECORD = re.compile(
    rf"(?P<name>[^\s/]+)(?P<segments>/{_NUMBER})?\s+(?P<signals>{_NUMBER})"
    rf"(?:\s+(?P<rate>{_FLOAT})(?:/{_FLOAT}(?:\({_FLOAT}\))?)?(?:\s+(?P<samples>{_NUMBER})(?:\s+(?P<moment>.*))?)?)?\s*"
)
_SIGNAL = re.compile(
    rf"(?P<file>\S+)\s+(?P<format>{_NUMBER})(?:x(?P<per_frame>{_NUMBER}))?(?::(?P<skew>{_NUMBER}))?(?:\+(?P<offset>{_NUMBER}))?"
    rf"(?:\s+(?P<gain>{_FLOAT})(?:\((?P<baseline>[+-]?{_NUMBER})\))?(?:/(?P<unit>\S+))?(?:\s+{_NUMBER}(?:\s+(?P<zero>[+-]?{_NUMBER})"
    rf"(?:\s+[+-]?{_NUMBER}(?:\s+[+-]?{_NUMBER}(?:\s+{_NUMBER}(?:\s+(?P<lead>.*\S))?)?)?)?)?)?)?\s*"
)


@dataclass(frozen=True)
class WfdbSignal:
    """One lead: where its samples lie and what they mean. Physical value = (sample - baseline) / gain, in `unit`."""

    file: str
    format: str
    byte_offset: int
    gain: float
    """Zero where the header says none."""
    baseline: int
    unit: str | None
    lead: str


@dataclass(frozen=True)
class WfdbHeader:
    """One record. `num_samples` is per lead, zero where the header leaves it to the size of the files."""

    rate_hz: float
    num_samples: int
    signals: tuple[WfdbSignal, ...]
    comments: tuple[str, ...]
    recorded_at: datetime | None


def looks_like_header(head: bytes) -> bool:
    """Whether a file that begins like this is a WFDB header: a record line, then a signal line."""
    lines = _lines(head.decode("latin-1"))[0]
    record = _RECORD.fullmatch(lines[0]) if lines else None
    if record is None:
        return False
    return bool(record["segments"]) or (len(lines) > 1 and _SIGNAL.fullmatch(lines[1]) is not None)


def read_header(path: Path) -> WfdbHeader:
    """The header, or a refusal; no other file is opened.

    Raises:
        BadRecording: a line is not understood, the sampling rate is missing, the promised length is beyond all reason, or
            the record has several segments, leads of several rates, or a format that is not read.
    """
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        _refuse(path, f"a header of more than {_MOST_BYTES >> 10} KiB", "a few lines", "use the record's own header")
    lines, comments = _lines(_decoded(content))
    record = _RECORD.fullmatch(lines[0]) if lines else None
    if record is None:
        _refuse(path, "no record line", "name, number of leads, rate, number of samples", "mend the header's first line")
    if record["segments"]:
        _refuse(path, "a record of several segments", "one segment", "read its segments one by one")
    if record["rate"] is None or not 0 < float(record["rate"]) < 1e6:
        _refuse(path, f"a sampling rate of {record['rate'] or 'nothing'}", "a rate in Hz", "add it to the header's first line")
    num_signals, num_samples = int(record["signals"]), int(record["samples"] or 0)
    if not 0 < num_signals <= _MOST_SIGNALS:
        _refuse(path, f"{num_signals} leads", f"1 to {_MOST_SIGNALS}", "use a 12-lead record")
    refuse_too_many_samples(path, num_signals, num_samples)
    if len(lines) - 1 != num_signals:
        _refuse(path, f"{len(lines) - 1} signal lines", f"{num_signals}, as the first line says", "use the whole header")
    persons = _persons(comments)
    return WfdbHeader(
        rate_hz=float(record["rate"]),
        num_samples=num_samples,
        signals=tuple(_signal(path, line, number, persons) for number, line in enumerate(lines[1:], start=1)),
        comments=comments,
        recorded_at=_moment(record["moment"] or ""),
    )


def _signal(path: Path, line: str, number: int, persons: Persons) -> WfdbSignal:
    fields = _SIGNAL.fullmatch(line)
    if fields is None:
        _refuse(path, f"signal line {number} not understood", "file, format, gain, ... as WFDB defines", "mend the line")
    if fields["format"] not in BYTES_PER_SAMPLE:
        _refuse(
            path,
            f"signal format {fields['format']}",
            f"one of {', '.join(sorted(BYTES_PER_SAMPLE, key=int))}",
            "convert the record, for instance by WFDB's xform",
        )
    if int(fields["per_frame"] or 1) != 1 or int(fields["skew"] or 0) != 0:
        _refuse(path, "leads of several rates or with skew", "leads sampled together", "resample the record to one rate")
    return WfdbSignal(
        file=fields["file"],
        format=fields["format"],
        byte_offset=int(fields["offset"] or 0),
        gain=float(fields["gain"] or 0),
        baseline=int(fields["baseline"] or fields["zero"] or 0),
        unit=fields["unit"],
        lead=persons.shown(fields["lead"] or f"signal {number}"),
    )


def _persons(comments: tuple[str, ...]) -> Persons:
    spoken_of = tuple(comment for comment in comments if _OF_PERSONS.search(comment))
    return Persons(names=spoken_of, numbers=spoken_of)


def _lines(text: str) -> tuple[list[str], tuple[str, ...]]:
    lines = [line.strip() for line in text.splitlines()]
    comments = tuple(line[1:].strip() for line in lines if line.startswith("#"))
    return [line for line in lines if line and not line.startswith("#")], comments


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _moment(text: str) -> datetime | None:
    for layout in ("%H:%M:%S %d/%m/%Y", "%H:%M:%S.%f %d/%m/%Y"):
        try:
            return datetime.strptime(text.strip(), layout)
        except ValueError:
            continue
    return None


def _refuse(path: Path, found: str, expected: str, remedy: str) -> NoReturn:
    raise BadRecording(path, found=found, expected=expected, remedy=remedy)
