"""Disease labels of imaging visits from the main table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from jaxtyping import Int

from cardiolens.cohorts.labels.choices import LabelChoices
from cardiolens.cohorts.labels.codes import refuse_unknown_coding
from cardiolens.cohorts.labels.events import clean_events
from cardiolens.cohorts.labels.labels import label_visits
from cardiolens.cohorts.ukb.columns import FieldColumn
from cardiolens.cohorts.ukb.covariates import LOST, born, country, visit_days
from cardiolens.cohorts.ukb.diagnoses import CODES, death_days, events
from cardiolens.cohorts.ukb.main_table import MainTable
from cardiolens.errors import BadOption

COUNTRIES = ("England", "Scotland", "Wales")
_DAY = "datetime64[s]"


@dataclass(frozen=True, eq=False)
class UkbLabels:
    """Labels of every visit."""

    columns: pd.DataFrame
    reasons: list[dict[str, str]]
    """Per visit, why its dated labels are unknown although it is in the table; empty where they are known."""
    censored: dict[str, str]
    """By country, the day that was taken as the end of the records."""


def parse_censoring(texts: list[str]) -> dict[str, date]:
    """`2022-10-31` for all countries, or `Scotland=2022-08-31` for one, several times.

    Raises:
        BadOption: no such country or no day.
    """
    found: dict[str, date] = {}
    for text in texts:
        name, _, day = text.rpartition("=")
        try:
            ends = date.fromisoformat(day)
        except ValueError:
            ends = None
        if ends is None or (name and name.capitalize() not in COUNTRIES):
            raise BadOption(
                "--censor",
                found=text,
                expected="a day such as 2022-10-31, or Scotland=2022-08-31",
                remedy="mend the day or country",
            )
        found |= dict.fromkeys([name.capitalize()] if name else COUNTRIES, ends)
    return found


def visit_labels(
    table: MainTable,
    person: Int[np.ndarray, " visit"],
    instance: Int[np.ndarray, " visit"],
    choices: LabelChoices,
    ended: Mapping[str, date],
) -> UkbLabels:
    """Labels of the visits of `person` (row of the table); none where the table has no diagnoses at all.

    `ended` is, by country, the day on which hospital records end; countries without one take the last day that is recorded.
    Who is not in a table with hospital records is outside the records, whatever else a table says of them.

    Raises:
        BadOption: the diagnoses are in another coding than ICD-10.
    """
    if not table.of_field(CODES):
        return UkbLabels(pd.DataFrame(index=range(len(person))), [{} for _ in person], {})
    raw = events(table)
    refuse_unknown_coding(raw.loc[raw["field"] == CODES, "code"], f"field {CODES}")
    found = clean_events(raw, born=born(table))
    ends = _ends(found, ended)
    censored = country(table).map(ends).astype(_DAY)
    lost = table.days(FieldColumn(LOST)).astype(_DAY)
    censored = censored.where(~(lost < censored), lost)
    days = visit_days(table, person, instance)
    backwards = _backwards(person, instance, days)
    visits = pd.DataFrame(
        {
            "person": person,
            "ecg_day": days.where(~backwards),
            "known": table.asked(CODES)[person],
            "censored_day": censored.iloc[person].to_numpy(),
            "death_day": death_days(table).iloc[person].to_numpy(),
        }
    )
    labels = label_visits(visits, found, choices.code_set.diseases, choices.rules)
    undated = (visits["known"] & days.isna()).tolist()
    reasons = [_reason(labels.reasons.get(k), bool(backwards[k]), undated=undated[k]) for k in range(len(person))]
    return UkbLabels(labels.columns, reasons, {name: f"{day:%Y-%m-%d}" for name, day in ends.dropna().items()})


def _ends(found: pd.DataFrame, given: Mapping[str, date]) -> pd.Series:
    last = found["day"].max()
    return pd.Series({name: pd.Timestamp(given[name]) if name in given else last for name in COUNTRIES}, dtype=_DAY)


def _backwards(person: Int[np.ndarray, " visit"], instance: Int[np.ndarray, " visit"], days: pd.Series) -> pd.Series:
    """Visits of people whose repeated visit is dated before the first one."""
    table = pd.DataFrame({"person": person, "instance": instance, "day": days}).dropna().sort_values(["person", "instance"])
    wrong = table.loc[table.groupby("person")["day"].diff() < pd.Timedelta(0), "person"]
    return pd.Series(np.isin(person, wrong))


def _reason(reason: str | None, backwards: bool, *, undated: bool) -> dict[str, str]:
    if backwards:
        reason = "the repeated visit is dated before the first one"
    elif undated:
        reason = "the table has no date of the visit"
    return {} if reason is None else {"labels": f"{reason}: what depends on dates is unknown"}
