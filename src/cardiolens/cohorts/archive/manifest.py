"""A user's manifest: one row per visit, with the paths of its files and whatever else is known.

Columns with a meaning: `subject` and `ecg` (needed), `mri`, `masks`, `visit`, `day` (of the ECG), `icd10` and `icd10_days`
(codes and their days, joined by |), `died`, `records_end`. All others are kept under their own names where they hold numbers,
yes or no, or a few words such as a sex or a site. What could tell who somebody is, is left out and named.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from cardiolens.cohorts.file_rows import HEART_RATE
from cardiolens.cohorts.phenotype_sources import participant_texts, read_table
from cardiolens.cohorts.training_sets import EVERYBODY
from cardiolens.cohorts.withdraw import bare_number
from cardiolens.errors import BadOption
from cardiolens.formats import patient
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS

SUBJECT, ECG, MRI, MASKS, VISIT, DAY = "subject", "ecg", "mri", "masks", "visit", "day"
CODES, CODE_DAYS, DIED, RECORDS_END = "icd10", "icd10_days", "died", "records_end"
WITH_A_MEANING = frozenset({SUBJECT, ECG, MRI, MASKS, VISIT, DAY, CODES, CODE_DAYS, DIED, RECORDS_END})
_TAKEN = frozenset({"split", "has_cmr", "row", "reason", "part", "lost", "digest", EVERYBODY})
_NUMBERS_ONLY = frozenset({*PHENOTYPE_COLUMNS, HEART_RATE, "age_years"})
_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,63}")
_IDENTIFYING = re.compile(
    r"(^|_)(name|surname|forename|first_?name|last_?name|family|given|birth\w*|born|dob|nhs|mrn|pid|eid|id|ssn|address|street"
    r"|postcode|zip|phone|email|insurance|patient|participant|person|passport|accession|nachname|vorname|geburt\w*)($|_)"
    r"|_(no|nr|number)$",
)
_MOST_WORDS = 30
_LONGEST_WORDS = 40
_ID_DIGITS = 1_000_000
_YES_NO = {"true": "1", "false": "0", "yes": "1", "no": "0"}
_NO_SEX = frozenset({"u", "unk", "unknown", "o", "other", "x", "d", "?", "-"})
_ROUNDED = r"\d(\.\d+)?[eE]\+\d+"
_LAST_VISIT = 1_000_000
_WFDB = frozenset({".dat", ".mat"})


@dataclass(frozen=True, eq=False)
class Manifest:
    """A checked manifest, one row per visit in the user's order."""

    folder: Path
    """Relative paths are meant from here."""
    rows: pd.DataFrame = field(repr=False)
    """`subject` and `visit`, and the other columns with a meaning that there are: paths and codes as text, days as
    datetime64."""
    numbers: pd.DataFrame = field(repr=False)
    """float64, NaN where unknown."""
    texts: pd.DataFrame = field(repr=False)
    """Text, None where unknown."""
    left_out: dict[str, str]
    """Columns that are not kept, and why."""


def read_manifest(path: Path) -> Manifest:
    """Read and check a manifest.

    Raises:
        BadOption: it cannot be read, lacks a column or rows, has an empty cell in a column that is needed, a visit or an ECG
            twice, an MRI of two subjects, a day that is none, a sex that is none, or a column whose name is taken.
    """
    # A table of pandas may have kept numbers of rows that it no longer has.
    table = read_table(path).reset_index(drop=True)
    table.columns = [str(name).strip().lower() for name in table]
    for name in (SUBJECT, ECG):
        if name not in table:
            raise BadOption(path, found=f"no column {name}", expected="columns subject and ecg", remedy="name the columns so")
    for name in table.columns[table.columns.duplicated()]:
        raise BadOption(path, found=f"two columns {name[:64]}", expected="each name once", remedy="rename one of them")
    if taken := sorted(_TAKEN & set(table)):
        raise BadOption(path, found=f"a column {taken[0]}", expected="another name; this one is taken", remedy="rename it")
    if table.empty:
        raise BadOption(path, found="no rows", expected="one row per visit", remedy="write a row for every ECG")
    rows = pd.DataFrame({name: _texts(table[name]) for name in table if name in WITH_A_MEANING})
    for name in (SUBJECT, ECG):
        _refuse(path, rows[name].isna(), f"empty cells in {name}", "one in every row")
    rows[SUBJECT] = participant_texts(rows[SUBJECT])
    _refuse_unclear_subjects(path, rows[SUBJECT])
    rows[VISIT] = _visits(path, rows)
    for name in (DAY, DIED, RECORDS_END):
        if name in rows:
            rows[name] = days(path, rows[name])
    _refuse(path, rows.duplicated([SUBJECT, VISIT]), "visits of one subject and number", "each visit once")
    folder = path.resolve().parent
    _refuse_shared_files(path, rows, folder)
    others = table.drop(columns=list(WITH_A_MEANING & set(table)))
    return Manifest(folder, rows, *_others(path, others, rows[SUBJECT]))


def days(path: Path, texts: pd.Series) -> pd.Series:
    """Days of a column of text; what follows the day, such as a time, does not count.

    Raises:
        BadOption: an entry is no day.
    """
    found = pd.to_datetime(texts.str.slice(0, 10), format="%Y-%m-%d", errors="coerce")
    _refuse(path, texts.notna() & found.isna(), f"entries in {texts.name} that are no day", "days such as 2019-05-31")
    return found.astype("datetime64[s]")


def _texts(column: pd.Series) -> pd.Series:
    """Without blanks at the ends; missing where nothing is left."""
    words = column.astype("str").str.strip()
    return words.mask(words == "")


def _refuse_unclear_subjects(path: Path, subjects: pd.Series) -> None:
    rounded = subjects.str.fullmatch(_ROUNDED)
    _refuse(path, rounded, "subjects that a spreadsheet rounded", "every digit of them", "take the numbers from their source")
    # Who is 00123 in one row and 123 in another would be two people, in two splits.
    two_ways = subjects.groupby(subjects.map(bare_number)).transform("nunique") > 1
    _refuse(
        path, two_ways, "rows of numbers that are written with and without zeros before them", "one way of writing a subject"
    )


def _visits(path: Path, rows: pd.DataFrame) -> pd.Series:
    """Numbers as given, or counted from 0 in the order of the rows."""
    if VISIT not in rows:
        return rows.groupby(SUBJECT).cumcount()
    numbers = pd.to_numeric(rows[VISIT], errors="coerce")
    wrong = ~numbers.between(0, _LAST_VISIT) | (numbers != numbers.round())
    _refuse(path, wrong, f"entries in {VISIT} that are no whole number", "0, 1, 2 ...")
    return numbers.astype(int)


def _refuse_shared_files(path: Path, rows: pd.DataFrame, folder: Path) -> None:
    """However a path is written: two subjects with one file would be one person in two splits."""
    expected = "each file once, since two subjects cannot share one"
    _refuse(path, rows[ECG].map(lambda cell: _place(folder, cell)).duplicated(), "ECG files named twice", expected)
    if MRI in rows:
        places = rows[MRI].map(lambda cell: _place(folder, cell), na_action="ignore")
        shared = rows[SUBJECT].groupby(places).transform("nunique") > 1
        _refuse(path, shared, "rows with an MRI of another subject", "each MRI with one subject")


def _place(folder: Path, cell: str) -> str:
    file = Path(os.path.normpath(folder / cell))
    # A record of WFDB may be named by its header or by its samples.
    return str(file.with_suffix(".hea") if file.suffix.lower() in _WFDB else file)


def _others(path: Path, table: pd.DataFrame, people: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, str]]:
    """Numbers, texts and what is left out."""
    numbers, texts, left_out = {}, {}, {}
    for name in table:
        words = _texts(table[name])
        values = pd.to_numeric(words.str.lower().map(lambda word: _YES_NO.get(word, word), na_action="ignore"), errors="coerce")
        is_number = bool(values.notna().any() and not (words.notna() & values.isna()).any())
        if name == "sex":
            texts[name] = _sexes(path, words)
        elif why := _why_not(name, words, values.to_numpy(np.float64), people, is_number=is_number):
            left_out[name] = why
        elif is_number:
            numbers[name] = values.astype(np.float64)
        else:
            texts[name] = words
    shown = pd.DataFrame(texts, index=table.index).astype(object)
    return pd.DataFrame(numbers, index=table.index), shown.where(shown.notna(), None), left_out


def _sexes(path: Path, words: pd.Series) -> pd.Series:
    """F or M. Codes such as 0 and 1 mean one thing here and another there, so they are not guessed."""
    found = words.map(patient.sex, na_action="ignore")
    unclear = words.notna() & found.isna() & ~words.str.lower().isin(_NO_SEX)
    _refuse(path, unclear, "entries in sex that are neither F nor M", "F, M, female, male, or an empty cell")
    return found


def _why_not(name: str, words: pd.Series, values: np.ndarray, people: pd.Series, *, is_number: bool) -> str | None:
    if not _COLUMN.fullmatch(name):
        return "its name is not made of small letters, digits and _"
    if _IDENTIFYING.search(name):
        return "its name says that it tells who somebody is"
    if not words.notna().any():
        return "it is empty"
    if (words == people).mean() > 0.5:
        return "it repeats the subjects"
    if is_number:
        known = values[~np.isnan(values)]
        if np.isinf(known).any():
            return "some of its numbers are infinite"
        could_be_people = (known == known.round()).all() and (np.abs(known) >= _ID_DIGITS).mean() > 0.5
        return "its numbers could be those of people" if could_be_people else None
    if name in _NUMBERS_ONLY:
        return "it should hold numbers and holds text"
    different = words.nunique()
    # A word that hardly two people share tells who they are, however few there are.
    if different > min(_MOST_WORDS, people[words.notna()].nunique() / 2) or words.str.len().max() > _LONGEST_WORDS:
        return f"it holds {different} different texts, which could tell who somebody is"
    return None


def _refuse(path: Path, wrong: pd.Series, what: str, expected: str, remedy: str = "mend the manifest") -> None:
    places = np.flatnonzero(np.asarray(wrong))
    if len(places):
        raise BadOption(path, found=f"{len(places)} {what}, the first in row {places[0] + 1}", expected=expected, remedy=remedy)
