"""Small SCP-ECG records for the tests, coded in every way that the standard has."""

import binascii
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

LEAD_CODES = (1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8)
"""Of the 12 leads in their usual order."""

STANDARD = (
    ("0", 0, 1, 0), ("100", 0, 1, 1), ("101", 0, 1, -1), ("1100", 0, 1, 2), ("1101", 0, 1, -2), ("11100", 0, 1, 3),
    ("11101", 0, 1, -3), ("111100", 0, 1, 4), ("111101", 0, 1, -4), ("1111100", 0, 1, 5), ("1111101", 0, 1, -5),
    ("11111100", 0, 1, 6), ("11111101", 0, 1, -6), ("111111100", 0, 1, 7), ("111111101", 0, 1, -7), ("1111111100", 0, 1, 8),
    ("1111111101", 0, 1, -8), ("1111111110", 8, 1, 0), ("1111111111", 16, 1, 0),
)  # fmt: skip
"""The standard's table: prefix, bits of a value behind it, whether it is a value or a change of table, base value."""


def counts(num_leads: int = 12, num_samples: int = 500) -> np.ndarray:
    """(lead, time) of whole numbers: a slow wave of another rate in every lead, and a complex every 200 samples."""
    time = np.arange(num_samples)
    slow = np.stack([np.round(30 * np.sin(time / (300 + 7 * k) + k)) for k in range(num_leads)]).astype(int)
    for place in places(num_samples):
        slow[:, place - 51 : place + 50] += complexes(num_leads)[:, : num_samples - place + 51]
    return slow


def complexes(num_leads: int = 12) -> np.ndarray:
    """(lead, time): 101 samples with a sharp complex in the middle, even numbers."""
    sharp = np.exp(-((np.arange(-50, 51) / 4.0) ** 2))
    return np.stack([2 * np.round((200 - 45 * k) * sharp) for k in range(num_leads)]).astype(int)


def places(num_samples: int) -> range:
    """The samples in the middle of the complexes, counted from 1."""
    return range(101, num_samples - 20, 200)


def section_2(tables: Sequence[Sequence[tuple[str, int, int, int]]]) -> bytes:
    """The tables as stored, or the number of the standard's own."""
    if tables == [STANDARD]:
        return struct.pack("<H", 19999)
    content = struct.pack("<H", len(tables))
    for table in tables:
        content += struct.pack("<H", len(table))
        for prefix, extra, is_value, base in table:
            content += struct.pack("<BBBhI", len(prefix), len(prefix) + extra, is_value, base, int(prefix[::-1], 2))
    return content


def huffman(values: Iterable[int], tables: Sequence[Sequence[tuple[str, int, int, int]]]) -> bytes:
    """The values in the codes of the tables, changing to another table where that has a code of its own for a value."""
    bits, current = "", 0
    for value in values:
        ways = [("", current)] + [(prefix, base - 1) for prefix, _, is_value, base in tables[current] if not is_value]
        found = [(len(code) > 20, change + code, table) for change, table in ways for code in _codes(value, tables[table])]
        _, code, current = min(found, key=lambda way: way[0])
        bits += code
    return int(bits.ljust(-len(bits) % 8 + len(bits), "0"), 2).to_bytes((len(bits) + 7) // 8)


def _codes(value: int, table: Sequence[tuple[str, int, int, int]]) -> list[str]:
    own = [prefix for prefix, extra, is_value, base in table if is_value and not extra and base == value]
    behind = [
        prefix + format(value & ((1 << extra) - 1), f"0{extra}b")
        for prefix, extra, is_value, _ in table
        if is_value and extra and -(1 << (extra - 1)) <= value < 1 << (extra - 1)
    ]
    return own + behind


def waveforms(
    rows: Sequence[Sequence[int]], *, nanovolts: int, interval_us: int, differences: int = 0, bimodal: bool = False, tables=()
) -> bytes:
    """Section 5 or 6."""
    coded = []
    for row in rows:
        values = list(map(int, row))
        if differences == 1:
            values = [values[0], *np.diff(values).tolist()]
        elif differences == 2:
            values = values[:2] + np.diff(values, 2).tolist()
        values = [(value + 0x8000) % 0x10000 - 0x8000 for value in values]
        coded.append(huffman(values, tables) if tables else struct.pack(f"<{len(values)}h", *values))
    head = struct.pack("<HHBB", nanovolts, interval_us, differences, bimodal)
    return head + struct.pack(f"<{len(coded)}H", *map(len, coded)) + b"".join(coded)


def section_3(spans: Sequence[tuple[int, int]], codes: Sequence[int] = LEAD_CODES, *, subtracted: bool = False) -> bytes:
    """First and last sample of every lead, counted from 1."""
    rows = (struct.pack("<IIB", first, last, code) for (first, last), code in zip(spans, codes, strict=True))
    return struct.pack("<BB", len(spans), 4 | subtracted) + b"".join(rows)


def section_4(
    length_ms: int, fiducial: int, beats: Sequence[tuple[int, int, int, int]], zones: Sequence[tuple[int, int]] = ()
) -> bytes:
    """Beats as (kind, first, fiducial, last) and protected zones as (first, last), all counted from 1."""
    content = struct.pack("<HHH", length_ms, fiducial, len(beats))
    return content + b"".join(struct.pack("<HIII", *beat) for beat in beats) + b"".join(struct.pack("<II", *z) for z in zones)


def subtracted(rows: np.ndarray, beat: np.ndarray, fiducial: int, beats: Sequence[tuple[int, int, int, int]]) -> np.ndarray:
    """What is left of the rows without the beat."""
    left = rows.copy()
    for kind, first, place, last in beats:
        for sample in range(first, last + 1) if kind == 0 else ():
            left[:, sample - 1] -= beat[:, sample - place + fiducial - 1]
    return left


def grouped(row: Sequence[int], zones: Sequence[tuple[int, int]], group: int = 4) -> list[int]:
    """The row with a rounded mean for every whole group of samples outside the zones."""
    inside = [any(first <= sample <= last for first, last in zones) for sample in range(1, len(row) + 1)]
    stored, at = [], 0
    while at < len(row):
        if at + group <= len(row) and not any(inside[at : at + group]):
            stored.append(round(sum(map(int, row[at : at + group])) / group))
            at += group
        else:
            stored.append(int(row[at]))
            at += 1
    return stored


def tag(number: int, value: bytes) -> bytes:
    """One field of section 1."""
    return struct.pack("<BH", number, len(value)) + value


def assemble(
    path: Path, sections: Mapping[int, bytes], *, order: Sequence[int] = (), mark: bytes = b"SCPECG", spoilt: int = 0
) -> Path:
    """The record with its pointers and checksums, sections in the given order; `spoilt` is added to the checksum."""
    pointers, body, at = {}, b"", 6 + 16 + 120
    for number in order or sorted(sections):
        content = sections[number] + bytes(len(sections[number]) % 2)
        inner = struct.pack("<HIBB6x", number, 16 + len(content), 20, 20) + content
        pointers[number] = struct.pack("<HII", number, 16 + len(content), at + 1)
        body += struct.pack("<H", binascii.crc_hqx(inner, 0xFFFF)) + inner
        at += 16 + len(content)
    rows = struct.pack("<HII", 0, 136, 7) + b"".join(pointers.get(n, struct.pack("<HII", n, 0, 0)) for n in range(1, 12))
    inner = struct.pack("<HIBB6s", 0, 136, 20, 20, mark) + rows
    whole = struct.pack("<I", at) + struct.pack("<H", binascii.crc_hqx(inner, 0xFFFF)) + inner + body
    path.write_bytes(struct.pack("<H", (binascii.crc_hqx(whole, 0xFFFF) + spoilt) % 0x10000) + whole)
    return path


def plain(rows: np.ndarray, codes: Sequence[int] = LEAD_CODES, **coding) -> dict[int, bytes]:
    """Sections of a record without a reference beat: 2.5 uV per step, 500 Hz, in the coding that `waveforms` is given."""
    codes = codes[: len(rows)]
    sections = {3: section_3([(1, rows.shape[1])] * len(rows), codes)}
    sections[6] = waveforms(rows, **{"nanovolts": 2500, "interval_us": 2000} | coding)
    if "tables" in coding:
        sections[2] = section_2(coding["tables"])
    return sections


def with_beats(
    rows: np.ndarray, *, bimodal: bool, beat_nanovolts: int = 2500, tables: Sequence = (STANDARD,), differences: int = 2
) -> dict[int, bytes]:
    """Sections of a record of `counts` without its reference beat; the last beat is of another kind and left as it is."""
    num_samples = rows.shape[1]
    beats = [(0, place - 50, place, min(place + 50, num_samples)) for place in places(num_samples)]
    beats.append((1, 0, num_samples - 5, 0))
    zones = [(place - 12, place + 11) for place in places(num_samples)] + [(0, 0)]
    beat = complexes(len(rows))
    left = subtracted(rows, beat, 51, beats)
    stored = [grouped(row, zones[:-1]) for row in left] if bimodal else left
    shared = {"differences": differences, "tables": list(tables)}
    return {
        2: section_2(list(tables)),
        3: section_3([(1, num_samples)] * len(rows), LEAD_CODES[: len(rows)], subtracted=True),
        4: section_4(202, 51, beats, zones if bimodal else ()),
        5: waveforms(beat * 2500 // beat_nanovolts, nanovolts=beat_nanovolts, interval_us=2000, **shared),
        6: waveforms(stored, nanovolts=2500, interval_us=8000 if bimodal else 2000, bimodal=bimodal, **shared),
    }
