"""Reading XML that a stranger may have written: no entities, bounded size."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder

from cardiolens.errors import BadRecording

MOST_BYTES = 16 << 20
"""A resting ECG with its full disclosure takes 1 MB."""

MOST_ELEMENTS = 100_000

_BEFORE_ROOT = re.compile(r"\s*(?:<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^<>\[]*(?:\[[^\]]*\]\s*)?>)", re.DOTALL)
_ROOT = re.compile(r"\s*<([\w.:-]{1,80})[\s/>]")
_BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def root_tag(head: bytes) -> str | None:
    """The name of the document's root element, without its prefix, from the first bytes of a file; None where it is no XML."""
    encoding, start = next(
        ((name, len(mark)) for mark, name in _BYTE_ORDER_MARKS.items() if head.startswith(mark)), ("latin-1", 0)
    )
    text = head[start:].decode(encoding, "replace")
    place = 0
    while before := _BEFORE_ROOT.match(text, place):
        place = before.end()
    root = _ROOT.match(text, place)
    return root[1].rpartition(":")[2] if root else None


def read_xml(path: Path) -> Element:
    """The root element of an XML file.

    Raises:
        BadRecording: the file is larger than 16 MiB, has more than 100,000 elements, is cut off or otherwise no XML, or
            declares an entity.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser, ParseError

    with path.open("rb") as file:
        text = file.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise _bad(path, f"more than {MOST_BYTES >> 20} MiB", "an ECG of a few minutes at most")
    parser = DefusedXMLParser(target=_BoundedTree(path))
    try:
        parser.feed(text)
        return parser.close()
    except DefusedXmlException as error:
        raise _bad(path, f"an entity ({type(error).__name__})", "XML that declares none") from error
    except (ParseError, LookupError, ValueError) as error:
        raise _bad(path, f"broken XML ({error})", "the whole file as the device exported it") from error


def number_or_nan(text: str) -> float:
    """The number that a text holds, NaN where it holds none, which every later comparison refuses."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


class _BoundedTree(TreeBuilder):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path, self._left = path, MOST_ELEMENTS

    def start(self, tag: str, attributes: dict[str, str]) -> Element:
        self._left -= 1
        if self._left < 0:
            raise _bad(self._path, f"more than {MOST_ELEMENTS} XML elements", "an ECG of a few minutes at most")
        return super().start(tag, attributes)


def _bad(path: Path, found: str, expected: str) -> BadRecording:
    return BadRecording(path, found=found, expected=expected, remedy="export the ECG again from the device or archive")
