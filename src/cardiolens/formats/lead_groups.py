"""Leads that a file holds in groups: those recorded at the same time are joined, and leads of other times never are.

A printout of three leads at a time, each for 2.5 seconds, is the case to beware of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from cardiolens.errors import BadRecording
from cardiolens.privacy import hide_participants
from cardiolens.signals.leads import standard_lead
from cardiolens.types import LEADS

_MOST_GROUPS = 64
_NAMES_SHOWN = 20


@dataclass(frozen=True)
class LeadGroup:
    """Leads that share their clock."""

    signal_mv: Float32[np.ndarray, "lead time"]
    leads: tuple[str, ...]
    rate_hz: float
    start: str | None
    """When the first sample was taken, in the file's own terms; None where it does not say."""

    left_out: tuple[str, ...] = ()
    """Names of what was recorded along with them and is no voltage."""

    @property
    def standard(self) -> set[str]:
        """Which of the 12 leads it holds."""
        return {lead for name in self.leads if (lead := standard_lead(name))}


def simultaneous(path: Path, groups: Sequence[LeadGroup]) -> tuple[LeadGroup, tuple[str, ...]]:
    """The groups of one start, rate and length with the most of the 12 leads, joined, and notes on what was left out.

    Raises:
        BadRecording: more than 64 groups, none that holds one of the 12 leads, or a lead that was only recorded at another
            time than the others.
    """
    if len(groups) > _MOST_GROUPS:
        raise BadRecording(
            path,
            found=f"{len(groups)} groups of leads",
            expected=f"at most {_MOST_GROUPS}",
            remedy="export a single ECG of a few minutes",
        )
    joined: list[LeadGroup] = []
    for group in groups:
        place = next((place for place, other in enumerate(joined) if _belong_together(group, other)), None)
        if place is None:
            joined.append(group)
        else:
            joined[place] = _join(joined[place], group)
    best = max(joined, key=lambda group: (len(group.standard), group.signal_mv.shape[1]))
    if not best.standard:
        names = ", ".join([name for group in groups for name in (*group.leads, *group.left_out)][:_NAMES_SHOWN])
        raise BadRecording(
            path,
            found=hide_participants(f"no lead of a 12-lead ECG ({names or 'nothing'})"),
            expected="leads named I to V6 or coded as such",
            remedy="export the ECG with its standard leads",
        )
    if elsewhere := set().union(*(group.standard for group in groups)) - best.standard:
        here, there = (", ".join(lead for lead in LEADS if lead in leads) for leads in (best.standard, elsewhere))
        raise BadRecording(
            path,
            found=f"{there} recorded at another time, rate or length than {here}",
            expected="leads recorded at the same time",
            remedy="export the simultaneous recording, not the printed layout",
        )
    notes = [f"left out {', '.join(best.left_out[:_NAMES_SHOWN])}"] if best.left_out else []
    notes += [f"left out {len(joined) - 1} other recordings in the same file"] if len(joined) > 1 else []
    return best, tuple(map(hide_participants, notes))


def _belong_together(group: LeadGroup, other: LeadGroup) -> bool:
    clocks = [(each.start, each.rate_hz, each.signal_mv.shape[1]) for each in (group, other)]
    return group.start is not None and clocks[0] == clocks[1] and not group.standard & other.standard


def _join(first: LeadGroup, second: LeadGroup) -> LeadGroup:
    return LeadGroup(
        signal_mv=np.concatenate([first.signal_mv, second.signal_mv]),
        leads=(*first.leads, *second.leads),
        rate_hz=first.rate_hz,
        start=first.start,
        left_out=(*first.left_out, *second.left_out),
    )
