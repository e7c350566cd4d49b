"""How UK Biobank names the columns of a main table: one way per tool that exports it.

classic   31-0.0            field-instance.array, id `eid`
R         f.31.0.0          the same with points, id `f.eid`
platform  p31, p21003_i2, p4080_i2_a1   parts left out where a field has one of them, id `eid`; perhaps `participant.` before
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cardiolens.errors import BadOption

_CLASSIC = re.compile(r"(\d+)-(\d+)\.(\d+)")
_R = re.compile(r"f\.(\d+)\.(\d+)\.(\d+)")
_PLATFORM = re.compile(r"p(\d+)(?:_i(\d+))?(?:_a(\d+))?")
_ENTITY = "participant."
_IDS = frozenset({"eid", "f.eid"})


class FieldColumn(NamedTuple):
    """One column of the main table."""

    field: int
    instance: int = 0
    """Which visit; 0 also for fields that have none."""
    array: int = 0
    """Which of several values."""


def parse_column(name: str) -> FieldColumn | None:
    """What a column is called, or None where the name is of no field."""
    plain = name.strip().strip('"').removeprefix(_ENTITY)
    for pattern in (_CLASSIC, _R, _PLATFORM):
        if found := pattern.fullmatch(plain):
            return FieldColumn(*(int(part or 0) for part in found.groups()))
    return None


def is_participant_column(name: str) -> bool:
    """Whether a column holds participants' numbers."""
    return name.strip().strip('"').removeprefix(_ENTITY) in _IDS


def in_both_namings(column: FieldColumn) -> str:
    """A column as the user will find it: "21003-2.0 (p21003_i2)"."""
    parts = f"_i{column.instance}" * bool(column.instance) + f"_a{column.array}" * bool(column.array)
    return f"{column.field}-{column.instance}.{column.array} (p{column.field}{parts})"


def participant_column(path: Path, names: Sequence[str]) -> str:
    """The one column of participants' numbers.

    Raises:
        BadOption: there is none, or several.
    """
    ids = [name for name in names if is_participant_column(name)]
    if len(ids) != 1:
        raise BadOption(
            path,
            found="no column eid" if not ids else f"{len(ids)} columns of participants",
            expected="one column eid (f.eid, participant.eid)",
            remedy="export the table with its participants",
        )
    return ids[0]


def field_columns(path: Path, names: Sequence[str]) -> dict[FieldColumn, str]:
    """The table's own name of every column of a field.

    Raises:
        BadOption: two columns mean the same.
    """
    found: dict[FieldColumn, str] = {}
    for name in names:
        column = parse_column(name)
        if column is None:
            continue
        if column in found:
            raise BadOption(
                path, found=f"two columns for {in_both_namings(column)}", expected="one", remedy="leave one of them out"
            )
        found[column] = name
    return found
