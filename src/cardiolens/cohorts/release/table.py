"""The main table of a release, in UK Biobank's two ways of naming a column.

Classic exports write `<field>-<instance>.<array>` into a CSV file in which every cell is quoted; the research analysis
platform writes `p<field>_i<instance>_a<array>` without the parts that a field has only one of, and puts the ICD-10 codes of
a person into one cell as a list. Rows travel as {classic name: value}.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path

from cardiolens.imaging.phenotype_table import PHENOTYPES

EID = "eid"
NUM_CODES = 24
"""Columns for ICD-10 codes and for their dates."""
CODES, CODE_DATES = 41270, 41280
IMAGING = (2, 3)
"""Instances of the imaging visits."""
FIRST_OCCURRENCES = {
    "I20": 131296, "I21": 131298, "I22": 131300, "I23": 131302, "I24": 131304, "I25": 131306, "I42": 131338, "I46": 131346,
    "I48": 131350, "I50": 131354, "E10": 130706, "E11": 130708, "E12": 130710, "E13": 130712, "E14": 130714,
}  # fmt: skip
"""Fields of the date on which a three-character code was first reported by any source."""

_ROWS_AT_ONCE = 512
Value = int | float | str


@dataclass(frozen=True)
class Column:
    """One column; `instances` and `arrays` say whether its field has several of them."""

    field: int
    instance: int = 0
    array: int = 0
    instances: bool = False
    arrays: bool = False
    kind: type = float

    @property
    def classic(self) -> str:
        return f"{self.field}-{self.instance}.{self.array}"

    @property
    def platform(self) -> str:
        return f"p{self.field}" + f"_i{self.instance}" * self.instances + f"_a{self.array}" * self.arrays


def _visited(fields: Iterable[int], kind: type, instances: tuple[int, ...] = IMAGING) -> list[Column]:
    return [Column(field, instance, instances=True, kind=kind) for field, instance in product(fields, instances)]


COLUMNS: tuple[Column, ...] = (
    *(Column(field, kind=int) for field in (31, 34, 52)),
    *_visited((53,), str, (0, *IMAGING)),
    *_visited((54, 21003), int, (0, *IMAGING)),
    *_visited((50, 21002, 21001, 12144, 12143), float),
    *(Column(f, i, a, instances=True, arrays=True, kind=int) for f, i, a in product((4080, 4079), IMAGING, (0, 1))),
    *_visited((20116,), int),
    Column(21000, instances=True, kind=int),
    *_visited((12336, 12340, 22330, 22331, 22332, 22333), float),
    *_visited((22420, 22421, 22422, 22423, 22424, 22426, 22427), float),
    *_visited((phenotype.ukb_field for phenotype in PHENOTYPES), float),
    *(Column(CODES, array=k, arrays=True, kind=str) for k in range(NUM_CODES)),
    *(Column(CODE_DATES, array=k, arrays=True, kind=str) for k in range(NUM_CODES)),
    *(Column(field, kind=str) for field in FIRST_OCCURRENCES.values()),
    *(Column(field, instances=True, kind=str) for field in (40000, 40001)),
)


def write_classic(path: Path, rows: Iterable[Mapping[str, Value]]) -> None:
    """CSV with quotes round every cell; an absent value is an empty cell."""
    names = [EID, *(column.classic for column in COLUMNS)]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, restval="", quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_platform(path: Path, rows: Iterable[Mapping[str, Value]]) -> None:
    """Parquet with the platform's names, in which `p41270` is the text of a list."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    single = [column for column in COLUMNS if column.field != CODES]
    kinds = {int: pa.int64(), float: pa.float64(), str: pa.string()}
    schema = pa.schema(
        [(EID, pa.int64()), *((column.platform, kinds[column.kind]) for column in single), (f"p{CODES}", pa.string())]
    )
    with pq.ParquetWriter(path, schema) as writer:
        left = iter(rows)
        while several := list(islice(left, _ROWS_AT_ONCE)):
            renamed = [_platform_row(row, single) for row in several]
            writer.write_table(pa.Table.from_pylist(renamed, schema=schema))


def write_truth(path: Path, rows: Iterable[Mapping[str, Value | bool]]) -> None:
    """Parquet with the columns of the first row, which all others share."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    left = iter(rows)
    several = list(islice(left, _ROWS_AT_ONCE))
    schema = pa.Table.from_pylist(several).schema
    with pq.ParquetWriter(path, schema) as writer:
        while several:
            writer.write_table(pa.Table.from_pylist(several, schema=schema))
            several = list(islice(left, _ROWS_AT_ONCE))


def _platform_row(row: Mapping[str, Value], single: list[Column]) -> dict[str, Value | None]:
    codes = [row[f"{CODES}-0.{k}"] for k in range(NUM_CODES) if f"{CODES}-0.{k}" in row]
    renamed = {column.platform: row.get(column.classic) for column in single}
    return {EID: row[EID], **renamed, f"p{CODES}": str(codes) if codes else None}
