"""What a device or reader wrote about an ECG, without what it says of persons."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cardiolens.privacy import hide_participants

_SIGNATURE = re.compile(
    r"\b(?:confirmed|reviewed|signed|referred|ordered|edited|interpreted|(?:over)?read)\s+by\b|\bM\.?D\b|\bDr\b", re.IGNORECASE
)
# Two letters are a lead or an abbreviation more often than a name.
_WORD_OF_A_NAME = re.compile(r"[^\W\d_]{3,}")


def without_persons(lines: Iterable[str], names: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The lines that are kept, and the notes on those that are not.

    Blanks are collapsed, empty lines dropped and participants' numbers hidden. A line is left out where it holds a word of
    one of the `names`, the persons of whom the file speaks elsewhere, or looks like a signature ("confirmed by").
    """
    words = {word.lower() for name in names for word in _WORD_OF_A_NAME.findall(name)}
    written = [" ".join(line.split()) for line in lines]
    written = [line for line in written if line]
    kept = [
        line
        for line in written
        if not _SIGNATURE.search(line) and words.isdisjoint(word.lower() for word in _WORD_OF_A_NAME.findall(line))
    ]
    left_out = len(written) - len(kept)
    notes = (f"left out {left_out} of {len(written)} statements, for they name a person",) if left_out else ()
    return tuple(hide_participants(line) for line in kept), notes
