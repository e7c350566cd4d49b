"""The main table: the wanted fields of the wanted people, out of a CSV or Parquet file of any size.

Read in pieces; only wanted cells of wanted people are kept, as text. Several tables are read as one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from cardiolens.cohorts.ukb.columns import FieldColumn, field_columns, in_both_namings
from cardiolens.cohorts.ukb.table_pieces import pieces
from cardiolens.errors import BadOption

if TYPE_CHECKING:
    import pyarrow as pa

_LEAST_OVERLAP = 0.5
_LEAST_READABLE = 0.5
_NO_ANSWER = (-1.0, -3.0)
"""Do not know; prefer not to answer."""
_OF_A_LIST = r"[\[\]'\"\s]"
_NOTHING = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "-nan", "NaT", "None", "NULL", "null", "<NA>")
"""How programs write an empty cell: taken for text, it would be somebody's diagnosis."""


@dataclass(frozen=True)
class MainTable:
    """Cells of some fields, one row per person who was asked for, absent people included.

    Participants' numbers are in here and must go no further.
    """

    people: Int[np.ndarray, " person"] = field(repr=False)
    """Participants' numbers, ascending."""
    known: Bool[np.ndarray, " person"] = field(repr=False)
    """Who is in any of the tables."""
    columns: dict[FieldColumn, pa.ChunkedArray] = field(repr=False)
    """Text per column, null where a cell is empty or the person absent."""
    covered: dict[FieldColumn, Bool[np.ndarray, " person"]] = field(repr=False)
    """Per column, who is in a table that has it: of others an empty cell says nothing."""

    def __contains__(self, column: FieldColumn) -> bool:
        return column in self.columns

    def texts(self, column: FieldColumn) -> pd.Series:
        """Text per person; missing where there is none or the table has no such column."""
        import pyarrow as pa

        # Not by way of astype("str"): before pandas 3 it wrote the text None for what is missing.
        return self.columns.get(column, pa.nulls(len(self.people), pa.string())).to_pandas()

    def lists(self, column: FieldColumn) -> pd.Series:
        """Texts per person: a cell of the platform holds a whole list, a cell of the classic table one of its values."""
        return self.texts(column).str.replace(_OF_A_LIST, "", regex=True).str.split(r"[|,]", regex=True)

    def numbers(self, column: FieldColumn, *, signed: bool = False) -> Float[np.ndarray, " person"]:
        """Number per person; NaN where there is none or, unless values may be negative, no answer was given.

        Raises:
            BadOption: most cells hold something else, such as words in place of codes, or decimal commas.
        """
        values = _as_numbers(column, self.texts(column)).to_numpy(np.float64)
        unknown = ~np.isfinite(values) if signed else ~np.isfinite(values) | np.isin(values, _NO_ANSWER)
        return np.where(unknown, np.nan, values)

    def has_code(self, column: FieldColumn, code: int) -> Float[np.ndarray, " person"]:
        """1 where a person's list has the code, 0 where others, NaN where it is empty or no answer was given.

        Raises:
            BadOption: most entries are no numbers.
        """
        values = _as_numbers(column, self.lists(column).explode())
        answers = values[values.notna() & ~values.isin(_NO_ANSWER)]
        return (answers == code).groupby(level=0).max().reindex(range(len(self.people))).to_numpy(np.float64, na_value=np.nan)

    def days(self, column: FieldColumn) -> pd.Series:
        """Day per person as datetime64; NaT where there is none."""
        # A time of day, as some exports write, is cut off.
        return pd.to_datetime(self.texts(column).str.slice(0, 10), format="%Y-%m-%d", errors="coerce")

    def of_field(self, number: int) -> list[FieldColumn]:
        """The columns of a field, in order."""
        return sorted(column for column in self.columns if column.field == number)

    def asked(self, number: int) -> Bool[np.ndarray, " person"]:
        """Who is in a table that has the field: of them alone an empty cell means that there is nothing."""
        return np.logical_or.reduce([np.zeros_like(self.known), *(self.covered[column] for column in self.of_field(number))])


def read_main_table(paths: Sequence[Path], fields: Collection[int], people: Int[np.ndarray, " person"]) -> MainTable:
    """The columns of `fields` in any of the tables, for `people`; what two tables say of one person is taken from the first.

    Raises:
        BadOption: a table cannot be read, has no participants, or one of them twice; or hardly anybody of `people` is in
            it, as where files and table belong to two applications, which number people differently.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    people = np.unique(people)
    known = np.zeros(len(people), dtype=bool)
    columns: dict[FieldColumn, pa.ChunkedArray] = {}
    covered: dict[FieldColumn, np.ndarray] = {}
    strange: dict[Path, tuple[FieldColumn, ...]] = {}
    for path in paths:
        table, num_rows = _wanted(path, fields, people)
        found = table.column(0).to_numpy()
        _refuse_twice(path, found)
        here = np.isin(people, found)
        known = known | here
        order = np.argsort(found)
        places = np.zeros(len(people), dtype=np.int64)
        places[here] = order[np.searchsorted(found, people[here], sorter=order)]
        indices = pa.array(places, mask=~here)
        its = field_columns(path, table.column_names[1:])
        for column, name in its.items():
            cells, before = table.column(name).take(indices), covered.get(column)
            columns[column] = cells if before is None else pc.if_else(pa.array(before), columns[column], cells)
            covered[column] = here if before is None else before | here
        # A table of few people, such as those of repeated visits, is no stranger if most of its people are wanted.
        if here.sum() < _LEAST_OVERLAP * num_rows:
            strange[path] = tuple(its)
    for path, its in strange.items():
        _refuse_little_overlap(path, min((covered[column] for column in its), key=np.sum, default=known))
    _refuse_little_overlap(paths[0], known)
    return MainTable(people, known, columns, covered)


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


def require_days(table: MainTable, wanted: Collection[int]) -> None:
    """Refuse fields of days that are written in another way: a day that cannot be read is one that is not known.

    Raises:
        BadOption: most cells of such a field are no days.
    """
    for number in sorted(wanted):
        columns = table.of_field(number)
        num_texts, num_days = (sum(int(of(c).notna().sum()) for c in columns) for of in (table.texts, table.days))
        if num_days < _LEAST_READABLE * num_texts:
            raise BadOption(
                in_both_namings(columns[0]), found="cells that are no days", expected="days such as 2019-05-31",
                remedy="export the field again, and not by way of a spreadsheet",
            )  # fmt: skip


def _as_numbers(column: FieldColumn, texts: pd.Series) -> pd.Series:
    values = pd.to_numeric(texts, errors="coerce").astype("float64")
    if np.isfinite(values).sum() < _LEAST_READABLE * texts.notna().sum():
        raise BadOption(
            in_both_namings(column), found="cells that are no numbers", expected="codes and decimal points",
            remedy="export the field again with raw values, not with their meanings",
        )  # fmt: skip
    return values


def _wanted(path: Path, fields: Collection[int], people: Int[np.ndarray, " person"]) -> tuple[pa.Table, int]:
    """Participants (int64) and the columns of the fields (text), of people who are wanted; and how many rows there are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kept: list[pa.Table] = []
    num_rows = 0
    wanted = pa.array(people)
    for piece in pieces(path, fields):
        num_rows += piece.num_rows
        numbers = _participants(path, piece.column(0))
        inside = pc.is_in(numbers, value_set=wanted)
        texts = [_as_text(path, column) for column in piece.filter(inside).columns[1:]]
        kept.append(pa.table([numbers.filter(inside), *texts], names=piece.column_names))
    return pa.concat_tables(kept), num_rows


def _participants(path: Path, column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return pc.replace_substring_regex(_as_text(path, column), r"\.0$", "").cast(pa.int64())
    except pa.ArrowException:
        # What Arrow says quotes one of them.
        raise BadOption(
            path,
            found="participants that are no whole numbers",
            expected="UK Biobank's seven digits",
            remedy="export the table again",
        ) from None


def _as_text(path: Path, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Any column as text, lists joined as the platform would write them, whatever stands for an empty cell as null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        if hasattr(column.type, "value_field"):
            # An element that is missing keeps its place: days belong to codes by position.
            lists = column.to_pylist()
            joined = [None if cell is None else "|".join("" if one is None else str(one) for one in cell) for cell in lists]
            column = pa.chunked_array([pa.array(joined, pa.string())])
        texts = pc.utf8_trim_whitespace(column.cast(pa.string()))
    except pa.ArrowException:
        raise BadOption(
            path, found=f"a column of type {column.type}", expected="text, numbers, days or lists of them",
            remedy="export the table again as CSV",
        ) from None  # fmt: skip
    return pc.if_else(pc.is_in(texts, value_set=pa.array(_NOTHING)), pa.scalar(None, pa.string()), texts)


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
