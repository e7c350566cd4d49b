"""JSON and XML: every value with the names of the keys or elements around it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from cardiolens.cohorts.audit.field_names import Meaning, meaning
from cardiolens.cohorts.audit.field_values import may_be_participant
from cardiolens.cohorts.audit.finding import Kind
from cardiolens.cohorts.audit.search import Search
from cardiolens.cohorts.audit.text_files import search_known_lines, search_lines
from cardiolens.errors import BadRecording
from cardiolens.formats.xml_document import read_xml, root_tag

MOST_JSON_BYTES = 16 << 20
"""Of a document that is taken apart; a longer one is searched line by line."""

_SUFFIXES = {".json", ".ipynb", ".geojson"}
_FEWEST_OF_A_SERIES = 8
_SERIES = re.compile(r"[-+.,\deE\s]+")

Names = tuple[str, ...]
"""Of the keys or elements around a value, outermost first."""


def is_json(path: Path) -> bool:
    """Whether a text is JSON by its name; one object per line is searched as lines."""
    return path.suffix.lower() in _SUFFIXES


def search_json(path: Path, search: Search) -> None:
    """Known numbers, and what of persons keys and values tell; a document that is broken or too long is searched as lines."""
    if path.stat().st_size > MOST_JSON_BYTES:
        search_lines(path, search)
        return
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        search_lines(path, search)
        return
    search_values(content, search)


def search_values(content: Any, search: Search) -> None:
    """Keys and values of what JSON holds."""
    for one in _values(content, ()):
        place = f"key {'.'.join(one.path) or '(outermost)'}"
        if one.is_key:
            search.text(one.value.encode("utf-8", "surrogateescape"), place)
        elif isinstance(one.value, str):
            search.field(one.path or ("",), one.value, place, known_too=True)
        else:
            _search_number(one, place, search)


def is_xml(path: Path, head: bytes) -> bool:
    """Whether a text is XML that is taken apart; pages of the web are not."""
    return path.suffix.lower() not in {".html", ".htm"} and (root_tag(head) or "html").lower() != "html"


def search_xml(path: Path, search: Search) -> None:
    """Known numbers in every line, and what of persons elements and attributes tell; broken XML is searched as lines."""
    try:
        root = read_xml(path)
    except BadRecording:
        search_lines(path, search)
        return
    search_known_lines(path, search)
    for names, value in _leaves(root, ()):
        if not _is_series(value):
            search.field(names, value, f"element {'/'.join(names)}", known_too=False)


@dataclass(frozen=True)
class _Value:
    """A value with the keys around it, or one of the keys, which may be a participant's number itself."""

    path: Names
    value: Any
    is_key: bool = False
    in_series: bool = False
    """One of many numbers, most of them no participant's."""


def _values(content: Any, path: Names, *, in_series: bool = False) -> Iterator[_Value]:
    if isinstance(content, dict):
        for key, value in content.items():
            yield _Value(path, key, is_key=True)
            yield from _values(value, (*path, key))
    elif isinstance(content, list):
        in_series = _are_samples(content)
        for value in content:
            yield from _values(value, path, in_series=in_series)
    elif isinstance(content, str | int | float) and not isinstance(content, bool):
        yield _Value(path, content, in_series=in_series)


def _are_samples(values: list[Any]) -> bool:
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    alike = sum(isinstance(number, int) and may_be_participant(number) for number in numbers)
    return len(numbers) == len(values) >= _FEWEST_OF_A_SERIES and 2 * alike < len(numbers)


def _search_number(one: _Value, place: str, search: Search) -> None:
    number = one.value
    if not math.isfinite(number) or number != int(number):
        return
    if one.path and meaning(one.path) is not Meaning.PLAIN:
        search.field(one.path, str(int(number)), place, known_too=True)
    elif str(int(number)) in search.known:
        search.add(place, Kind.PARTICIPANT, str(int(number)), certain=True)
    elif isinstance(number, int) and may_be_participant(number) and not one.in_series:
        search.add(place, Kind.PARTICIPANT, str(number))


def _leaves(element: Element, outer: Names) -> Iterator[tuple[Names, str]]:
    names = (*outer, _local(element.tag))
    for name, value in element.attrib.items():
        if value.strip():
            yield (*names, _local(name)), value
    if (element.text or "").strip():
        yield names, element.text
    for child in element:
        yield from _leaves(child, names)
        if (child.tail or "").strip():
            yield names, child.tail


def _local(name: Any) -> str:
    return name.rpartition("}")[2] if isinstance(name, str) else "comment"


def _is_series(text: str) -> bool:
    """Whether a text is a list of samples: many numbers, most of them no participant's."""
    if not _SERIES.fullmatch(text):
        return False
    numbers = text.replace(",", " ").split()
    alike = sum(number.isdecimal() and may_be_participant(int(number)) for number in numbers)
    return len(numbers) >= _FEWEST_OF_A_SERIES and 2 * alike < len(numbers)
