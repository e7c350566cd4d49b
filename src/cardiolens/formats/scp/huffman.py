"""Huffman codes of SCP-ECG: the tables in section 2, the standard's own table, and the samples they stand for.

Codes are read from the most significant bit of each byte on. A code is a prefix, which says which code it is, and may
have a value of its own behind it, in two's complement. A code may instead name the table that the next codes are of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64, UInt64

from cardiolens.formats.scp.sections import Section

STANDARD_TABLE = 19999
"""What stands in place of a number of tables where the standard's own table is meant."""

MOST_CODES = 4096
MOST_TABLES = 16

_LONGEST_PREFIX = 32
_LONGEST_VALUE = 16
_TABLE = 64
_COLUMNS = [("prefix_bits", "u1"), ("bits", "u1"), ("is_value", "u1"), ("base", "<i2"), ("code", "<u4")]


@dataclass(frozen=True)
class HuffmanTable:
    """Codes in the order of their prefixes: the first 32-bit number that begins with each, and the one after the last."""

    first: UInt64[np.ndarray, " code"]
    after: UInt64[np.ndarray, " code"]
    prefix_bits: Int64[np.ndarray, " code"]
    bits: Int64[np.ndarray, " code"]
    base: Int64[np.ndarray, " code"]
    """The value of a code that has none behind it, or the number of the table to go on with, from 1."""

    switches: Bool[np.ndarray, " code"]


def standard_table() -> HuffmanTable:
    """The table that the standard gives: short codes up to +-8, then 8 and 16 bits as they are."""
    codes = [("0", 0, 0)]
    for size in range(1, 9):
        codes += [("1" * size + "00", 0, size), ("1" * size + "01", 0, -size)]
    codes += [("1" * 9 + "0", 8, 0), ("1" * 10, 16, 0)]
    prefixes, extra_bits, base = zip(*codes, strict=True)
    prefix_bits = np.array([len(prefix) for prefix in prefixes])
    return _table(
        np.array([int(prefix.ljust(_LONGEST_PREFIX, "0"), 2) for prefix in prefixes], np.uint64),
        prefix_bits,
        prefix_bits + np.array(extra_bits),
        np.array(base),
        np.zeros(len(codes), bool),
    )


def read_tables(section: Section) -> tuple[HuffmanTable, ...]:
    """The tables of section 2, or none where it says that samples are not coded.

    Raises:
        BadRecording: a table is cut off, ambiguous or too long, or holds a code that could be read in two ways.
    """
    (num_tables,) = section.fields("H")
    if num_tables == STANDARD_TABLE:
        return (standard_table(),)
    if num_tables > MOST_TABLES:
        raise section.damaged(f"{num_tables} Huffman tables", f"{MOST_TABLES} at most, or the standard's")
    tables, at = [], 2
    for _ in range(num_tables):
        (num_codes,) = section.fields("H", at)
        if not 0 < num_codes <= MOST_CODES:
            raise section.damaged(f"a Huffman table of {num_codes} codes", f"1 to {MOST_CODES}")
        codes = section.rows(_COLUMNS, num_codes, at + 2)
        tables.append(_stored_table(section, codes, num_tables))
        at += 2 + codes.nbytes
    return tuple(tables)


def decode(section: Section, coded: bytes, num_values: int, tables: Sequence[HuffmanTable]) -> Int64[np.ndarray, " value"]:
    """The first `num_values` numbers in `coded`, the data of one lead in `section`; the first table is the one to begin with.

    Raises:
        BadRecording: the data end before, or hold what is no code of the table in use.
    """
    longest = max(int(table.bits.max()) for table in tables)
    windows = _windows(coded[: num_values * 2 * longest // 8 + 1])
    lookups: dict[int, list[int]] = {}
    places: list[int] = []
    runs: list[tuple[int, int]] = []
    place, current = 0, 0
    while True:
        if current not in lookups:
            lookups[current] = _steps(tables[current], windows)
        run, place = _walk(lookups[current], place, num_values - len(places))
        places += run
        runs.append((current, len(run)))
        if len(places) == num_values and place <= len(windows):
            tables_used, lengths = zip(*runs, strict=True)
            return _values(windows[places], np.repeat(tables_used, lengths), tables)
        if place >= len(windows):
            whole = len(places) - (place > len(windows))
            raise section.damaged(f"{whole} samples of a lead", f"{num_values} as the record declares")
        if lookups[current][place] == 0:
            raise section.damaged("bits that are no Huffman code", "codes of the tables in section 2")
        change, step = divmod(-lookups[current][place], _TABLE)
        place, current = place + step, change - 1


def _walk(steps: list[int], place: int, most: int) -> tuple[list[int], int]:
    """Where the values lie that follow each other from `place` on, and the place behind them."""
    places = []
    for _ in range(most):
        step = steps[place]
        if step <= 0:
            break
        places.append(place)
        place += step
    return places, place


def _stored_table(section: Section, codes: np.ndarray, num_tables: int) -> HuffmanTable:
    prefix_bits, bits, base = (codes[name].astype(np.int64) for name in ("prefix_bits", "bits", "base"))
    switches = codes["is_value"] == 0
    value_bits = bits - prefix_bits
    if not ((prefix_bits > 0) & (prefix_bits <= _LONGEST_PREFIX) & (value_bits >= 0) & (value_bits <= _LONGEST_VALUE)).all():
        raise section.damaged(
            "a Huffman code of impossible length",
            f"prefixes of 1 to {_LONGEST_PREFIX} bits with values of {_LONGEST_VALUE} bits at most",
        )
    if (switches & ((base < 1) | (base > num_tables) | (value_bits > 0))).any():
        raise section.damaged("a change to a Huffman table that is not there", f"tables 1 to {num_tables}")
    # Programs disagree on whether the two are added, and the standard's own table has none to go by.
    if ((value_bits > 0) & (base != 0)).any():
        raise section.damaged("a Huffman code with a base value and a value of its own", "one of the two")
    # Stored is a code's first bit as the least significant one.
    mirrored = np.array([int(f"{code:032b}"[::-1], 2) for code in codes["code"].tolist()], np.uint64)
    unused = (_LONGEST_PREFIX - prefix_bits).astype(np.uint64)
    table = _table(mirrored >> unused << unused, prefix_bits, bits, base, switches)
    if (table.after[:-1] > table.first[1:]).any():
        raise section.damaged("a Huffman code that begins with another", "codes that can be told apart")
    return table


def _table(
    first: UInt64[np.ndarray, " code"],
    prefix_bits: Int64[np.ndarray, " code"],
    bits: Int64[np.ndarray, " code"],
    base: Int64[np.ndarray, " code"],
    switches: Bool[np.ndarray, " code"],
) -> HuffmanTable:
    after = first + (np.uint64(1) << (_LONGEST_PREFIX - prefix_bits).astype(np.uint64))
    order = np.argsort(first, kind="stable")
    return HuffmanTable(*(column[order] for column in (first, after, prefix_bits, bits, base, switches)))


def _windows(coded: bytes) -> UInt64[np.ndarray, " bit"]:
    """What follows from every bit on: 57 bits or more, at the top of 64, zeros behind the end."""
    by_byte = np.lib.stride_tricks.sliding_window_view(np.frombuffer(coded + bytes(8), np.uint8), 8)[: len(coded)]
    words = np.ascontiguousarray(by_byte).view(">u8").astype(np.uint64)
    return (words << np.arange(8, dtype=np.uint64)).ravel()


def _codes(table: HuffmanTable, windows: UInt64[np.ndarray, " bit"]) -> Int64[np.ndarray, " bit"]:
    """Which code each window begins with, or -1."""
    prefixes = windows >> np.uint64(64 - _LONGEST_PREFIX)
    codes = np.searchsorted(table.first, prefixes, side="right") - 1
    return np.where((codes >= 0) & (prefixes < table.after[codes]), codes, -1)


def _steps(table: HuffmanTable, windows: UInt64[np.ndarray, " bit"]) -> list[int]:
    """Bits to the next code from every bit on, and zeros behind the end: zero where there is no code.

    Below zero where the table changes: the number of the next one comes on top, times `_TABLE`.
    """
    steps = np.append(np.where(table.switches, -(table.base * _TABLE + table.bits), table.bits), 0)
    return steps[_codes(table, windows)].tolist() + [0] * (_LONGEST_PREFIX + _LONGEST_VALUE)


def _values(
    windows: UInt64[np.ndarray, " value"], tables_used: Int64[np.ndarray, " value"], tables: Sequence[HuffmanTable]
) -> Int64[np.ndarray, " value"]:
    values = np.zeros(len(windows), np.int64)
    for number, table in enumerate(tables):
        here = tables_used == number
        codes = _codes(table, windows[here])
        behind_prefix = (windows[here] << table.prefix_bits[codes].astype(np.uint64)).view(np.int64)
        value_bits = (table.bits - table.prefix_bits)[codes]
        # Shifted back as a signed number, the sign fills the top; by 64 bits nothing may be shifted.
        values[here] = np.where(value_bits > 0, behind_prefix >> np.minimum(64 - value_bits, 63), table.base[codes])
    return values
