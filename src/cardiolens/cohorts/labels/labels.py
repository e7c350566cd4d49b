"""Labels of visits: who has a disease at all, who had it by the ECG, and to whom it came within some years after it.

What is not known stays NaN and never becomes "healthy": a person outside the records, a diagnosis without a day, records that
end before the question can be answered.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from cardiolens.cohorts.labels.code_sets import Disease
from cardiolens.cohorts.labels.codes import codes_match
from cardiolens.configs import refuse_outside

FOLLOWUP = "followup_days"
_DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class LabelRules:
    """How labels are made of events."""

    horizon_years: float = 5.0
    """A disease that first comes within this time after the ECG is incident."""

    def __post_init__(self) -> None:
        refuse_outside(self, {"horizon_years": (0.01 <= self.horizon_years <= 100, "0.01 to 100 years")})

    @property
    def horizon_days(self) -> int:
        """The last day, counted from the ECG, that is within the horizon: 1826 for five years."""
        return math.floor(self.horizon_years * _DAYS_PER_YEAR)

    @property
    def incident(self) -> str:
        """How the column of new cases ends: `incident_5y`, or `incident_2_5y` for two and a half years."""
        return f"incident_{self.horizon_years:g}y".replace(".", "_")


@dataclass(frozen=True, eq=False)
class VisitLabels:
    """The labels of every visit."""

    columns: pd.DataFrame
    """float64, indexed as the visits, NaN where unknown. For each disease d:

    - `d`: 1 for any event whatever its day, 0 for a person in the records without one (past or future, as in the paper);
    - `d_prevalent`: 1 where the first dated event is on the day of the ECG or before;
    - `d_incident_5y`: 1 where it came within the horizon after the ECG, NaN for the prevalent;
    - `d_days`: days from the ECG to the first dated event, negative before it.

    And once `followup_days`: from the ECG to death or the end of the records, whichever is first; NaN for a person outside
    the records and where they end before the ECG."""
    reasons: dict[int, str] = field(default_factory=dict)
    """Why a visit has no dated labels although all its days are known, by its position."""


def label_visits(visits: pd.DataFrame, events: pd.DataFrame, diseases: Sequence[Disease], rules: LabelRules) -> VisitLabels:
    """Label every visit from the events of its person, as `clean_events` gives them.

    `visits` has the columns `person`, `ecg_day` (NaT if unknown), `known` (whether the person is in the records at all),
    `censored_day` (the last day of that person's records) and `death_day` (NaT where alive).

    Without a day of the ECG only `d` is known; so it is where death is dated before the ECG, which is an error of the
    records. A diagnosis on the day of the ECG is prevalent, since the ECG then foretells nothing. Events without a day
    leave open whether they came before, and so do records that end before the ECG. Who died without the disease is no new
    case, whenever that was.
    """
    # Numbers in one table and text in the other would match nobody and make everybody healthy.
    assert events.empty or visits.empty or _kind(visits["person"]) == _kind(events["person"]), "persons of two types"
    people = pd.Index(visits["person"].unique())
    of_visit = people.get_indexer(visits["person"])
    events = events[events["person"].isin(people)]
    of_event, event_day = people.get_indexer(events["person"]), _days(events["day"])
    times = _times(visits)
    columns: dict[str, Float[np.ndarray, " visit"]] = {}
    for disease in diseases:
        hit = codes_match(events["code"], disease.codes, exact=disease.exact)
        ever, undated, first_day = (of_person[of_visit] for of_person in _histories(of_event[hit], event_day[hit], len(people)))
        days = first_day - times.ecg
        prevalent = _prevalent(days, undated, times)
        columns[disease.name] = np.where(ever, 1.0, np.where(times.known, 0.0, np.nan))
        columns[f"{disease.name}_prevalent"] = prevalent
        columns[f"{disease.name}_{rules.incident}"] = _incident(days, prevalent, times, rules.horizon_days)
        columns[f"{disease.name}_days"] = days
    assert len(columns) == 4 * len(diseases), "diseases of one name"
    columns[FOLLOWUP] = times.followed
    return VisitLabels(pd.DataFrame(columns, index=visits.index), times.reasons)


@dataclass(frozen=True, eq=False)
class _Times:
    """When the ECG of every visit was taken, and what the records can say about the time after it."""

    ecg: Float[np.ndarray, " visit"]
    """Day number; NaN where it is not known or of no use."""
    known: Bool[np.ndarray, " visit"]
    followed: Float[np.ndarray, " visit"]
    """Days; NaN where the records end before the ECG or their end is not known."""
    ended: Bool[np.ndarray, " visit"]
    """Whether the records end before the ECG."""
    dead: Bool[np.ndarray, " visit"]
    """Whether death is what ended the records."""
    reasons: dict[int, str]


def _times(visits: pd.DataFrame) -> _Times:
    ecg, death, end = (_days(visits[name]) for name in ("ecg_day", "death_day", "censored_day"))
    known = visits["known"].to_numpy(bool)
    reasons = {int(k): _backwards(int(ecg[k] - death[k])) for k in np.flatnonzero(death < ecg)}
    ecg = np.where(death < ecg, np.nan, ecg)
    followed = np.fmin(death, end) - ecg
    followed[~known | (followed < 0)] = np.nan
    return _Times(ecg, known, followed, end < ecg, ~np.isnan(death) & ~(end < death), reasons)


def _histories(
    person: Int[np.ndarray, " event"], day: Float[np.ndarray, " event"], num_people: int
) -> tuple[Bool[np.ndarray, " person"], Bool[np.ndarray, " person"], Float[np.ndarray, " person"]]:
    """Of every person, whether there is an event, whether there is one without a day, and the first day (else NaN)."""
    dated = ~np.isnan(day)
    first = np.full(num_people, np.inf)
    np.minimum.at(first, person[dated], day[dated])
    ever, undated = np.zeros((2, num_people), dtype=bool)
    ever[person], undated[person[~dated]] = True, True
    return ever, undated, np.where(np.isinf(first), np.nan, first)


def _prevalent(
    days: Float[np.ndarray, " visit"], undated: Bool[np.ndarray, " visit"], times: _Times
) -> Float[np.ndarray, " visit"]:
    open_question = undated | ~times.known | times.ended | np.isnan(times.ecg)
    return np.where(days <= 0, 1.0, np.where(open_question, np.nan, 0.0))


def _incident(
    days: Float[np.ndarray, " visit"], prevalent: Float[np.ndarray, " visit"], times: _Times, horizon: int
) -> Float[np.ndarray, " visit"]:
    came = days <= horizon
    stayed_away = (days > horizon) | times.dead | (times.followed >= horizon)
    found = np.where(came, 1.0, np.where(stayed_away, 0.0, np.nan))
    return np.where(prevalent == 0, found, np.nan)


def _days(dates: pd.Series) -> Float[np.ndarray, " row"]:
    """Day numbers; NaN for NaT."""
    days = dates.to_numpy("datetime64[D]")
    return np.where(np.isnat(days), np.nan, days.astype(np.int64))


def _kind(persons: pd.Series) -> str:
    return pd.api.types.infer_dtype(persons, skipna=True)


def _backwards(days: int) -> str:
    return f"death is dated {days} {'day' if days == 1 else 'days'} before the ECG"
