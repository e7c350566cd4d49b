"""One thing about an ECG that is not as it should be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be."""

    kind: str
    """A stable name, such as "flat" or "mains"."""
    found: str
    """In words, with the numbers and leads."""
    leads: tuple[str, ...] = ()
    refuses: bool = False
    expected: str = ""
    """For a refusal: what a usable ECG would have."""
    remedy: str = ""
    """For a refusal: what to do."""
