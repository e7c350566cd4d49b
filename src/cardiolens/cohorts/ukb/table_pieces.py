"""A table of any size, CSV or Parquet, piece by piece: the columns of some fields as they stand in the file."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cardiolens.cohorts.ukb.columns import field_columns, participant_column
from cardiolens.errors import BadOption

if TYPE_CHECKING:
    import pyarrow as pa

_PARQUET_MAGIC = b"PAR1"
_BLOCK_BYTES = 32 << 20
_ROWS_AT_ONCE = 4096
_DELIMITERS = {ord("\t"): "\t", ord(";"): ";"}


def pieces(path: Path, fields: Collection[int]) -> Iterator[pa.Table]:
    """The column of participants and those of the fields, some rows at a time; the first piece has none.

    Raises:
        BadOption: the file cannot be read, or it is no such table.
    """
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
    except (pa.ArrowException, csv.Error):
        # What Arrow says may quote a person's row.
        raise BadOption(
            path, found="rows that do not fit the header, or a damaged file", expected="a CSV or Parquet table",
            remedy="export it again as CSV with one header line",
        ) from None  # fmt: skip


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
    from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, open_csv

    # Free text in other columns may be in any encoding and of several lines; what is wanted is ASCII.
    delimiter, header = _header(path)
    names = _names(path, header, fields)
    reader = open_csv(
        path,
        ReadOptions(block_size=_BLOCK_BYTES, encoding="latin-1", column_names=header, skip_rows=1),
        ParseOptions(delimiter=delimiter, newlines_in_values=True),
        ConvertOptions(include_columns=names, column_types=dict.fromkeys(names, pa.string())),
    )
    with reader:
        yield reader.schema.empty_table()
        for batch in reader:
            yield pa.Table.from_batches([batch])


def _header(path: Path) -> tuple[str, list[str]]:
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
