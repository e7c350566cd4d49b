"""What is kept of a patient: age and sex, however a file writes them. Names, numbers and birth dates have no place here."""

from __future__ import annotations

import math
from datetime import date

OLDEST_YEARS = 120.0

_DAYS_PER_YEAR = 365.25
_YEARS_PER = {
    "years": 1.0,
    "months": 1 / 12,
    "weeks": 7 / _DAYS_PER_YEAR,
    "days": 1 / _DAYS_PER_YEAR,
    "hours": 1 / (24 * _DAYS_PER_YEAR),
    "minutes": 1 / (1440 * _DAYS_PER_YEAR),
}
AGE_UNITS = tuple(_YEARS_PER)
"""Longest first."""


def age_years(text: str | None) -> float | None:
    """The age, or None where the text is no age: empty, "NaN", "Unknown", or 300 as some archives write "over 89"."""
    try:
        age = float(text or "")
    except ValueError:
        return None
    return age if math.isfinite(age) and 0 <= age <= OLDEST_YEARS else None


def sex(text: str | None) -> str | None:
    """ "F", "M", or None where the text says neither."""
    return {"f": "F", "female": "F", "m": "M", "male": "M"}.get((text or "").strip().lower())


def years(text: str | None, unit: str | None) -> float | None:
    """The age in years, or None where the text is no number, the unit none of `AGE_UNITS` or the age none of a human."""
    factor = _YEARS_PER.get((unit or "").strip().lower())
    try:
        return age_years(repr(float(text or "") * factor)) if factor is not None else None
    except ValueError:
        return None


def whole_years(*, born: date | None, on: date | None) -> float | None:
    """Birthdays since birth on the day of the recording; None where either is unknown or the age is none of a human."""
    if born is None or on is None:
        return None
    return age_years(str(on.year - born.year - ((on.month, on.day) < (born.month, born.day))))
