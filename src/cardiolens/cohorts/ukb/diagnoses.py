"""Dated diagnoses of people, from every place where the main table keeps them."""

from __future__ import annotations

import pandas as pd

from cardiolens.cohorts.ukb.columns import FieldColumn
from cardiolens.cohorts.ukb.main_table import MainTable

CODES, CODE_DATES = 41270, 41280
"""ICD-10 of all hospital records, and the day of each, in the same order."""
DEATH_DATE, UNDERLYING_CAUSE, CONTRIBUTORY_CAUSES = 40000, 40001, 40002
FIRST_OCCURRENCES = {
    "I20": 131296, "I21": 131298, "I22": 131300, "I23": 131302, "I24": 131304, "I25": 131306, "I42": 131338, "I43": 131340,
    "I46": 131346, "I47": 131348, "I48": 131350, "I49": 131352, "I50": 131354, "E10": 130706, "E11": 130708, "E12": 130710,
    "E13": 130712, "E14": 130714,
}  # fmt: skip
"""Fields of the day on which a three-character code was first reported by any source. It says nothing of the fourth character:
I25 is no old infarction (I25.2)."""
FIELDS = frozenset({CODES, CODE_DATES, DEATH_DATE, UNDERLYING_CAUSE, CONTRIBUTORY_CAUSES, *FIRST_OCCURRENCES.values()})


def events(table: MainTable) -> pd.DataFrame:
    """Columns `person` (row of the table), `code`, `day` (NaT where unknown) and `field`: hospital records, causes of death and
    first occurrences."""
    parts = [*_hospital(table), *_first_occurrences(table), *_deaths(table)]
    found = pd.concat([part for part in parts if len(part)] or [_events([], [], [], CODES)], ignore_index=True)
    return found[found["code"].notna() & (found["code"] != "")].reset_index(drop=True)


def death_days(table: MainTable) -> pd.Series:
    """The day of death per person, NaT where none is recorded."""
    found = pd.Series(pd.NaT, index=range(len(table.people)), dtype="datetime64[s]")
    for column in table.of_field(DEATH_DATE):
        found = found.fillna(table.days(column).astype("datetime64[s]"))
    return found


def _hospital(table: MainTable) -> list[pd.DataFrame]:
    parts = []
    for column in table.of_field(CODES):
        # A cell of the platform holds the whole list, a cell of the classic table one code.
        codes = table.lists(column)
        longest = int(codes.str.len().max()) if codes.notna().any() else 0
        for k in range(longest):
            kth = codes.str.get(k)
            days = table.days(FieldColumn(CODE_DATES, column.instance, column.array + k))
            here = kth.notna()
            parts.append(_events(here.index[here], kth[here], days[here], CODES))
    return parts


def _first_occurrences(table: MainTable) -> list[pd.DataFrame]:
    parts = []
    for code, field in FIRST_OCCURRENCES.items():
        # Missing text means no occurrence; text that is no day, one whose day is unknown.
        for column in table.of_field(field):
            there = table.texts(column).notna()
            parts.append(_events(there.index[there], [code] * int(there.sum()), table.days(column)[there], field))
    return parts


def _deaths(table: MainTable) -> list[pd.DataFrame]:
    days = death_days(table)
    parts = []
    for field in (UNDERLYING_CAUSE, CONTRIBUTORY_CAUSES):
        for column in table.of_field(field):
            codes = table.lists(column).explode()
            codes = codes[codes.notna()]
            parts.append(_events(codes.index, codes, days[codes.index], field))
    return parts


def _events(person: object, code: object, day: object, field: int) -> pd.DataFrame:
    days = pd.Series(list(day), dtype="datetime64[s]")
    people, codes = pd.Series(list(person), dtype="int64"), pd.Series(list(code), dtype="str")
    return pd.DataFrame({"person": people, "code": codes, "day": days, "field": field})
