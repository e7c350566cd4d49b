"""Text of any length, line by line with constant memory: logs, pages, programs, whatever has no reader of its own."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from pathlib import Path

from cardiolens.cohorts.audit.search import Search

BLOCK_BYTES = 1 << 20

_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_IN_A_NUMBER = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_"


def is_text(head: bytes) -> bool:
    """Whether the first bytes are text: none is NUL, or they say that they are UTF-16."""
    return head.startswith(_MARKS) or b"\0" not in head


def text_blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """The file in blocks of whole lines, each with the number of its first line; UTF-16 comes as UTF-8.

    A line longer than a block is cut where no number is.
    """
    with path.open("rb") as file:
        wide = file.read(2) in _MARKS
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-16")("replace")
        line, rest = 1, b""
        while piece := file.read(BLOCK_BYTES):
            rest += decoder.decode(piece).encode("utf-8", "replace") if wide else piece
            cut = rest.rfind(b"\n") + 1 or (len(rest) >= BLOCK_BYTES and (len(rest.rstrip(_IN_A_NUMBER)) or len(rest)))
            if cut:
                yield line, rest[:cut]
                line += rest.count(b"\n", 0, cut)
                rest = rest[cut:]
        if rest:
            yield line, rest


def search_lines(path: Path, search: Search) -> None:
    """Known numbers and possible persons in every line."""
    for line, block in text_blocks(path):
        search.known_in(block, line_place(block, line))
        search.possible_in(block, line_place(block, line))
        search.read(len(block))


def search_known_lines(path: Path, search: Search) -> None:
    """Known numbers alone, for files whose fields a reader of their own looks at."""
    if search.known:
        for line, block in text_blocks(path):
            search.known_in(block, line_place(block, line))


def search_known_bytes(path: Path, search: Search) -> None:
    """Known numbers that stand as plain text in a file of any kind."""
    if not search.known:
        return
    with path.open("rb") as file:
        start, rest = 0, b""
        while piece := file.read(BLOCK_BYTES):
            block = rest + piece
            cut = len(block.rstrip(_IN_A_NUMBER)) or len(block)
            search.known_in(block[:cut], lambda offset, start=start: f"byte {start + offset:,}")
            start, rest = start + cut, block[cut:]
            search.read(cut)
        search.known_in(rest, lambda offset: f"byte {start + offset:,}")


def line_place(block: bytes, first_line: int) -> Callable[[int], str]:
    """Names the line of an offset in a block; offsets must grow from call to call."""
    line, at = first_line, 0

    def place(offset: int) -> str:
        nonlocal line, at
        line, at = line + block.count(b"\n", at, offset), offset
        # Separated by commas, a line's own number is not taken for a participant's.
        return f"line {line:,}"

    return place
