"""The search of one file: readers hand over texts and fields with their place, and what of a person is in them is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from cardiolens.cohorts.audit.field_names import Meaning, meaning
from cardiolens.cohorts.audit.field_values import person_in, study_number
from cardiolens.cohorts.audit.finding import Finding, Findings, Kind, masked
from cardiolens.cohorts.audit.known_numbers import KnownParticipants
from cardiolens.cohorts.audit.running_text import Sighting, known_numbers, labelled, possible_numbers
from cardiolens.privacy import hide_participants

_LONGEST_PLACE = 80
_MOST_NOTES = 5
_NAME_AUTHORS = {"CITATION.cff", "codemeta.json", ".zenodo.json", "package.json"}
"""Files that are there to name people."""


@dataclass(frozen=True)
class Search:
    """What is known, and what one file gave away so far. A member of an archive has a search of its own, of the same file."""

    file: str
    """As it is shown."""
    known: KnownParticipants
    member: str = ""
    """As it is shown; empty outside archives."""
    depth: int = 0
    """Archives around it."""
    findings: Findings = field(default_factory=Findings)
    notes: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    """Kinds of files, by suffix, in which only numbers of the user's list can be found."""
    read: Callable[[int], None] = lambda _: None
    """Told how many bytes of a long file were searched since it was told last."""

    def inside(self, member: str) -> Search:
        """The search of a member, or of what a compressed file holds."""
        shown = " in ".join(filter(None, (shown_safely(member, self.known), self.member)))
        return Search(self.file, self.known, shown, self.depth + 1, self.findings, self.notes, self.others)

    def note(self, line: str) -> None:
        """Something that was not searched."""
        where = f"{self.file}, member {self.member}" if self.member else self.file
        if len(self.notes) < _MOST_NOTES:
            self.notes.append(f"{where}: {shown_safely(line, self.known, longest=300)}")
        elif len(self.notes) == _MOST_NOTES:
            self.notes.append(f"{self.file}: more like this")

    def knows(self, value: str) -> bool:
        """Whether a value is, or as a number with gaps in a table holds, a known number."""
        return value in self.known or (study_number(value) or "") in self.known

    def add(self, place: str, kind: Kind, value: str, *, certain: bool = False, count: int = 1) -> None:
        """Keep one finding."""
        if kind is Kind.NAME and self.file.rpartition("/")[2] in _NAME_AUTHORS:
            return

        def finding() -> Finding:
            shown = shown_safely(place, self.known)
            where = f"member {self.member}: {shown}" if self.member else shown
            return Finding(self.file, where, kind, certain, masked(value), count)

        self.findings.add(f"{self.member}: {place}", kind, finding, certain=certain, count=count)

    def known_in(self, text: bytes, place: Callable[[int], str], *, counts: bool = False) -> None:
        """Known numbers in a text, possible ones only where the text `counts` something.

        `place` names the place of an offset and is called with growing ones.
        """
        if self.known:
            seen = known_numbers(text, self.known)
            self._add((replace(one, certain=False) for one in seen) if counts else seen, place)

    def possible_in(self, text: bytes, place: Callable[[int], str]) -> None:
        """What else of persons may be in running text."""
        self._add((seen for seen in (*possible_numbers(text), *labelled(text)) if not self.knows(seen.value)), place)

    def text(self, text: bytes, place: str) -> None:
        """A short text, such as a file's name or a comment: known numbers and possible persons."""
        self.known_in(text, lambda _: place)
        self.possible_in(text, lambda _: place)

    def field(self, path: tuple[str, ...], value: str, place: str, *, known_too: bool) -> None:
        """The value of a field, outermost name first. `known_too` where known numbers are not looked for in the whole file."""
        text = value.encode("utf-8", "surrogateescape")
        counts = meaning(path) is Meaning.COUNT
        if known_too:
            self.known_in(text, lambda _: place, counts=counts)
        kind = person_in(path, value)
        if kind is not None:
            if not self.knows(value):
                self.add(place, kind, value.strip())
        elif not counts:
            self.possible_in(text, lambda _: place)

    def _add(self, sightings: Iterable[Sighting], place: Callable[[int], str]) -> None:
        for seen in sorted(sightings, key=lambda seen: seen.start):
            self.add(place(seen.start), seen.kind, seen.value, certain=seen.certain)


def shown_safely(text: str, known: KnownParticipants, *, longest: int = _LONGEST_PLACE) -> str:
    """A text of a stranger as a message may show it: numbers hidden, cut short, nothing that a terminal obeys."""
    hidden = hide_participants(known.hidden(text))
    plain = "".join(character if character.isprintable() else "?" for character in hidden)
    return plain if len(plain) <= longest else "…" + plain[1 - longest :]
