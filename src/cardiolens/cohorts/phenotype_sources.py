"""Where each phenotype column of a cohort comes from: one source per column, since two methods measure differently."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

import numpy as np
import pandas as pd

from cardiolens.errors import BadOption
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS, PHENOTYPES


class Source(StrEnum):
    """Who measured a phenotype."""

    OWN = "own"
    """This program, on the MRI."""
    UKB = "ukb"
    """UK Biobank's fields 24100 to 24174."""
    TABLE = "table"
    """A table of the user."""


OWN_WITH_STRAIN = PHENOTYPE_COLUMNS
OWN_WITHOUT_STRAIN = tuple(p.column for p in PHENOTYPES if p.group not in {"Ecc", "Err"})
_UNIT = re.compile(r"\s*[(\[](.*)[)\]]\s*$")
_LEAST_READABLE = 0.5
_UNITS = {phenotype.column: phenotype.unit for phenotype in PHENOTYPES}
_ALSO = {
    name: phenotype.column
    for phenotype in PHENOTYPES
    for name in (phenotype.column.lower(), phenotype.name.lower(), phenotype.name.lower().replace("_aha_", "_"))
}


def parse_order(text: str) -> tuple[Source, ...]:
    """`own,ukb,table` in any order, each at most once.

    Raises:
        BadOption: another word, or one twice.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or len(set(names)) < len(names) or not set(names) <= set(Source):
        raise BadOption(
            "--phenotypes", found=text, expected=f"some of {', '.join(Source)}, the first choice first", remedy="mend the list"
        )
    return tuple(Source(name) for name in names)


def choose_sources(order: Sequence[Source], available: Mapping[Source, Collection[str]]) -> dict[str, Source]:
    """For each phenotype column the first source that has it; columns that none has are left out."""
    chosen = {}
    for column in PHENOTYPE_COLUMNS:
        source = next((source for source in order if column in available.get(source, ())), None)
        if source is not None:
            chosen[column] = source
    return chosen


def read_phenotype_table(path: Path, *, first_visit: int) -> pd.DataFrame:
    """A user's phenotypes: rows by (participant as text, visit), columns named as ours.

    A column is known by our name (`lvedv_ml`) or the field's (`LVEDV (mL)`, `WT_AHA_1`), units as in ours. The participant
    is in `eid` or `subject`, the visit in `instance` or `visit`; without it every row is of `first_visit`.

    Raises:
        BadOption: it cannot be read, has no participants or no phenotypes, a phenotype or a visit twice, or another unit.
    """
    table = read_table(path)
    names = {name: _ALSO.get(_UNIT.sub("", str(name)).strip().lower()) for name in table}
    known = {name: column for name, column in names.items() if column}
    people = next((name for name in table if str(name).lower() in {"eid", "subject"}), None)
    if people is None or not known:
        raise BadOption(
            path, found="no column eid or subject" if people is None else "no phenotype among the columns",
            expected="a participant per row and columns such as lvedv_ml or LVEDV (mL)", remedy="rename the columns",
        )  # fmt: skip
    _refuse_other_units(path, known)
    visit = next((name for name in table if str(name).lower() in {"instance", "visit"}), None)
    values = table[list(known)].apply(pd.to_numeric, errors="coerce").astype(np.float64).rename(columns=known)
    if values.notna().sum().sum() < _LEAST_READABLE * table[list(known)].notna().sum().sum():
        raise BadOption(path, found="cells that are no numbers", expected="numbers with decimal points", remedy="convert them")
    visits = pd.to_numeric(table[visit], errors="coerce").fillna(-1).astype(int) if visit else first_visit
    values.index = pd.MultiIndex.from_arrays([participant_texts(table[people]), np.broadcast_to(visits, len(table))])
    if (twice := values.index.duplicated()).any():
        raise BadOption(
            path,
            found=f"{twice.sum()} visits more than once",
            expected="one row per participant and visit",
            remedy="remove them",
        )
    return values


def _refuse_other_units(path: Path, known: Mapping[str, str]) -> None:
    for name, column in known.items():
        unit = _UNIT.search(name)
        if unit and unit[1].strip().lower() != _UNITS[column].lower():
            raise BadOption(path, found=f"column {name}", expected=f"{column} in {_UNITS[column]}", remedy="convert the column")
    columns = list(known.values())
    if twice := [column for column in columns if columns.count(column) > 1]:
        raise BadOption(path, found=f"two columns for {twice[0]}", expected="one", remedy="leave one of them out")


def read_table(path: Path) -> pd.DataFrame:
    """A CSV or Parquet table of the user, cells of a CSV as text.

    Raises:
        BadOption: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            is_parquet = file.read(4) == b"PAR1"
        return pd.read_parquet(path) if is_parquet else pd.read_csv(path, dtype=str, index_col=False, encoding="utf-8-sig")
    except (OSError, ValueError, pd.errors.ParserError) as error:
        # What pandas says may quote a person's row.
        raise BadOption(
            path, found=f"a file that cannot be read ({type(error).__name__})", expected="a CSV (UTF-8) or Parquet table",
            remedy="check path and format",
        ) from None  # fmt: skip


def participant_texts(people: pd.Series) -> pd.Series:
    """Participants as text, whole numbers without the point that some tables give them."""
    return people.astype("str").str.strip().str.replace(r"^(\d+)\.0$", r"\1", regex=True)
