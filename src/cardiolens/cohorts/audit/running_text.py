"""Persons in running text: numbers that stand free, and dates of birth, names and numbers behind a label that says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cardiolens.cohorts.audit.character_runs import DIGITS, character_runs
from cardiolens.cohorts.audit.field_names import Meaning, meaning
from cardiolens.cohorts.audit.field_values import DATE, is_name, may_be_participant, person_in
from cardiolens.cohorts.audit.finding import Kind
from cardiolens.cohorts.audit.known_numbers import KnownParticipants, is_fraction

_LENGTH = 7
_SHORT = 1 << 12
_ENOUGH_DIGITS = re.compile(rb"\d{7}")
_WORD_BEFORE = re.compile(rb"([a-z][a-z0-9_.-]*)[\"'\])]{0,3}\s{0,3}[-_=:(\[ ]{0,2}\s{0,3}[\"'\[]?$")
_WORD_AFTER = re.compile(rb" ([a-z]+)")
_WORDS_FOR_A_PERSON = re.compile(rb"(?:eid|sub|subject|participant|patient|person|pid|id|case)$")
# What makes seven digits a reference, a colour, a telephone number or an amount, and not a person.
_MARKS_BEFORE = frozenset(b"#@$+&%\\")
# DICOM's identifiers, written with other marks than points.
_IDENTIFIER_BEFORE = re.compile(rb"(?<![0-9a-z])[12][-_](?:2|3|16|25)[-_](?:\d+[-_])+$")
_SPACE = re.compile(rb"[\s\"'<>()]")
_AROUND = 300

_PERSON = rb"patient|participant|person|subject|physician|doctor|family|given|first|last|middle|maiden|fore|sur|christian"
# Plain words, which are found twenty times as fast as what a label really is.
_STEM = re.compile(
    rb"birth|born|dob|d\.o\.b|geb|naissance|nacimiento|nascita|yob|name|prenom|apellido|<family|<given|nhs|mrn|hospital|patient"
    rb"|medical"
)
_AROUND_STEM = 20
_LABEL = re.compile(
    rb"birth|\bborn\b|\bdob\b|d\.o\.b|\bgeb\b|geburt|geboren|naissance|nacimiento|nascita|\byob\b|"
    rb"(?:" + _PERSON + rb")s?[ _.'-]{0,2}names?|nachname|vorname|prenom|apellido|cognome|<family|<given|"
    rb"\bnhs\b|\bmrn\b|hospital|patient[ _-]?(?:id|n)|medical[ _]?record"
)  # fmt: skip
_QUOTED = re.compile(r"([^\W\d][\w .-]{0,40}?)[\"']?\s*(?:[:=]|=>)\s*([\"'])([^\"'\n]{1,80})\2")
_ELEMENT = re.compile(r"<([\w:.-]{1,60})(?:\s[^<>]{0,200})?>\s*([^<>]{1,80}?)\s*</")
_PLAIN = re.compile(r"([^\W\d][\w .-]{0,40}?)\s*[:=]\s*([^\"'\n<>{}\[\]();|,=]{1,60})")
_BORN = re.compile(
    rf"\b(?:dob|d\.o\.b\.?|born|birth ?(?:date|day)?|date of birth|geb\.?|geboren|naissance|n[ée]e? le)\W{{0,6}}"
    rf"(?:(?:on|am|le|in|is)\s)?({DATE})(?!\d)",
    re.IGNORECASE,
)
_NUMBERED = re.compile(
    r"\b(?:mrn|nhs(?: (?:no|number))?|hospital (?:no|number)|medical record (?:no|number)|patient (?:id|no|number))\W{0,4}"
    r"([A-Z]{0,3}\d[\d -]{3,14}\d)",
    re.IGNORECASE,
)
_TAG = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)


@dataclass(frozen=True)
class Sighting:
    """Something of a person in a text. The value is never to be shown."""

    start: int
    kind: Kind
    certain: bool
    value: str


def known_numbers(text: bytes, known: KnownParticipants) -> Iterator[Sighting]:
    """Every known number; certain but where the words beside it say that something is counted."""
    lowered = text.lower()
    for start, end in known.find(lowered):
        counted = lowered[start:end].isdigit() and _is_counted(lowered, start, end)
        yield Sighting(start, Kind.PARTICIPANT, not counted, text[start:end].decode("utf-8", "replace"))


def possible_numbers(text: bytes) -> Iterator[Sighting]:
    """Numbers of seven digits that may be a participant's: free-standing, no fraction, count, reference or round number."""
    if len(text) < _SHORT and not _ENOUGH_DIGITS.search(text):
        return
    runs = character_runs(text, DIGITS)
    starts = runs.starts[runs.lengths == _LENGTH]
    padded = np.frombuffer(b"\0\0" + text + b"\0\0", np.uint8)
    first, before = padded[starts + 2], padded[starts + 1]
    # Most runs of seven digits in tables are fractions; the others are looked at one by one.
    fraction = (before == ord(".")) & DIGITS[padded[starts]]
    lowered = text.lower()
    for start in starts[(first >= ord("1")) & (first <= ord("6")) & ~fraction].tolist():
        end = start + _LENGTH
        if may_be_participant(int(text[start:end])) and _may_stand_for_a_person(lowered, start, end):
            yield Sighting(start, Kind.PARTICIPANT, False, text[start:end].decode())


def labelled(text: bytes) -> Iterator[Sighting]:
    """Dates of birth, names and hospital numbers behind a label, as in "DOB: ..." or `family_name: "..."`."""
    lowered = text.lower()
    end = 0
    for label in _STEM.finditer(lowered):
        if label.start() < end or not _LABEL.search(lowered, max(0, label.start() - _AROUND_STEM), label.end() + _AROUND_STEM):
            continue
        start = max(end, lowered.rfind(b"\n", 0, label.start()) + 1, label.start() - _AROUND)
        stop = lowered.find(b"\n", label.end(), label.end() + _AROUND)
        end = stop if stop >= 0 else min(len(text), label.end() + _AROUND)
        line = text[start:end].decode("utf-8", "replace")
        for kind, value in dict.fromkeys(_in_line(line)):
            yield Sighting(label.start(), kind, False, value)


def _may_stand_for_a_person(lowered: bytes, start: int, end: int) -> bool:
    before, after = lowered[max(0, start - _AROUND) : start], lowered[end : end + 1]
    last = before[-1:]
    if after.isalnum() or (last.isalnum() and not _WORDS_FOR_A_PERSON.search(_letters_at_end(before))):
        return False
    if last and last[0] in _MARKS_BEFORE:
        return False
    dotted = (last == b"." and not before[-2:-1].isalpha()) or (after == b"." and lowered[end + 1 : end + 2].isdigit())
    if dotted or is_fraction(lowered, start, end):
        return False
    in_address = b"://" in before and b"://" in _SPACE.split(before)[-1]
    in_identifier = last in {b"-", b"_"} and _IDENTIFIER_BEFORE.search(before)
    return not (in_address or in_identifier or _is_counted(lowered, start, end))


def _letters_at_end(before: bytes) -> bytes:
    return before[len(before.rstrip(b"abcdefghijklmnopqrstuvwxyz")) :] if not before[-1:].isdigit() else b""


def _is_counted(lowered: bytes, start: int, end: int) -> bool:
    words = [_WORD_BEFORE.search(lowered[max(0, start - 60) : start]), _WORD_AFTER.match(lowered, end, end + 30)]
    return any(word is not None and meaning((word[1].decode(),)) is Meaning.COUNT for word in words)


def _in_line(line: str) -> Iterator[tuple[Kind, str]]:
    for key, _, value in _QUOTED.findall(line):
        yield from _person(key, value)
    for key, value in _ELEMENT.findall(line):
        yield from _person(key, value)
    plain = _TAG.sub(" ", line)
    for key, value in _PLAIN.findall(plain):
        for kind, of in _person(key, value.strip()):
            # In programs a name stands in quotes; without them it must at least look like one.
            if kind is not Kind.NAME or is_name(of, written_large=True):
                yield kind, of
    for value in _BORN.findall(plain):
        yield Kind.BIRTH_DATE, value
    for value in _NUMBERED.findall(plain):
        yield Kind.PARTICIPANT, value


def _person(key: str, value: str) -> Iterator[tuple[Kind, str]]:
    kind = person_in((key.rpartition(":")[2],), value)
    # A month alone is too little to tell a date of birth from a program.
    if kind is not None and len(value) > 2:
        yield kind, value
