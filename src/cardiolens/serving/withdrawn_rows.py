"""Rows of people who withdrew, taken out of one table by its column `subject`, or by the hidden names in its column `source`;
nothing else in the file changes."""

from __future__ import annotations

import csv
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool

from cardiolens.atomic import write_atomically
from cardiolens.privacy import hidden_participants

if TYPE_CHECKING:
    from pyarrow import Array, ChunkedArray, Field, Table

SUBJECT, SOURCE = "subject", "source"
_BOM = "\u00ef\u00bb\u00bf"
"""The mark that Windows puts before UTF-8, read as Latin-1."""


def remove_rows(file: Path, subjects: Collection[str]) -> int:
    """Take the rows of these subjects out of a Parquet or CSV table; how many there were.

    `subjects` are hashes of a cohort, and `id-` names as they stand in the names of files. Other rows stay as they are, of a
    CSV to the byte. A file that is no such table, is damaged or has another separator than
    a comma is left alone.

    Raises:
        NoSpace: the disk is full; the file is as it was.
    """
    take_out = {".parquet": _parquet_without, ".csv": _csv_without}.get(file.suffix.lower())
    try:
        left, removed = take_out(file, frozenset(subjects)) if take_out else (None, 0)
    except (ValueError, KeyError, NotImplementedError, OSError, csv.Error):
        return 0
    if left is not None:
        sweep(file)
        write_atomically(file, left)
    return removed


def sweep(file: Path) -> None:
    """Remove what a killed process left of writing a file: it may hold those who are gone."""
    for unfinished in file.parent.glob(f".{file.name}.*.part"):
        unfinished.unlink()


def _csv_without(file: Path, subjects: frozenset[str]) -> tuple[bytes | None, int]:
    # Every byte is a letter of this encoding, whatever the file's own is.
    with file.open(encoding="latin-1", newline="") as stored:
        first = stored.readline()
        lines = [first, *stored] if SUBJECT in first or SOURCE in first else [""]
    rows = csv.reader(line.removeprefix(_BOM) for line in lines)
    header = next(rows, [])
    places = [(header.index(name), names_one) for name, names_one in _NAMES_ONE.items() if name in header]
    if not places:
        return None, 0
    kept, end, removed = lines[: rows.line_num], rows.line_num, 0
    for row in rows:
        start, end = end, rows.line_num
        if any(names_one(row[place], subjects) for place, names_one in places if place < len(row)):
            removed += 1
        else:
            kept += lines[start:end]
    return "".join(kept).encode("latin-1") if removed else None, removed


def _is_one(cell: str, subjects: frozenset[str]) -> bool:
    return cell in subjects


def _bears_one(cell: str, subjects: frozenset[str]) -> bool:
    return not subjects.isdisjoint(hidden_participants(cell))


_NAMES_ONE = {SUBJECT: _is_one, SOURCE: _bears_one}
"""How a cell says whose row it is, by column."""


def _parquet_without(file: Path, subjects: frozenset[str]) -> tuple[bytes | None, int]:
    """The rows of others with all that the file says of itself; categories that nobody is in any more go too."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    wanted = pa.array(sorted(subjects), pa.string())
    # Not as a data set: a folder called "run=3" would become a column.
    with pq.ParquetFile(file) as stored:
        schema = stored.schema_arrow
        words = [column.name for column in schema if pa.types.is_dictionary(column.type)]
        present = [name for name in _NAMES_ONE if name in schema.names]
        telling = stored.read([*words, *(name for name in present if name not in words)])
        gone = _gone(telling, present, subjects)
        removed = int(gone.sum())
        if not removed and not any(_has_category(telling[name], wanted) for name in words):
            return None, 0
        table = stored.read()
        packed = stored.metadata.row_group(0).column(0).compression
    left = table.filter(pa.array(~gone)) if removed else table
    for place, column in enumerate(left.schema):
        if pa.types.is_dictionary(column.type):
            left = left.set_column(place, column, _used_categories(left[place], column))
    sink = pa.BufferOutputStream()
    pq.write_table(left, sink, compression="NONE" if packed == "UNCOMPRESSED" else packed)
    return sink.getvalue().to_pybytes(), removed


def _gone(telling: Table, present: list[str], subjects: frozenset[str]) -> Bool[np.ndarray, " row"]:
    import pyarrow as pa

    gone = np.zeros(len(telling), bool)
    for name in present:
        texts = telling[name].cast(pa.string()).to_pylist()
        gone |= np.array([text is not None and _NAMES_ONE[name](text, subjects) for text in texts], bool)
    return gone


def _has_category(column: ChunkedArray, wanted: Array) -> bool:
    """Whether one of them is a category, used or not: a table that was cut down keeps the names of all."""
    import pyarrow.compute as pc

    return any(pc.any(pc.is_in(part.dictionary.cast(wanted.type), value_set=wanted)).as_py() for part in column.chunks)


def _used_categories(column: ChunkedArray, field: Field) -> Array:
    import pyarrow as pa

    return pa.array(column.to_pandas().cat.remove_unused_categories(), type=field.type)
