"""Moments as HL7 (TS) and DICOM (DT) write them: YYYYMMDDHHMMSS.FFFFFF+ZZZZ, cut off after any part."""

from __future__ import annotations

import re
from datetime import date, datetime

_DAY = re.compile(r"(\d{4})(\d\d)(\d\d)", re.ASCII)
_MOMENT = re.compile(_DAY.pattern + r"(\d\d)(\d\d)(\d\d)?(?:\.(\d{1,9}))?(?:[+-]\d{4}|Z)?", re.ASCII)


def moment(text: str | None) -> datetime | None:
    """The time on the device's clock, or None where the text is no moment known to the minute at least.

    A time zone is dropped: most formats write none, and moments with and without one cannot be compared.
    """
    parts = _MOMENT.fullmatch((text or "").strip())
    if parts is None:
        return None
    *whole, fraction = parts.groups()
    try:
        return datetime(*(int(part or 0) for part in whole), int((fraction or "0").ljust(6, "0")[:6]))
    except ValueError:
        return None


def day(text: str | None) -> date | None:
    """The day a moment begins with, or None where the text is not known to the day."""
    parts = _DAY.match((text or "").strip())
    try:
        return date(*map(int, parts.groups())) if parts else None
    except ValueError:
        return None
