"""The numbers of a study's own participants, found wherever they stand free in bytes: 60,000 as fast as one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Bool, Integer

from cardiolens.cohorts.audit.character_runs import DIGITS, LETTERS_AND_DIGITS, Runs, character_runs
from cardiolens.cohorts.audit.finding import masked

FEWEST_DIGITS, FEWEST_CHARACTERS = 6, 4
"""Of a number that is searched for: fewer digits, or fewer characters with letters among them, stand everywhere by chance."""

_MOST_DIGITS = 18
_SHORT = 1 << 12
_LONGEST_WORD = 24
_FEWEST_HEX = 12
_HEX = frozenset(b"0123456789abcdef")
_LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyz")
_WORD = _LETTERS | frozenset(b"0123456789")


class KnownParticipants:
    """Numbers, or other identifiers, to be found again; capitals and small letters are the same."""

    def __init__(self, numbers: Iterable[str | int] = ()) -> None:
        cleaned = {text for number in numbers if (text := str(number).strip().lower())}
        self._all = frozenset(
            text for text in cleaned if len(text) >= (FEWEST_DIGITS if text.isdecimal() else FEWEST_CHARACTERS)
        )
        self.num_too_short = len(cleaned) - len(self._all)
        by_length: dict[int, list[int]] = defaultdict(list)
        self._by_word: dict[bytes, list[tuple[bytes, int]]] = defaultdict(list)
        for text in self._all:
            if text.isdecimal() and text.isascii() and len(text) <= _MOST_DIGITS:
                by_length[len(text)].append(int(text))
            else:
                whole = text.encode()
                word, start = _longest_word(whole)
                self._by_word[word].append((whole, start))
        self._by_length = {length: np.sort(np.array(found, np.int64)) for length, found in by_length.items()}
        self._word_lengths = frozenset(map(len, self._by_word))
        whole_numbers = [int(text) for text in self._all if text.isdecimal() and text[0] != "0" and len(text) <= _MOST_DIGITS]
        self._integers = np.sort(np.array(whole_numbers, np.int64))

    def __bool__(self) -> bool:
        return bool(self._all)

    def __contains__(self, text: str) -> bool:
        return text.strip().lower() in self._all

    def known_integers(self, values: Integer[np.ndarray, " value"]) -> Bool[np.ndarray, " value"]:
        """Which of the values are known numbers."""
        return _is_in(values.astype(np.int64, copy=False), self._integers)

    def like_integers(self, values: Integer[np.ndarray, " value"]) -> Bool[np.ndarray, " value"]:
        """Which of the values lie between the least and the greatest of the known numbers."""
        if not len(self._integers):
            return np.zeros(values.shape, bool)
        return (values >= self._integers[0]) & (values <= self._integers[-1])

    def find(self, lowered: bytes) -> Iterator[tuple[int, int]]:
        """Start and end of every known number in bytes whose letters are small; not within longer numbers or fractions."""
        if len(lowered) < _SHORT and not self._may_hold(lowered):
            return
        if self._by_length:
            runs = character_runs(lowered, DIGITS)
            for length, known in self._by_length.items():
                for start in _equal_to(lowered, runs, length, known):
                    if _stands_free(lowered, start, start + length):
                        yield start, start + length
        if self._by_word:
            runs = character_runs(lowered, LETTERS_AND_DIGITS)
            for length in self._word_lengths:
                for at in runs.starts[runs.lengths == length].tolist():
                    for whole, offset in self._by_word.get(lowered[at : at + length], ()):
                        start, end = at - offset, at - offset + len(whole)
                        around = {*lowered[max(0, start - 1) : max(0, start)], *lowered[end : end + 1]}
                        if start >= 0 and lowered.startswith(whole, start) and _WORD.isdisjoint(around):
                            yield start, end

    def _may_hold(self, lowered: bytes) -> bool:
        """Whether a short text is long enough and has digits enough; most have not, and arrays are not made for them."""
        return bool(self._by_word) or (
            bool(self._by_length) and re.search(rb"\d{%d}" % min(self._by_length), lowered) is not None
        )

    def hidden(self, text: str) -> str:
        """The text with stars in place of known numbers."""
        if not self._all:
            return text
        content = text.encode("utf-8", "surrogateescape")
        pieces, end = [], 0
        for start, stop in sorted(self.find(content.lower())):
            if start >= end:
                number = content[start:stop].decode("utf-8", "replace")
                pieces += [content[end:start], masked(number).encode()]
                end = stop
        return b"".join([*pieces, content[end:]]).decode("utf-8", "surrogateescape")


def _longest_word(text: bytes) -> tuple[bytes, int]:
    runs = character_runs(text, LETTERS_AND_DIGITS)
    if not len(runs.starts):
        return text, 0
    longest = int(np.argmax(runs.lengths))
    start = int(runs.starts[longest])
    return text[start : start + int(runs.lengths[longest])], start


def _equal_to(lowered: bytes, runs: Runs, length: int, known: Integer[np.ndarray, " number"]) -> list[int]:
    starts = runs.starts[runs.lengths == length]
    characters = np.frombuffer(lowered, np.uint8)
    values = np.zeros(len(starts), np.int64)
    for place in range(length):
        values = values * 10 + (characters[starts + place] - np.uint8(ord("0")))
    return starts[_is_in(values, known)].tolist()


def _is_in(values: Integer[np.ndarray, " value"], known: Integer[np.ndarray, " number"]) -> Bool[np.ndarray, " value"]:
    if not len(known):
        return np.zeros(values.shape, bool)
    return known[np.searchsorted(known, values).clip(max=len(known) - 1)] == values


def _stands_free(lowered: bytes, start: int, end: int) -> bool:
    """Whether a run of digits is a number of its own: no fraction, no part of a checksum or of base64."""
    left, right = start, end
    while left and start - left <= _LONGEST_WORD and lowered[left - 1] in _WORD:
        left -= 1
    while right < len(lowered) and right - end <= _LONGEST_WORD and lowered[right] in _WORD:
        right += 1
    before, after = lowered[left:start], lowered[end:right]
    if before or after:
        if right - left > _LONGEST_WORD or not _LETTERS.issuperset(before + after):
            return False
        # Checksums, and our own masks: eight digits of one.
        if _HEX.issuperset(lowered[left:right]) and (right - left >= _FEWEST_HEX or lowered[:left].endswith(b"id-")):
            return False
    return not is_fraction(lowered, start, end)


def is_fraction(lowered: bytes, start: int, end: int) -> bool:
    """Whether digits stand behind or before a decimal point, or behind a minus.

    Parts of longer dotted numbers, such as DICOM's, are no fractions, nor is a whole number that is written with ".0".
    """
    before, after = lowered[max(0, start - 40) : start], lowered[end : end + 40]
    dotted_before = before.endswith(b".") and not _LETTERS.intersection(before[-2:-1])
    dotted_after = after[:1] == b"." and after[1:2].isdigit()
    if dotted_before or dotted_after:
        part = before.rstrip(b"0123456789.")
        rest = after.lstrip(b"0123456789.")
        num_dots = before[len(part) :].count(b".") + after[: len(after) - len(rest)].rstrip(b".").count(b".")
        if num_dots >= 2:
            return False
        return dotted_before or bool(after[1 : len(after) - len(rest)].strip(b"0."))
    return before.endswith(b"-") and not before[-2:-1].isalnum() and before[-2:-1] not in {b"-", b"_", b"/", b"."}
