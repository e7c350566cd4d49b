"""What a section of the report is made of, in the order in which it is read."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from cardiolens.evaluation.rendering import Table


@dataclass(frozen=True)
class Figure:
    """One picture of the report; `caption` says what to see in it."""

    name: str
    caption: str
    png: bytes

    @property
    def uri(self) -> str:
        """The picture itself as an address, so that the page loads nothing."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"


@dataclass(frozen=True)
class Text:
    """A paragraph; small print where it is a `note`."""

    words: str
    note: bool = False


@dataclass(frozen=True)
class Terms:
    """Names with what they mean or are."""

    entries: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Lines:
    """Commands, one per line."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Folded:
    """What a reader opens if it is wanted; it is open in print."""

    summary: str
    parts: tuple[Part, ...]


Part = Table | Figure | Text | Terms | Lines | Folded | Markup


@dataclass(frozen=True)
class Section:
    """`name` is its anchor, `nav` what leads to it."""

    name: str
    nav: str
    title: str
    parts: tuple[Part, ...]

    def tables(self) -> Iterator[Table]:
        """Every table of the section, folded ones too."""
        return (part for part in _flat(self.parts) if isinstance(part, Table))

    def figures(self) -> Iterator[Figure]:
        """Every figure of the section, folded ones too."""
        return (part for part in _flat(self.parts) if isinstance(part, Figure))


def _flat(parts: tuple[Part, ...]) -> Iterator[Part]:
    for part in parts:
        if isinstance(part, Folded):
            yield from _flat(part.parts)
        else:
            yield part
