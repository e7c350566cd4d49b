"""Main tables of a few made-up people, for tests of whatever reads one."""

import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cardiolens.cohorts.ukb import covariates as body
from cardiolens.cohorts.ukb import diagnoses
from cardiolens.cohorts.ukb.main_table import MainTable, read_main_table
from cardiolens.imaging.phenotype_table import PHENOTYPES

PEOPLE = (1000001, 2345678, 5999999)
FIELDS = body.FIELDS | diagnoses.FIELDS | {phenotype.ukb_field for phenotype in PHENOTYPES}


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def csv_of(path: Path, cells: Mapping[str, Sequence[object]], people: Sequence[int] = PEOPLE) -> Path:
    """A classic CSV: cells of the people in their order by column, those that are missing at the end empty."""
    padded = {name: [*column[: len(people)], *[""] * (len(people) - len(column))] for name, column in cells.items()}
    lines = [("eid", *padded), *zip(people, *padded.values(), strict=True)]
    return written(path, "".join(",".join(f'"{cell}"' for cell in line) + "\n" for line in lines))


def read(*paths: Path, people: Sequence[int] = PEOPLE, fields=FIELDS) -> MainTable:
    return read_main_table(paths, fields, np.array(people))


def table_of(folder: Path, cells: Mapping[str, Sequence[object]], people: Sequence[int] = PEOPLE) -> MainTable:
    """Read back from the disk."""
    return read(csv_of(folder / "main.csv", cells, people), people=people)


def everything_said(error: BaseException) -> str:
    """All that a terminal or a log could show of an error, its causes included."""
    return "".join(traceback.format_exception(error))
