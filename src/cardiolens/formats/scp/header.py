"""Section 1 of an SCP-ECG record: who made the recording, when and of whom.

Names, numbers and birth dates are not kept, nor what somebody typed in as free text.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time

from cardiolens.formats.patient import whole_years, years
from cardiolens.formats.scp.sections import Section
from cardiolens.formats.statements import Persons

_AGE, _BIRTH, _SEX, _DEVICE, _DATE, _TIME, _END = 4, 5, 8, 14, 25, 26, 255
# Last, first and second last name of the patient; the physicians who referred and confirmed; the technician.
_NAMES = (0, 1, 3, 20, 21, 22)
# The patient's, and that of the examination.
_NUMBERS = (2, 31)
# By number; 0 leaves the unit open.
_AGE_UNITS = {1: "years", 2: "months", 3: "weeks", 4: "days", 5: "hours"}
_SEXES = {1: "M", 2: "F"}
_MODEL = slice(8, 14)
_LANGUAGE_AT, _PROGRAM_AT = 16, 35
_MAKER = 3
_MAKERS = (
    "", "Burdick", "Cambridge", "Compumed", "Datamed", "Fukuda", "Hewlett-Packard", "Marquette Electronics",
    "Mortara Instruments", "Nihon Kohden", "Okin", "Quinton", "Siemens", "SpaceLabs", "Telemed", "Hellige", "Esaote",
    "Schiller",
)  # fmt: skip
_ENCODINGS = {
    0x03: "iso8859-2",
    0x0B: "iso8859-4",
    0x13: "iso8859-5",
    0x1B: "iso8859-6",
    0x23: "iso8859-7",
    0x2B: "iso8859-8",
    0x33: "iso8859-11",
    0x3B: "iso8859-15",
    0x07: "utf-16-le",
    0x1F: "euc-jp",
    0x27: "gb2312",
    0x2F: "euc-kr",
}


@dataclass(frozen=True)
class ScpHeader:
    """What is kept of section 1, and how the record writes its texts."""

    age_years: float | None = None
    sex: str | None = None
    device: str | None = None
    recorded_at: datetime | None = None
    encoding: str = "latin-1"
    persons: Persons = field(default_factory=Persons)
    """To be looked for in other texts; they go no further."""


def read_header(section: Section) -> ScpHeader:
    """The fields of section 1. Age is the one written, or else the whole years from birth to recording.

    Raises:
        BadRecording: a field reaches beyond the section.
    """
    tags: dict[int, bytes] = {}
    for tag, value in _tags(section):
        tags.setdefault(tag, value)
    machine = tags.get(_DEVICE, b"")
    encoding = _ENCODINGS.get(machine[_LANGUAGE_AT], "latin-1") if len(machine) > _LANGUAGE_AT else "latin-1"
    (sex,) = _numbers("B", tags.get(_SEX, b"")) or (0,)
    names, numbers = (tuple(text(tags.get(tag, b""), encoding) for tag in kind) for kind in (_NAMES, _NUMBERS))
    born = _day(tags.get(_BIRTH, b""))
    persons = Persons(names, numbers, () if born is None else (born,))
    return ScpHeader(
        age_years=_age(tags),
        sex=_SEXES.get(sex),
        device=persons.kept(_device(machine, encoding)),
        recorded_at=_moment(tags),
        encoding=encoding,
        persons=persons,
    )


def text(value: bytes, encoding: str) -> str:
    """A text up to the zero that ends it, in one line. What is UTF-8, as in newer records, is read so whatever is declared."""
    try:
        whole = value.decode("utf-8" if encoding != "utf-16-le" else encoding)
    except UnicodeDecodeError:
        whole = value.decode(encoding, "replace")
    shown = (letter if letter.isprintable() else " " for letter in whole.partition("\0")[0])
    return " ".join("".join(shown).split())


def _tags(section: Section) -> Iterator[tuple[int, bytes]]:
    at = 0
    # Behind the last field there may be its end mark, or only what makes the section even.
    while at + 3 <= len(section.content) and section.content[at] != _END:
        tag, size = section.fields("BH", at)
        yield tag, section.piece(size, at + 3)
        at += 3 + size


def _numbers(form: str, value: bytes) -> tuple[int, ...] | None:
    return struct.unpack_from("<" + form, value) if len(value) >= struct.calcsize("<" + form) else None


def _day(value: bytes) -> date | None:
    try:
        return date(*(_numbers("HBB", value) or (0, 0, 0)))
    except ValueError:
        return None


def _moment(tags: Mapping[int, bytes]) -> datetime | None:
    day, clock = _day(tags.get(_DATE, b"")), _numbers("BBB", tags.get(_TIME, b""))
    try:
        return datetime.combine(day, time(*clock)) if day and clock else None
    except ValueError:
        return None


def _age(tags: Mapping[int, bytes]) -> float | None:
    age, unit = _numbers("HB", tags.get(_AGE, b"")) or (0, 0)
    if unit in _AGE_UNITS:
        return years(str(age), _AGE_UNITS[unit])
    return whole_years(born=_day(tags.get(_BIRTH, b"")), on=_day(tags.get(_DATE, b"")))


def _device(machine: bytes, encoding: str) -> str:
    """Maker and model. The maker's name stands behind four other texts, or is given by number."""
    if len(machine) < _MODEL.stop:
        return ""
    rest = machine[_PROGRAM_AT:]
    texts = rest[1 + rest[0] :].split(b"\0") if rest else []
    maker = text(texts[_MAKER], encoding) if len(texts) > _MAKER else ""
    return f"{maker or ''.join(_MAKERS[machine[7] : machine[7] + 1])} {text(machine[_MODEL], encoding)}"
