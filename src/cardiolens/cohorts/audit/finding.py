"""What an audit finds, without showing it: where it stands, of what kind it is, and its first characters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

MOST_PLACES = 20
"""Of a file that are told one by one, certain and possible ones apart."""

_MOST_SHOWN, _MOST_STARS = 2, 10


class Kind(StrEnum):
    """What of a person it is."""

    PARTICIPANT = "participant"
    BIRTH_DATE = "birth date"
    NAME = "name"


@dataclass(frozen=True)
class Finding:
    """One place in one file."""

    file: str
    """Its path below the folder that was searched, numbers hidden."""
    place: str
    """Such as "line 12", "column eid", "file name", "tag PatientName", "member a.xml: line 3"; numbers hidden."""
    kind: Kind
    certain: bool
    """A number of the user's own list, and not where a field counts something."""
    shown: str
    """The first characters, the rest as stars."""
    count: int = 1
    """How many values were seen there."""


class Findings:
    """The findings of one file: the first places of each certainty, and how often something was seen elsewhere."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, Kind, bool], Finding] = {}
        self._num_kept = {True: 0, False: 0}
        self._left_out = {True: 0, False: 0}

    def add(self, place: str, kind: Kind, finding: Callable[[], Finding], *, certain: bool, count: int = 1) -> None:
        """Keep a finding, count it to its place, or only count it where the file has enough places already.

        `place` is as the file has it, and is not shown; `finding` is asked for only where it is kept.
        """
        key = place, kind, certain
        before = self._places.get(key)
        if before is not None:
            self._places[key] = replace(before, count=before.count + count)
        elif self._num_kept[certain] < MOST_PLACES:
            self._places[key] = finding()
            self._num_kept[certain] += 1
        else:
            self._left_out[certain] += 1

    def kept(self) -> tuple[Finding, ...]:
        """Certain ones first, in the order in which they were seen."""
        return tuple(sorted(self._places.values(), key=lambda finding: not finding.certain))

    def left_out(self, *, certain: bool) -> int:
        """How many findings are counted only."""
        return self._left_out[certain]

    def num(self, *, certain: bool) -> int:
        """How many findings there are, kept or counted."""
        return self._num_kept[certain] + self._left_out[certain]


@dataclass(frozen=True)
class AuditReport:
    """What was searched, what was found, and what could not be searched."""

    num_files: int
    num_bytes: int
    findings: tuple[Finding, ...]
    """Certain ones first, then by file; at most `MOST_PLACES` of each certainty per file."""
    left_out: dict[str, int]
    """By file, how many more there are."""
    num_found_files: int
    num_certain: int
    num_possible: int
    notes: tuple[str, ...]
    """What was not searched, or only in part, and why."""


def masked(value: str) -> str:
    """At most the first two characters, and never more than a third, with stars for others: "12*****"."""
    shown = min(_MOST_SHOWN, len(value) // 3)
    return value[:shown] + "*" * min(len(value) - shown, _MOST_STARS)
