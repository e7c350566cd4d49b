"""A user's manifest: one row per visit, with the paths of its files and whatever else is known.

Columns with a meaning: `subject` and `ecg` (needed), `mri`, `masks`, `visit`, `day` (of the ECG), `icd10` and `icd10_days`
(codes and their days, joined by |), `died`, `records_end`. All others are kept under their own names where they hold numbers,
yes or no, or a few words such as a sex or a site. What could tell who somebody is, is left out and named.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cardiolens.cohorts.phenotype_sources import participant_texts, read_table
from cardiolens.errors import BadOption
from cardiolens.formats import patient

SUBJECT, ECG, MRI, MASKS, VISIT, DAY = "subject", "ecg", "mri", "masks", "visit", "day"
CODES, CODE_DAYS, DIED, RECORDS_END = "icd10", "icd10_days", "died", "records_end"
WITH_A_MEANING = frozenset({SUBJECT, ECG, MRI, MASKS, VISIT, DAY, CODES, CODE_DAYS, DIED, RECORDS_END})
_TAKEN = frozenset({"split", "has_cmr", "row", "reason", "part", "lost"})
_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,63}")
_IDENTIFYING = re.compile(
    r"(^|_)(name|surname|forename|first_?name|last_?name|family|given|birth\w*|born|dob|nhs|mrn|pid|eid|id|ssn|address|street"
    r"|postcode|zip|phone|email|insurance)($|_)",
)
_MOST_WORDS = 30
_LONGEST_WORDS = 40
_ID_DIGITS = 1_000_000
_YES_NO = {"true": "1", "false": "0", "yes": "1", "no": "0"}


@dataclass(frozen=True, eq=False)
class Manifest:
    """A checked manifest, one row per visit in the user's order."""

    folder: Path
    """Relative paths are meant from here."""
    rows: pd.DataFrame
    """`subject` and `visit`, and the other columns with a meaning that there are: paths and codes as text, days as
    datetime64."""
    numbers: pd.DataFrame
    """float64, NaN where unknown."""
    texts: pd.DataFrame
    """Text, None where unknown."""
    left_out: dict[str, str]
    """Columns that are not kept, and why."""


def read_manifest(path: Path) -> Manifest:
    """Read and check a manifest.

    Raises:
        BadOption: it cannot be read, lacks a column, has an empty cell in one that is needed, a visit or an ECG twice, a day
            that is none, or a column whose name is taken.
    """
    table = read_table(path)
    table.columns = [str(name).strip().lower() for name in table]
    _refuse(path, table.columns.duplicated(), "columns of one name", "each name once")
    for name in (SUBJECT, ECG):
        if name not in table:
            raise BadOption(path, found=f"no column {name}", expected="columns subject and ecg", remedy="name the columns so")
    table = table.astype(dict.fromkeys(WITH_A_MEANING & set(table), "str")).replace({"": None})
    for name in (SUBJECT, ECG):
        _refuse(path, table[name].isna(), f"empty cells in {name}", "one in every row")
    if taken := sorted(_TAKEN & set(table)):
        raise BadOption(path, found=f"a column {taken[0]}", expected="another name; this one is taken", remedy="rename it")
    rows = table[[name for name in table if name in WITH_A_MEANING]].copy()
    rows[SUBJECT] = participant_texts(rows[SUBJECT])
    rows[VISIT] = _visits(path, rows)
    for name in (DAY, DIED, RECORDS_END):
        if name in rows:
            rows[name] = _days(path, rows[name])
    _refuse(path, rows.duplicated([SUBJECT, VISIT]), "visits of one subject and number", "each visit once")
    _refuse(path, rows[ECG].duplicated(), "ECG files named twice", "each file once, since two subjects cannot share one")
    numbers, texts, left_out = _others(table.drop(columns=list(WITH_A_MEANING & set(table))))
    return Manifest(path.resolve().parent, rows.reset_index(drop=True), numbers, texts, left_out)


def _visits(path: Path, rows: pd.DataFrame) -> pd.Series:
    """Numbers as given, or counted from 0 in the order of the rows."""
    if VISIT not in rows:
        return rows.groupby(SUBJECT).cumcount()
    numbers = pd.to_numeric(rows[VISIT], errors="coerce")
    _refuse(path, numbers.isna() | (numbers != numbers.round()), f"entries in {VISIT} that are no whole number", "0, 1, 2 ...")
    return numbers.astype(int)


def _days(path: Path, texts: pd.Series) -> pd.Series:
    days = pd.to_datetime(texts.str.strip().str.slice(0, 10), format="%Y-%m-%d", errors="coerce")
    _refuse(path, texts.notna() & days.isna(), f"entries in {texts.name} that are no day", "days such as 2019-05-31")
    return days.astype("datetime64[s]")


def _others(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, str]]:
    """Numbers, texts and what is left out."""
    numbers, texts, left_out = {}, {}, {}
    for name in table:
        words = table[name].astype("str").str.strip()
        values = pd.to_numeric(words.str.lower().map(lambda word: _YES_NO.get(word, word), na_action="ignore"), errors="coerce")
        is_number = bool(values.notna().any() and not (words.notna() & (words != "") & values.isna()).any())
        if why := _why_not(name, words, values.to_numpy(np.float64), is_number=is_number):
            left_out[name] = why
        elif name == "sex":
            texts[name] = words.map(patient.sex, na_action="ignore")
        elif is_number:
            numbers[name] = values.astype(np.float64)
        else:
            texts[name] = words
    shown = pd.DataFrame(texts, index=table.index).astype(object)
    return pd.DataFrame(numbers, index=table.index), shown.where(shown.notna(), None), left_out


def _why_not(name: str, words: pd.Series, values: np.ndarray, *, is_number: bool) -> str | None:
    if not _COLUMN.fullmatch(name):
        return "its name is not made of small letters, digits and _"
    if _IDENTIFYING.search(name):
        return "its name says that it tells who somebody is"
    if not words.notna().any():
        return "it is empty"
    if is_number:
        known = values[np.isfinite(values)]
        looks_like_numbers = len(known) and (known == known.round()).all() and (np.abs(known) >= _ID_DIGITS).mean() > 0.5
        return "its numbers could be those of people" if looks_like_numbers else None
    if words.nunique() > _MOST_WORDS or words.str.len().max() > _LONGEST_WORDS:
        return f"it holds {words.nunique()} different texts, which could tell who somebody is"
    return None


def _refuse(path: Path, wrong: Collection[bool], what: str, expected: str) -> None:
    places = np.flatnonzero(np.asarray(wrong))
    if len(places):
        raise BadOption(
            path, found=f"{len(places)} {what}, the first in row {places[0] + 1}", expected=expected, remedy="mend the manifest"
        )
