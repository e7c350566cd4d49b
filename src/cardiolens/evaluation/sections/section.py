"""What a section of the report is made of, in the order in which it is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from markupsafe import Markup

from cardiolens.evaluation.canvas import with_footer
from cardiolens.evaluation.pages import data_uri
from cardiolens.evaluation.rendering import Table


@dataclass(frozen=True)
class Figure:
    """One picture of the report; `caption` says what to see in it."""

    name: str
    caption: str
    png: bytes
    has_footer: bool = False
    """Whether the picture says already what it is of."""

    @property
    def uri(self) -> str:
        """The picture itself as an address, so that the page loads nothing."""
        return data_uri(self.png)


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


def with_footers(section: Section, words: str) -> Section:
    """The same section, in which every picture says at its foot what it is of."""
    return replace(section, parts=_footed(section.parts, words))


def _footed(parts: tuple[Part, ...], words: str) -> tuple[Part, ...]:
    return tuple(
        replace(part, parts=_footed(part.parts, words))
        if isinstance(part, Folded)
        else replace(part, png=with_footer(part.png, words), has_footer=True)
        if isinstance(part, Figure) and not part.has_footer
        else part
        for part in parts
    )


def _flat(parts: tuple[Part, ...]) -> Iterator[Part]:
    for part in parts:
        if isinstance(part, Folded):
            yield from _flat(part.parts)
        else:
            yield part
