"""Disease labels of a manifest's visits, from the codes in its own columns."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cardiolens.cohorts.archive.manifest import CODE_DAYS, CODES, DAY, DIED, RECORDS_END, SUBJECT, Manifest
from cardiolens.cohorts.labels.choices import LabelChoices
from cardiolens.cohorts.labels.codes import refuse_unknown_coding
from cardiolens.cohorts.labels.events import clean_events
from cardiolens.cohorts.labels.labels import label_visits
from cardiolens.errors import BadOption

_BETWEEN = r"[|;,]"


def manifest_labels(path: Path, told: Manifest, choices: LabelChoices) -> tuple[pd.DataFrame, dict[int, str]]:
    """Label columns of every row, and why a row has no dated ones; no columns where the manifest has no codes.

    An empty cell of codes is a person without diagnoses. Codes of all visits of a subject count for each of them. Records end
    at `records_end`, or with the last diagnosis of all.

    Raises:
        BadOption: codes of another coding, days that do not go with the codes, or a label that is a column already.
    """
    rows = told.rows
    if CODES not in rows:
        return pd.DataFrame(index=rows.index), {}
    raw = _events(path, rows)
    refuse_unknown_coding(raw["code"], f"column {CODES}")
    found = clean_events(raw, born=None)
    never = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[s]")
    ended = rows.get(RECORDS_END, never)
    last = found["day"].max()
    visits = pd.DataFrame(
        {
            "person": rows[SUBJECT],
            "ecg_day": rows.get(DAY, never),
            "known": True,
            "censored_day": ended if pd.isna(last) else ended.fillna(last),
            "death_day": rows.get(DIED, never),
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


def _events(path: Path, rows: pd.DataFrame) -> pd.DataFrame:
    codes = rows[CODES].str.split(_BETWEEN, regex=True)
    days = (
        rows[CODE_DAYS].str.split(_BETWEEN, regex=True)
        if CODE_DAYS in rows
        else pd.Series(None, index=rows.index, dtype=object)
    )
    days = days.where(days.notna(), codes.map(lambda cell: [""] * len(cell), na_action="ignore"))
    with_codes = codes.notna()
    if (unlike := codes[with_codes].str.len() != days[with_codes].str.len()).any():
        raise BadOption(
            path, found=f"{unlike.sum()} rows with other numbers of days than of codes, the first in row {unlike.idxmax() + 1}",
            expected=f"one entry of {CODE_DAYS} per code of {CODES}", remedy="leave an unknown day empty between two |",
        )  # fmt: skip
    flat = pd.DataFrame({"person": rows[SUBJECT], "code": codes, "day": days})[with_codes].explode(["code", "day"])
    day = pd.to_datetime(flat["day"].astype("str").str.strip().str.slice(0, 10), format="%Y-%m-%d", errors="coerce")
    return flat.assign(code=flat["code"].astype("str").str.strip(), day=day.astype("datetime64[s]")).reset_index(drop=True)
