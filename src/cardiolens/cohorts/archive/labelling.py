"""Disease labels of a manifest's visits, from the codes in its own columns."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cardiolens.cohorts.archive.manifest import CODE_DAYS, CODES, DAY, DIED, RECORDS_END, SUBJECT, Manifest, days
from cardiolens.cohorts.labels.choices import LabelChoices
from cardiolens.cohorts.labels.codes import refuse_unknown_coding
from cardiolens.cohorts.labels.events import clean_events
from cardiolens.cohorts.labels.labels import label_visits
from cardiolens.errors import BadOption

_BETWEEN = "[|;,]"


def manifest_labels(path: Path, told: Manifest, choices: LabelChoices) -> tuple[pd.DataFrame, dict[int, str]]:
    """Label columns of every row, and why a row has no dated ones; no columns where the manifest has no codes.

    An empty cell of codes is a person without diagnoses. Codes of all visits of a subject count for each of them, and so do
    the day of death and the end of records. Records end at `records_end`, or with the last diagnosis of all.

    Raises:
        BadOption: codes of another coding, days that do not go with the codes or are none, two deaths of one subject, or a
            label that is a column already.
    """
    rows = told.rows
    if CODES not in rows:
        if CODE_DAYS in rows:
            raise BadOption(
                path,
                found=f"a column {CODE_DAYS} without {CODES}",
                expected="both",
                remedy=f"add {CODES}, or leave out its days",
            )
        return pd.DataFrame(index=rows.index), {}
    raw = _events(path, rows)
    refuse_unknown_coding(raw["code"], f"column {CODES}")
    found = clean_events(raw, born=None)
    never = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[s]")
    ended = _of_person(path, rows, RECORDS_END) if RECORDS_END in rows else never
    last = found["day"].max()
    visits = pd.DataFrame(
        {
            "person": rows[SUBJECT],
            "ecg_day": rows.get(DAY, never),
            "known": True,
            "censored_day": ended if pd.isna(last) else ended.fillna(last),
            "death_day": _of_person(path, rows, DIED) if DIED in rows else never,
        }
    )
    labels = label_visits(visits, found, choices.code_set.diseases, choices.rules)
    if both := sorted(set(labels.columns) & (set(told.numbers) | set(told.texts))):
        raise BadOption(
            path,
            found=f"a column {both[0]} beside codes that make one",
            expected="one of them",
            remedy=f"leave out {both[0]} or {CODES}",
        )
    return labels.columns, {row: f"{reason}: what depends on dates is unknown" for row, reason in labels.reasons.items()}


def _of_person(path: Path, rows: pd.DataFrame, name: str) -> pd.Series:
    """A day that is given at one visit holds for all visits of the subject."""
    of_person = rows.groupby(SUBJECT)[name]
    if (several := of_person.transform("nunique") > 1).any():
        raise BadOption(
            path, found=f"subjects with two days in {name}, the first in row {several.idxmax() + 1}",
            expected="one day per subject", remedy="mend the manifest",
        )  # fmt: skip
    return of_person.transform("max")


def _events(path: Path, rows: pd.DataFrame) -> pd.DataFrame:
    """Every code with its day, for the subject of its row."""
    codes = _entries(rows[CODES])
    told = _entries(rows[CODE_DAYS]) if CODE_DAYS in rows else [[] for _ in codes]
    unlike = [row for row, (some, when) in enumerate(zip(codes, told, strict=True)) if when and len(some) != len(when)]
    if unlike:
        raise BadOption(
            path, found=f"{len(unlike)} rows with other numbers of days than of codes, the first in row {unlike[0] + 1}",
            expected=f"one entry of {CODE_DAYS} per code of {CODES}", remedy="leave an unknown day empty between two |",
        )  # fmt: skip
    flat = [
        (person, code, day)
        for person, some, when in zip(rows[SUBJECT], codes, told, strict=True)
        for code, day in zip(some, when or [""] * len(some), strict=True)
    ]
    events = pd.DataFrame(flat, columns=["person", "code", CODE_DAYS], dtype="str")
    written = events[CODE_DAYS].mask(events[CODE_DAYS] == "")
    return pd.DataFrame({"person": events["person"], "code": events["code"], "day": days(path, written)})


def _entries(cells: pd.Series) -> list[list[str]]:
    """What stands between the separators of every cell; nothing in an empty one."""
    split = cells.fillna("").str.split(_BETWEEN, regex=True)
    return [[entry.strip() for entry in entries] if entries != [""] else [] for entries in split]
