"""What is kept of a patient: age and sex, however a file writes them. Names and numbers have no place here."""

from __future__ import annotations

import math

OLDEST_YEARS = 120.0


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
