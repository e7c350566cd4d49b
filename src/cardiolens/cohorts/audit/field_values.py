"""Whether a value is a person's: a birth date, a name, a number; and what is nobody's: masks, placeholders, round numbers."""

from __future__ import annotations

import re

from cardiolens.cohorts.audit.field_names import Meaning, meaning
from cardiolens.cohorts.audit.finding import Kind

FIRST, LAST = 1_000_000, 6_999_999
"""Between which UK Biobank's numbers lie."""

_DAY, _MONTH, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:18|19|20)\d\d"
_MONTH_NAME = r"(?:jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-zä]{0,6}\.?"
DATE = (
    rf"(?:{_YEAR}[-/.]{_MONTH}[-/.]{_DAY}|{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    rf"|{_DAY}[-/.]{_MONTH}[-/.](?:{_YEAR}|\d\d)|{_MONTH}/{_DAY}/{_YEAR}"
    rf"|{_DAY}\.?[- ]{_MONTH_NAME}[- ]{_YEAR}|{_MONTH_NAME} {_DAY},? {_YEAR})"
)
"""A day in the usual layouts, as a pattern that ignores case."""

_DATE = re.compile(rf"{DATE}(?!\d)", re.IGNORECASE)
_YEAR_ALONE = re.compile(rf"{_YEAR}(?:\.0+)?")
_MONTH_ALONE = re.compile(rf"{_MONTH}(?:\.0+)?|{_MONTH_NAME}", re.IGNORECASE)
_NOBODY = re.compile(
    r"|id-[0-9a-f]{8}|[0-9a-f]{12}|[0-9a-f]{32,64}|[0-9a-f]{8}-[0-9a-f]{4}-.*|none|null|nan|n/?a|true|false|yes|no"
    r"|(?:anon|synthetic|unknown|pseudonym|made up|removed|redacted|scrub|hidden|de-?identified|not |test|phantom|example).*"
    r"|str(?:ing)?|text|int(?:eger)?|float|double|object|bool(?:ean)?|varchar|date|x+|[-*.?_^]+"
)
_NAME_WORD = re.compile(r"[^\W\d_]+(?:[.'’-][^\W\d_]*)*")
_BETWEEN_NAMES = re.compile(r"[\s^,=]+")
_PARTICLES = {"de", "del", "der", "den", "di", "da", "la", "le", "van", "von", "zu", "ter", "bin", "al"}
_MOST_NAMES, _LONGEST_NAME = 5, 60
_STUDY_NUMBER = re.compile(r"(?<![0-9A-Za-z.])([1-9]\d{6})(?:\.0+)?(?![0-9A-Za-z]|\.\d)")
_LONG_NUMBER = re.compile(r"\d{5}")
_COUNTING = ("1234567890", "9876543210")
_ROUND, _ROUND_BINARY = 10_000, 1 << 16


def person_in(path: tuple[str, ...], value: str) -> Kind | None:
    """What of a person the value of a field is, by the field's name; None where the name does not make it one."""
    text = value.strip().strip("'\"")
    kind = meaning(path)
    if kind in {Meaning.PLAIN, Meaning.COUNT} or _NOBODY.fullmatch(text.lower()):
        return None
    if kind is Meaning.BIRTH:
        return Kind.BIRTH_DATE if _DATE.match(text) else None
    if kind is Meaning.BIRTH_PART:
        return Kind.BIRTH_DATE if _YEAR_ALONE.fullmatch(text) or _MONTH_ALONE.fullmatch(text) or _DATE.match(text) else None
    if kind is Meaning.NAME:
        return Kind.NAME if is_name(text) else None
    if kind is Meaning.HOSPITAL_NUMBER:
        return Kind.PARTICIPANT if _LONG_NUMBER.search(text.replace(" ", "").replace("-", "")) else None
    return Kind.PARTICIPANT if study_number(text) else None


def is_name(text: str, *, written_large: bool = False) -> bool:
    """Whether a text can be a person's name; with `written_large` every word but "van" or "de" begins with a capital."""
    words = [word for word in _BETWEEN_NAMES.split(text) if word]
    if not 1 <= len(words) <= _MOST_NAMES or len(text) > _LONGEST_NAME or _NOBODY.fullmatch(text.lower()):
        return False
    if written_large and not all(word[0].isupper() or word in _PARTICLES for word in words):
        return False
    return all(map(_NAME_WORD.fullmatch, words)) and any(len(word) > 1 for word in words)


def study_number(text: str) -> str | None:
    """The first free-standing number of seven digits, as whole numbers are written, or as tables with gaps write them (.0)."""
    found = _STUDY_NUMBER.search(text)
    return found[1] if found else None


def may_be_participant(number: int) -> bool:
    """Whether a number of unknown meaning may be somebody's: in range, and neither round nor what people type as an example."""
    digits = str(number)
    return (
        FIRST <= number <= LAST
        and number % _ROUND != 0
        and number % _ROUND_BINARY != 0
        and not any(digits in counting for counting in _COUNTING)
        and len(set(digits)) > 1
        and not set(digits) <= {"0", "1"}
    )
