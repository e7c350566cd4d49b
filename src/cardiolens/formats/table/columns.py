"""The contract of bare tables of numbers: which column is which lead, in which unit, at which rate.

A table says so by the names of its columns (I_mV, "V1 (uV)", time_s), or the user says it by `--lead-names`, `--unit` and
`--rate`, or both; where both speak they must agree, and where neither does the table is refused. Nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from jaxtyping import Float

from cardiolens.errors import BadRecording
from cardiolens.formats.bounds import LONGEST_TEXT
from cardiolens.formats.declaration import Declaration
from cardiolens.privacy import display_name, hide_participants
from cardiolens.signals.leads import standard_lead
from cardiolens.signals.units import millivolts_per, unit_of
from cardiolens.types import Recording

NAME_THE_LEADS = "name the columns in their order, for instance --lead-names I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6"

_NAME_THE_UNIT = "give the unit of the samples, for instance --unit mV"
_NAME_THE_RATE = "give the sampling rate in Hz, for instance --rate 500"
_SECONDS = (
    dict.fromkeys(("s", "sec", "second", "seconds"), 1.0)
    | dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3)
    | dict.fromkeys(("us", "\u00b5s", "\u03bcs", "microsecond", "microseconds"), 1e-6)
)
_TIMES = {"t", "time", "timestamp", "elapsed"}
_IN_BRACKETS = re.compile(r"(.*?)[\s_]*[\[(]([^\[\]()]*)[\])]")
_AFTER_A_GAP = re.compile(r"(.*)[\s_]+(\S+)")
_LONGEST_NAME = 200
_LATEST_TIME = 1e18
# Of the mean step: writers round time to a few digits.
_MOST_JITTER = 0.01
_RATES_AGREE = 1e-3
# A rate this near a whole number is one: what differs is the rounding of the times.
_ROUNDING_OF_TIMES = 1e-4


@dataclass(frozen=True)
class LeadColumn:
    """A column that holds a lead; its samples times `millivolts` are in mV."""

    place: int
    name: str
    millivolts: float


@dataclass(frozen=True)
class TableColumns:
    """What is to be read of a table, and how."""

    leads: tuple[LeadColumn, ...]
    time: int | None
    """Place of the column of time, if any."""
    seconds: float
    """How long one unit of that column is."""
    left_out: tuple[str, ...]

    @property
    def places(self) -> tuple[int, ...]:
        """Of the columns that are needed: the leads', then that of time if there is one."""
        leads = tuple(lead.place for lead in self.leads)
        return leads if self.time is None else (*leads, self.time)

    def recording(self, path: Path, values: Float[np.ndarray, "column time"], declared: Declaration) -> Recording:
        """The recording whose columns, in the order of `places`, hold these values; NaN is a missing sample.

        Raises:
            BadRecording: the rate is unknown, said twice and differently, or the times are not evenly spaced.
        """
        leads = values[: len(self.leads)]
        if leads.shape[1] == 0:
            _refuse(path, "no samples", "an ECG", "export the table with its rows")
        rate_hz = self._rate_hz(path, None if self.time is None else values[-1], declared.rate_hz)
        with np.errstate(over="ignore", invalid="ignore"):
            signal_mv = (leads * np.array([[lead.millivolts] for lead in self.leads])).astype(np.float32)
        infinite = np.isinf(signal_mv)
        signal_mv[infinite] = np.nan
        notes = [f"left out {', '.join(self.left_out[:20])}"] if self.left_out else []
        notes += [f"{infinite.sum()} infinite samples are missing"] if infinite.any() else []
        names = tuple(lead.name for lead in self.leads)
        read_as = unit_of(self.leads[0].millivolts)
        return Recording(signal_mv, names, rate_hz, display_name(path), notes=tuple(notes), read_as=read_as)

    def _rate_hz(self, path: Path, times: Float[np.ndarray, " time"] | None, declared: float | None) -> float:
        if times is None:
            if declared is None:
                _refuse(path, "no sampling rate", "a column time_s or time_ms, or a declared rate", _NAME_THE_RATE)
            return declared
        rate_hz = _even_rate_hz(path, times, self.seconds)
        if declared is None:
            return rate_hz
        if abs(rate_hz - declared) > _RATES_AGREE * declared:
            _refuse(path, f"times at {rate_hz:g} Hz", f"{declared:g} Hz as declared", "correct or leave out --rate")
        return declared


def understood_columns(path: Path, names: Sequence[str] | None, num_columns: int, declared: Declaration) -> TableColumns:
    """Which columns hold leads and time. `names` are the table's own, None where it has none.

    Declared names stand in for names that are absent or name no lead. They may include a column of time (time_s) and
    others, which are left out.

    Raises:
        BadRecording: there are no names or no leads, or unit or names are missing or not as declared.
    """
    if names is not None and any(standard_lead(_split(name)[0]) for name in names):
        _refuse_other_leads(path, names, declared)
    elif declared.leads:
        names = declared.leads
    else:
        shown = ", ".join(map(shown_name, names[:20])) if names else "no names"
        _refuse(path, f"{num_columns} columns with {shown}", "columns named as leads, I to V6", NAME_THE_LEADS)
    if len(names) != num_columns:
        _refuse(path, f"{num_columns} columns", f"the {len(names)} of --lead-names", "name every column once, in its order")
    leads, left_out, time, seconds = [], [], None, 1.0
    for place, name in enumerate(names):
        lead, unit = _split(name)
        if standard_lead(lead):
            leads.append(LeadColumn(place, lead, _millivolts(path, lead, unit, declared.unit)))
        elif time is None and lead.lower() in _TIMES and (unit or "").lower() in _SECONDS:
            time, seconds = place, _SECONDS[unit.lower()]
        else:
            left_out.append(shown_name(name))
    if not leads:
        _refuse(path, f"columns {', '.join(left_out[:20])}", "leads of a 12-lead ECG, I to V6", NAME_THE_LEADS)
    return TableColumns(tuple(leads), time, seconds, tuple(left_out))


def names_a_lead(name: str) -> bool:
    """Whether a column of this name holds a standard lead, with or without a unit of voltage in its name."""
    lead, unit = _split(name)
    return standard_lead(lead) is not None and (unit is None or millivolts_per(unit) is not None)


def shown_name(name: str) -> str:
    """A column's name as a message may quote it."""
    return hide_participants(" ".join(name.split()))[:LONGEST_TEXT] or "a column without name"


def _split(name: str) -> tuple[str, str | None]:
    """The name without its unit, and the unit: "aVR [mV]", "V1_uv", "time (ms)"."""
    name = " ".join(name.split())
    if len(name) > _LONGEST_NAME:
        return name, None
    if bracketed := _IN_BRACKETS.fullmatch(name):
        return bracketed[1], bracketed[2].strip()
    gap = _AFTER_A_GAP.fullmatch(name)
    if gap and (millivolts_per(gap[2]) is not None or gap[2].lower() in _SECONDS):
        return gap[1], gap[2]
    return name, None


def _refuse_other_leads(path: Path, names: Sequence[str], declared: Declaration) -> None:
    own, said = ([lead for name in several if (lead := standard_lead(_split(name)[0]))] for several in (names, declared.leads))
    if declared.leads and own != said:
        _refuse(
            path,
            f"columns {', '.join(own[:20])}",
            f"{', '.join(said[:20]) or 'no lead'}, as declared",
            "correct or leave out --lead-names: the table names its columns",
        )


def _millivolts(path: Path, lead: str, unit: str | None, declared: str | None) -> float:
    said = None if declared is None else millivolts_per(declared)
    if unit is None:
        if said is None:
            _refuse(path, f"no unit for lead {lead}", "a unit in the column's name, or a declared one", _NAME_THE_UNIT)
        return said
    own = millivolts_per(unit)
    if own is None:
        _refuse(path, f"lead {lead} in {shown_name(unit)}", "V, mV, uV or nV", "name the column by lead and unit, as in I_mV")
    if said is not None and said != own:
        _refuse(path, f"lead {lead} in {unit}", f"{declared}, as declared", "correct or leave out --unit")
    return own


def _even_rate_hz(path: Path, times: Float[np.ndarray, " time"], seconds: float) -> float:
    if not np.isfinite(times).all() or np.abs(times).max() > _LATEST_TIME:
        _refuse(path, "a time that is missing or no number", "a time in every row", "fill the column of time or remove it")
    steps = np.diff(times)
    mean = (times[-1] - times[0]) / max(len(steps), 1)
    if len(steps) == 0 or not mean > 0 or np.abs(steps - mean).max() > _MOST_JITTER * mean:
        _refuse(
            path,
            "times that do not rise by even steps" if len(steps) else "a single time",
            f"steps that differ by {_MOST_JITTER:.0%} at most",
            "resample it, or remove the column of time and give --rate if the samples are evenly spaced after all",
        )
    rate_hz = float(1 / (mean * seconds))
    whole = float(round(rate_hz))
    return whole if abs(rate_hz - whole) < _ROUNDING_OF_TIMES * rate_hz else rate_hz


def _refuse(path: Path, found: str, expected: str, remedy: str) -> NoReturn:
    raise BadRecording(path, found=found, expected=expected, remedy=remedy)
