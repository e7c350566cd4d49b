"""Tables of text, one row per line: what a column's name says of its cells, and numbers in columns that say nothing."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from cardiolens.cohorts.audit.field_names import Meaning, meaning
from cardiolens.cohorts.audit.field_values import may_be_participant, person_in
from cardiolens.cohorts.audit.finding import Kind
from cardiolens.cohorts.audit.running_text import labelled, possible_numbers
from cardiolens.cohorts.audit.search import Search
from cardiolens.cohorts.audit.text_files import line_place, search_known_lines, text_blocks
from cardiolens.formats.table.columns import names_a_lead

_SUFFIXES = {".csv", ".tsv", ".tab"}
_DELIMITERS = (",", "\t", ";", "|")
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?")
_ROWS_LOOKED_AT = 200
_FEWEST_OF_A_MEASURE = 5


def is_table(path: Path, head: bytes) -> bool:
    """Whether a text is a table: by its suffix, or by tabs that are as many in the second line as in the first."""
    first, second = [*head.splitlines()[:2], b"", b""][:2]
    return path.suffix.lower() in _SUFFIXES or first.count(b"\t") == second.count(b"\t") > 0


def search_table(path: Path, search: Search) -> None:
    """Known numbers in every line; births, names and numbers by the columns they stand in."""
    search_known_lines(path, search)
    table = None
    for line, block in text_blocks(path):
        if table is None:
            header, _, rest = block.partition(b"\n")
            table = _Table(header, rest, search)
            if table.has_header:
                search.possible_in(header, lambda _: "line 1")
                block, line = rest, 2
        table.search(block, line)
        search.read(len(block))


class _Table:
    """The columns of a table, and which of them have told what they hold."""

    def __init__(self, first_line: bytes, rest: bytes, search: Search) -> None:
        first = first_line.decode("utf-8", "replace").strip("\r\n\ufeff")
        self._search = search
        self._delimiter = max(_DELIMITERS, key=first.count)
        cells = self._cells(first)
        self.has_header = not all(_NUMBER.fullmatch(cell.strip()) for cell in cells)
        self._names = [cell.strip() or str(place + 1) for place, cell in enumerate(cells)]
        if not self.has_header:
            self._names = [str(place + 1) for place in range(len(cells))]
        meanings = [meaning((name,)) for name in self._names]
        self._telling = {place for place, what in enumerate(meanings) if what not in {Meaning.PLAIN, Meaning.COUNT}}
        rows = [self._cells(line.decode("utf-8", "replace")) for line in rest.split(b"\n", _ROWS_LOOKED_AT)[:_ROWS_LOOKED_AT]]
        self._skipped = self._telling | {
            place
            for place, what in enumerate(meanings)
            if what is Meaning.COUNT
            or names_a_lead(self._names[place])
            or _is_measure([row[place] for row in rows if place < len(row)])
        }

    def search(self, block: bytes, line: int) -> None:
        """One block of rows."""
        if self._telling:
            self._read_telling(block)
        place_of = line_place(block, line)
        for seen in possible_numbers(block):
            if self._search.knows(seen.value):
                continue
            before = block[block.rfind(b"\n", 0, seen.start) + 1 : seen.start].decode("utf-8", "replace")
            place = len(self._cells(before)) - 1 if before else 0
            if place not in self._skipped:
                shown = self._place(place) if place < len(self._names) else place_of(seen.start)
                self._search.add(shown, Kind.PARTICIPANT, seen.value)
        place_of = line_place(block, line)
        for seen in labelled(block):
            self._search.add(place_of(seen.start), seen.kind, seen.value)

    def _read_telling(self, block: bytes) -> None:
        lines = block.decode("utf-8", "replace").splitlines()
        try:
            for row in csv.reader(lines, delimiter=self._delimiter):
                for place in [place for place in self._telling if place < len(row)]:
                    kind = person_in((self._names[place],), row[place])
                    if kind is not None and not self._search.knows(row[place]):
                        self._search.add(self._place(place), kind, row[place].strip())
                        self._telling.discard(place)
                if not self._telling:
                    return
        except csv.Error as error:
            self._search.note(f"rows that are not understood ({error}) are searched for numbers only")

    def _place(self, place: int) -> str:
        return f"column {self._names[place]}"

    def _cells(self, line: str) -> Sequence[str]:
        if '"' not in line:
            return line.split(self._delimiter)
        try:
            return next(csv.reader([line], delimiter=self._delimiter), [""])
        except csv.Error:
            return line.split(self._delimiter)


def _is_measure(cells: list[str]) -> bool:
    """Whether most cells are numbers, and most of those cannot be participants'."""
    filled = [text for cell in cells if (text := cell.strip().strip('"'))]
    numbers = [text for text in filled if _NUMBER.fullmatch(text)]
    alike = sum(text.isdecimal() and may_be_participant(int(text)) for text in numbers)
    return len(numbers) >= _FEWEST_OF_A_MEASURE and 2 * len(numbers) > len(filled) and 2 * alike < len(numbers)
