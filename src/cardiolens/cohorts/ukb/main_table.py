"""The main table: the wanted fields of the wanted people, out of a CSV or Parquet file of any size.

Read in pieces; only wanted cells of wanted people are kept, as text. Several tables are read as one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from cardiolens.cohorts.ukb.columns import FieldColumn, field_columns, in_both_namings, participant_column
from cardiolens.errors import BadOption

if TYPE_CHECKING:
    import pyarrow as pa

_PARQUET_MAGIC = b"PAR1"
_BLOCK_BYTES = 32 << 20
_ROWS_AT_ONCE = 4096
_DELIMITERS = {ord("\t"): "\t", ord(";"): ";"}
_LEAST_OVERLAP = 0.5
_NO_ANSWER = (-1.0, -3.0)
"""Do not know; prefer not to answer."""


@dataclass(frozen=True)
class MainTable:
    """Cells of some fields, one row per person who was asked for, absent people included.

    Participants' numbers are in here and must go no further.
    """

    people: Int[np.ndarray, " person"]
    """Participants' numbers, ascending."""
    known: Bool[np.ndarray, " person"]
    """Who is in the table."""
    columns: dict[FieldColumn, pa.ChunkedArray]
    """Text per column, null where a cell is empty or the person absent."""

    def __contains__(self, column: FieldColumn) -> bool:
        return column in self.columns

    def texts(self, column: FieldColumn) -> pd.Series:
        """Text per person; missing where there is none or the table has no such column."""
        if column not in self.columns:
            return pd.Series(None, index=range(len(self.people)), dtype="str")
        return self.columns[column].to_pandas().astype("str").str.strip()

    def numbers(self, column: FieldColumn) -> Float[np.ndarray, " person"]:
        """Number per person; NaN where there is none, or no answer was given."""
        values = pd.to_numeric(self.texts(column), errors="coerce").to_numpy(np.float64, na_value=np.nan)
        return np.where(np.isin(values, _NO_ANSWER), np.nan, values)

    def days(self, column: FieldColumn) -> pd.Series:
        """Day per person as datetime64; NaT where there is none."""
        # A time of day, as some exports write, is cut off.
        return pd.to_datetime(self.texts(column).str.slice(0, 10), format="%Y-%m-%d", errors="coerce")

    def of_field(self, field: int) -> list[FieldColumn]:
        """The columns of a field, in order."""
        return sorted(column for column in self.columns if column.field == field)


def read_main_table(paths: Sequence[Path], fields: Collection[int], people: Int[np.ndarray, " person"]) -> MainTable:
    """The columns of `fields` in any of the tables, for `people`; a column that two tables have is taken from the first.

    Raises:
        BadOption: a table cannot be read, has no participants, or one of them twice; or hardly anybody of `people` is in
            it, as where files and table belong to two applications, which number people differently.
    """
    import pyarrow as pa

    people = np.unique(people)
    known = np.zeros(len(people), dtype=bool)
    columns: dict[FieldColumn, pa.ChunkedArray] = {}
    for path in paths:
        table = _wanted(path, fields, people)
        found = table.column(0).to_numpy()
        _refuse_twice(path, found)
        here = np.isin(people, found)
        known |= here
        order = np.argsort(found)
        places = np.zeros(len(people), dtype=np.int64)
        places[here] = order[np.searchsorted(found, people[here], sorter=order)]
        indices = pa.array(places, mask=~here)
        for column, name in field_columns(path, table.column_names[1:]).items():
            columns.setdefault(column, table.column(name).take(indices))
    _refuse_little_overlap(paths[0], known)
    return MainTable(people, known, columns)


def require(table: MainTable, path: Path, wanted: Sequence[FieldColumn], *, waived: Collection[int]) -> None:
    """Refuse a table without a column that the cohort needs.

    Raises:
        BadOption: the first one that is absent, under both of its names.
    """
    for column in wanted:
        if column not in table and column.field not in waived:
            raise BadOption(
                path,
                found=f"no column {in_both_namings(column)}",
                expected="the fields that docs/prepare.md lists",
                remedy=f"export field {column.field}, or go without it by --without {column.field}",
            )


def _wanted(path: Path, fields: Collection[int], people: Int[np.ndarray, " person"]) -> pa.Table:
    """Participants (int64) and the columns of the fields (text), of people who are wanted."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kept: list[pa.Table] = []
    wanted = pa.array(people)
    for piece in _pieces(path, fields):
        numbers = _participants(path, piece.column(0))
        inside = pc.is_in(numbers, value_set=wanted)
        texts = [_as_text(column) for column in piece.columns[1:]]
        kept.append(pa.table([numbers, *texts], names=piece.column_names).filter(inside))
    return pa.concat_tables(kept)


def _pieces(path: Path, fields: Collection[int]) -> Iterator[pa.Table]:
    import pyarrow as pa

    try:
        with path.open("rb") as file:
            magic = file.read(4)
        yield from (_parquet_pieces if magic == _PARQUET_MAGIC else _csv_pieces)(path, fields)
    except OSError as error:
        raise BadOption(
            path, found=f"a file that cannot be read ({error.strerror or 'damaged'})", expected="a CSV or Parquet table",
            remedy="check path and rights",
        ) from error  # fmt: skip
    except (pa.ArrowException, UnicodeDecodeError) as error:
        # What Arrow says may quote a person's row.
        raise BadOption(
            path, found="rows that do not fit the header, or a damaged file", expected="a CSV or Parquet table",
            remedy="export it again as CSV with one header line",
        ) from error  # fmt: skip


def _parquet_pieces(path: Path, fields: Collection[int]) -> Iterator[pa.Table]:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        names = _names(path, file.schema_arrow.names, fields)
        yield file.schema_arrow.empty_table().select(names)
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=names):
            yield pa.Table.from_batches([batch]).select(names)


def _csv_pieces(path: Path, fields: Collection[int]) -> Iterator[pa.Table]:
    import pyarrow as pa
    from pyarrow import csv

    # Free text in other columns may be in any encoding; what is wanted is ASCII.
    delimiter, header = _header(path)
    names = _names(path, header, fields)
    reader = csv.open_csv(
        path,
        csv.ReadOptions(block_size=_BLOCK_BYTES, encoding="latin-1", column_names=header, skip_rows=1),
        csv.ParseOptions(delimiter=delimiter),
        csv.ConvertOptions(include_columns=names, column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True),
    )
    with reader:
        yield reader.schema.empty_table()
        for batch in reader:
            yield pa.Table.from_batches([batch])


def _header(path: Path) -> tuple[str, list[str]]:
    import csv

    with path.open("rb") as file:
        line = file.readline()
    counts = {mark: line.count(mark) for mark in _DELIMITERS}
    mark = max(counts, key=lambda one: counts[one])
    delimiter = _DELIMITERS[mark] if counts[mark] > line.count(b",") else ","
    text = line.decode("latin-1").removeprefix("ï»¿").rstrip("\r\n")
    return delimiter, next(csv.reader([text], delimiter=delimiter), [])


def _names(path: Path, names: Sequence[str], fields: Collection[int]) -> list[str]:
    wanted = [name for column, name in field_columns(path, names).items() if column.field in fields]
    return [participant_column(path, names), *wanted]


def _participants(path: Path, column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        texts = pc.utf8_trim_whitespace(column.cast(pa.string()))
        numbers = pc.replace_substring_regex(texts, r"\.0$", "").cast(pa.int64())
    except pa.ArrowException as error:
        raise BadOption(
            path,
            found="participants that are no whole numbers",
            expected="UK Biobank's seven digits",
            remedy="export the table again",
        ) from error
    return numbers


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Any column as text, lists joined as the platform would write them, empty text as null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        column = pa.chunked_array(
            [pc.binary_join(chunk.cast(pa.list_(pa.string())), "|") for chunk in column.chunks] or [[]], pa.string()
        )
    texts = column.cast(pa.string())
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _refuse_twice(path: Path, found: Int[np.ndarray, " row"]) -> None:
    twice = len(found) - len(np.unique(found))
    if twice:
        raise BadOption(
            path,
            found=f"{twice} participants more than once",
            expected="one row per participant",
            remedy="remove the repeated rows",
        )


def _refuse_little_overlap(path: Path, known: Bool[np.ndarray, " person"]) -> None:
    if len(known) and known.mean() < _LEAST_OVERLAP:
        raise BadOption(
            path,
            found=f"{known.sum():,} of {len(known):,} participants of the ECG files",
            expected="most of them",
            remedy="numbers differ between applications: use table and files of one application",
        )
