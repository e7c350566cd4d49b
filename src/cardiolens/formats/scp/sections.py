"""Where the sections of an SCP-ECG record lie (EN 1064, ISO 11073-91064). What they mean is read elsewhere.

A record is a checksum, its own length and sections in any order; section 0 points to the others. All numbers are
little-endian, and places are counted from 1.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cardiolens.errors import BadRecording
from cardiolens.formats.bounds import read_bounded

MOST_BYTES = 2 << 20
"""A section counts the bytes of a lead in 16 bits, so 12 leads take 1.6 MB at the very most."""

_MARK = b"SCPECG"
_POINTERS_AT = 6
_HEADER = struct.Struct("<HHIBB6s")
_POINTER = struct.Struct("<HII")
_READ = range(1, 9)


@dataclass(frozen=True)
class Section:
    """The content of one section, without its header."""

    path: Path
    number: int
    content: bytes

    def fields(self, form: str, at: int = 0) -> tuple[int, ...]:
        """Numbers in the letters of `struct`, from byte `at` on.

        Raises:
            BadRecording: the section ends before.
        """
        self._reach(at + struct.calcsize("<" + form), "more, by its own counts")
        return struct.unpack_from("<" + form, self.content, at)

    def piece(self, size: int, at: int) -> bytes:
        """Bytes from byte `at` on.

        Raises:
            BadRecording: the section ends before.
        """
        self._reach(at + size, "more, by its own counts")
        return self.content[at : at + size]

    def rows(self, columns: list[tuple[str, str]], count: int, at: int) -> np.ndarray:
        """A table of `count` rows from byte `at` on, as a structured array.

        Raises:
            BadRecording: the section ends before.
        """
        kind = np.dtype(columns)
        self._reach(at + count * kind.itemsize, f"{count} entries of {kind.itemsize} bytes")
        return np.frombuffer(self.content, kind, count, at)

    def damaged(self, found: str, expected: str) -> BadRecording:
        """The refusal of this section."""
        return BadRecording(
            self.path,
            found=f"{found} in section {self.number}",
            expected=expected,
            remedy="export the ECG again from the device or archive",
        )

    def _reach(self, end: int, expected: str) -> None:
        if end > len(self.content):
            raise self.damaged(f"{len(self.content)} bytes", expected)


@dataclass(frozen=True)
class ScpRecord:
    """The sections that are read, by number, and whether the record's checksum holds."""

    path: Path
    sections: Mapping[int, Section]
    checksum_holds: bool

    def required(self, number: int, holding: str) -> Section:
        """The section of that number.

        Raises:
            BadRecording: there is none.
        """
        if number not in self.sections:
            raise BadRecording(
                self.path,
                found=f"no section {number}",
                expected=f"section {number} with {holding}",
                remedy="export the ECG with its waveforms",
            )
        return self.sections[number]


def looks_like_record(head: bytes) -> bool:
    """Whether the first bytes are those of an SCP-ECG record: marked, or with pointers that begin with their own place."""
    if len(head) < _POINTERS_AT + _HEADER.size + _POINTER.size:
        return False
    _, number, length, *_, mark = _HEADER.unpack_from(head, _POINTERS_AT)
    pointer = _POINTER.unpack_from(head, _POINTERS_AT + _HEADER.size)
    return mark == _MARK or (number == 0 and pointer == (0, length, _POINTERS_AT + 1))


def read_record(path: Path) -> ScpRecord:
    """The sections 1 to 8 of a record, as far as it has them.

    A wrong checksum is told, not refused: devices write some, and what is damaged shows where it is read.

    Raises:
        BadRecording: the file is larger than 2 MiB, no SCP-ECG record, cut off, or a section is not where section 0 says.
    """
    content = read_bounded(path, MOST_BYTES)
    if not looks_like_record(content):
        raise BadRecording(path, found="no pointers to sections", expected="an SCP-ECG record", remedy="export the ECG again")
    checksum, size = struct.unpack_from("<HI", content)
    if size > len(content):
        raise BadRecording(
            path,
            found=f"{len(content)} bytes",
            expected=f"{size} as the record declares",
            remedy="the file is cut off: copy it again",
        )
    record = content[:size]
    sections: dict[int, Section] = {}
    for number, length, place in _POINTER.iter_unpack(_pointers(path, record)):
        if number in _READ and length > 0 and number not in sections:
            sections[number] = _section(path, record, number, length, place)
    return ScpRecord(path, sections, checksum == binascii.crc_hqx(record[2:], 0xFFFF))


def _pointers(path: Path, record: bytes) -> bytes:
    length = _HEADER.unpack_from(record, _POINTERS_AT)[2] if len(record) >= _POINTERS_AT + _HEADER.size else 0
    pointers = _section(path, record, 0, length, _POINTERS_AT + 1).content
    return pointers[: len(pointers) // _POINTER.size * _POINTER.size]


def _section(path: Path, record: bytes, number: int, length: int, place: int) -> Section:
    start, end = place - 1, place - 1 + length
    inside = start >= 0 and _HEADER.size <= length and end <= len(record)
    if not inside or _HEADER.unpack_from(record, start)[1] != number:
        raise BadRecording(
            path,
            found=f"no section {number} of {length} bytes at byte {place}",
            expected="sections where the pointers in section 0 say",
            remedy="the file is damaged: copy or export it again",
        )
    return Section(path, number, record[start + _HEADER.size : end])
