"""A cine with the length of its heart beat, and where that was found: cardiac output needs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from jaxtyping import Float

from cardiolens.imaging.stack_geometry import PlacedCine

SHORTEST_RR_MS, LONGEST_RR_MS = 300.0, 2400.0
"""200 to 25 beats a minute: outside, a number is no heart beat."""

_FEWEST_PHASES = 5
_DISAGREEMENT = 0.2


@dataclass(frozen=True)
class CmrStudy:
    """What was read of one examination."""

    placed: PlacedCine
    rr_ms: float | None
    """The heart beat; None where the files do not say it."""
    heart_rate_source: str
    """Where `rr_ms` comes from, or why there is none."""
    taken_on: date | None = None
    """The day on the scanner's clock; None where the files do not say it."""


@dataclass(frozen=True)
class Beat:
    """The length of a heart beat and how it is known."""

    rr_ms: float | None
    source: str
    notes: tuple[str, ...] = ()


def beat_of(trigger_ms: Float[np.ndarray, " phase"], stated_ms: Sequence[float] = ()) -> Beat:
    """The beat as the files state it (the median), else as long as the phases times the time between them.

    The second holds where pictures cover the whole beat, as with retrospective gating.
    """
    stated = [rr for rr in stated_ms if SHORTEST_RR_MS <= rr <= LONGEST_RR_MS]
    covered = covered_ms(trigger_ms)
    whole = covered if covered is not None and SHORTEST_RR_MS <= covered <= LONGEST_RR_MS else None
    if stated:
        rr = float(np.median(stated))
        notes: tuple[str, ...] = ()
        if covered is not None and abs(covered - rr) > _DISAGREEMENT * rr:
            notes = (f"trigger times cover {covered:.0f} ms of a beat of {rr:.0f} ms",)
        return Beat(rr, f"nominal interval in the headers of {len(stated)} slices", notes)
    if whole is not None:
        return Beat(whole, f"{len(trigger_ms)} phases times the time between them")
    if covered is not None:
        return Beat(None, f"unknown: the phases cover {covered:.0f} ms, which is no heart beat")
    return Beat(None, f"unknown: no interval is stated, and {len(trigger_ms)} phases do not show it")


def covered_ms(trigger_ms: Float[np.ndarray, " phase"]) -> float | None:
    """Phases times the median time between them; None for fewer than five or where times are unknown."""
    if len(trigger_ms) < _FEWEST_PHASES or not np.isfinite(trigger_ms).all():
        return None
    return float(np.median(np.diff(trigger_ms))) * len(trigger_ms)
