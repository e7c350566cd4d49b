"""What a device or reader wrote about an ECG, without what it says of persons.

Whom a file names elsewhere is looked for by names, numbers and birth dates; whom it names nowhere else, by the words that
go with persons. A name that stands alone in a sentence and nowhere else in the file cannot be known for one.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from cardiolens.formats import bounds
from cardiolens.privacy import hide_participants
from cardiolens.signals.leads import standard_lead
from cardiolens.types import LEADS

_SIGNATURE = re.compile(
    r"\b(?:confirmed|reviewed|signed|(?:over-?)?read|interpreted|edited|verified|approved|validated|dictated)"
    r"\s*(?::|\s(?:and\s+\w+\s+)?by\b|\son\b.{0,12}\d)"
    r"|\b(?:referred|ordered|performed|requested|seen)\s+by\b|\belectronically\b"
    r"|\b(?:befundet|bestätigt|validiert|freigegeben)\s+(?:von|durch)\b|\b(?:validé|confirmado|firmado|refertato)\s+(?:par|por|da)\b"
    r"|\b(?:technician|operator|physician|doctor|cardiologist|nurse|reviewer|editor)\s*:"
    r"|\bM\.?D\b|\bDra?\b|\bProf\b|\bMrs\b|\bMr\.|\bHerr\b|\bFrau\b",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"\bDOB\b|\bD\.O\.B|\bborn\b|\bbirth\s?(?:day|date)\b|\b(?:date|day)\s+of\s+birth\b"
    r"|\bgeb(?:oren)?\b|\bgeburts|\bnée?\s+le\b|\bnaissance\b|\bnacid[oa]\b|\bnacimiento\b|\bnat[oa]\s+il\b|\bnascita\b"
    r"|\bMRN\b|\bSSN\b|\b(?:patient(?:en)?|pat|pt)[\s._-]*(?:(?:id|name|nr|num|number|nummer)\b|no[\s.:#]*\d)"
    r"|\b(?:patient|name|mrn|id)\s*[:#=]",
    re.IGNORECASE,
)
# Of Chinese, Japanese and Korean, which put no blanks around a name.
_EAST_ASIAN = "\u3040-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_EAST_ASIAN}]+|[^\W\d_{_EAST_ASIAN}]+")
_PIECE = re.compile(r"\d+|[^\W\d_]+")
_DIGITS_APART = re.compile(r"\d+(?:[\s./_-]{1,3}\d+)*")
_LETTERS_AND_DIGITS = re.compile(r"[^\W_]+")
_WITHIN_A_NAME = re.compile(r"[\^,;=/]+")
_PARTICLES = frozenset(
    ("al", "bin", "da", "de", "del", "den", "der", "des", "di", "du", "el", "la", "le", "van", "von", "zu", "zum", "zur")
)
# Two letters are one of these more often than a name: in capitals they never count as one.
_ABBREVIATIONS = frozenset((
    "AF", "AT", "AV", "BB", "CI", "DI", "ER", "HR", "II", "IV", "LA", "LV", "MI", "MV", "NS", "PA", "PE", "PQ", "PR", "PT",
    "QR", "QS", "QT", "RA", "RR", "RS", "RV", "SA", "SR", "ST", "SV", "VF", "VL", "VR", "VT", "WP",
))  # fmt: skip
_LEAD_WORDS = frozenset(lead.casefold() for lead in LEADS)
_MONTH_WORDS = (
    "jan ene gen", "feb fev", "mar maa mrt", "apr abr avr", "may mai mag mei", "jun giu juin", "jul lug juil", "aug ago aou",
    "sep set", "oct okt ott out", "nov", "dec dez dic",
)  # fmt: skip
_MONTHS = {word: str(month) for month, words in enumerate(_MONTH_WORDS, start=1) for word in words.split()}
_IN_DATES = frozenset(("st", "nd", "rd", "th", "of", "de", "年", "月", "日", "년", "월", "일"))
_ORDERS = ("dmy", "mdy", "ymd", "ydm")
_FEWEST_DIGITS, _FEWEST_DIGITS_APART, _FEWEST_LETTERS = 4, 6, 5
_MOST_PIECES = 5
_LONGEST_EAST_ASIAN, _MOST_PAIRED = 12, 16
_WITHHELD = "a withheld name"


@dataclass(frozen=True)
class Persons:
    """Of whom a file speaks. They are looked for in its texts and go no further, not even into a repr."""

    names: tuple[str, ...] = field(default=(), repr=False)
    """Patient and staff, in whatever order and punctuation."""
    numbers: tuple[str, ...] = field(default=(), repr=False)
    """Of the patient, of the visit, of staff."""
    born: tuple[date, ...] = field(default=(), repr=False)

    def are_in(self, text: str) -> bool:
        """Whether the text holds a word of a name, a number or a birth date, whatever its layout.

        Case and accents do not matter, but in words of two letters, which count as they are written, capitalised, or in a
        text of capitals. Initials and numbers of less than four digits are not looked for.
        """
        plain = _plain(text)
        words = set(_WORD.findall(plain))
        pieces = [piece.casefold() for piece in _PIECE.findall(plain)]
        return not (
            self._words.isdisjoint(map(str.casefold, words))
            and self._short.isdisjoint(words - _ABBREVIATIONS)
            and self._short_folded.isdisjoint(_short_names(words - _ABBREVIATIONS, in_capitals=plain.isupper()))
            and self._parts.isdisjoint(_east_asian_parts(words, {len(part) for part in self._parts}))
            and self._codes.isdisjoint(_codes_in(plain))
            and self._dates.isdisjoint(_triples(pieces))
        )

    def shown(self, text: str) -> str:
        """What a note, a message or a lead's name shows of the file: `bounds.shown`, but nothing that holds a person."""
        return _WITHHELD if standard_lead(text) is None and self.are_in(text) else bounds.shown(text)

    def kept(self, text: str) -> str | None:
        """The text in one line with participants' numbers hidden; None where it is empty or holds a person."""
        return None if self.are_in(text) else hide_participants(" ".join(text.split())) or None

    @cached_property
    def _name_words(self) -> list[str]:
        return [word for name in self.names for part in _WITHIN_A_NAME.split(_plain(name)) for word in _telling_words(part)]

    @cached_property
    def _words(self) -> frozenset[str]:
        long = {word.casefold() for word in self._name_words if len(word) > 2 or _is_east_asian(word)}
        return frozenset(long - _LEAD_WORDS)

    @cached_property
    def _short(self) -> frozenset[str]:
        return frozenset(word for word in self._name_words if len(word) == 2 and not _is_east_asian(word))

    @cached_property
    def _short_folded(self) -> frozenset[str]:
        return frozenset(map(str.casefold, self._short))

    @cached_property
    def _parts(self) -> frozenset[str]:
        """East Asian names to be found without blanks around them; family and given name may stand in two places."""
        words = [word for word in self._name_words if _is_east_asian(word)]
        pairs = {first + second for first, second in itertools.permutations(words[:_MOST_PAIRED], 2)}
        return frozenset(part for part in pairs.union(words) if 2 <= len(part) <= _LONGEST_EAST_ASIAN)

    @cached_property
    def _codes(self) -> frozenset[str]:
        codes = set()
        for number in map(_plain, (*self.numbers, *self.names)):
            runs = re.findall(r"\d+", number)
            codes |= {run.lstrip("0") for run in (*runs, "".join(runs)) if len(run.lstrip("0")) >= _FEWEST_DIGITS}
            code = "".join(_LETTERS_AND_DIGITS.findall(number)).casefold()
            if len(code) >= (_FEWEST_DIGITS if runs else _FEWEST_LETTERS):
                codes.add(code)
        layouts = ("%Y%m%d", "%d%m%Y", "%m%d%Y", "%y%m%d", "%d%m%y", "%m%d%y")
        return frozenset(codes.union(born.strftime(layout).lstrip("0") for born in self.born for layout in layouts))

    @cached_property
    def _dates(self) -> frozenset[tuple[str, ...]]:
        dates = set()
        for born in self.born:
            parts = {
                "d": {f"{born.day}", f"{born.day:02}"},
                "m": {f"{born.month}", f"{born.month:02}"},
                "y": {f"{born.year}", f"{born.year % 100:02}"},
            }
            dates |= {written for order in _ORDERS for written in itertools.product(*(parts[part] for part in order))}
        return frozenset(dates)


def without_persons(lines: Iterable[str], persons: Persons) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The lines that are kept, and the notes on those that are not.

    Blanks are collapsed, empty lines dropped and participants' numbers hidden. A line is left out where it holds one of the
    `persons`, looks like a signature ("confirmed by") or bears the label of a name, number or birth date ("Pat.-Nr").
    """
    written = [" ".join(line.split()) for line in lines]
    written = [line for line in written if line]
    kept = [line for line in written if not (_SIGNATURE.search(line) or _LABEL.search(line) or persons.are_in(line))]
    left_out = len(written) - len(kept)
    notes = (f"left out {left_out} of {len(written)} statements, for they name a person",) if left_out else ()
    return tuple(hide_participants(line) for line in kept), notes


def _plain(text: str) -> str:
    """Without accents, and full-width letters and digits as the usual ones."""
    if text.isascii():
        return text
    letters = (letter for letter in unicodedata.normalize("NFKD", text) if unicodedata.category(letter) != "Mn")
    return unicodedata.normalize("NFC", "".join(letters))


def _is_east_asian(word: str) -> bool:
    return re.match(f"[{_EAST_ASIAN}]", word) is not None


def _telling_words(name: str) -> list[str]:
    """Words of more than one letter, without "de" and "van" where there are others."""
    words = [word for word in _WORD.findall(name) if len(word) > 1 or _is_east_asian(word)]
    return [word for word in words if word.casefold() not in _PARTICLES] or words


def _short_names(words: Iterable[str], *, in_capitals: bool) -> set[str]:
    return {word.casefold() for word in words if len(word) == 2 and (in_capitals or word.istitle())}


def _east_asian_parts(words: Iterable[str], lengths: set[int]) -> set[str]:
    runs = [word for word in words if _is_east_asian(word)]
    return {run[at : at + length] for run in runs for length in lengths for at in range(len(run) - length + 1)}


def _codes_in(plain: str) -> set[str]:
    """All that may be a number: digits, also with something between them, and letters with digits."""
    groups = [re.findall(r"\d+", group) for group in _DIGITS_APART.findall(plain)]
    apart = {code.lstrip("0") for runs in groups for code in _joined(runs) if len(code) >= _FEWEST_DIGITS_APART}
    with_letters = {code.casefold() for code in _joined(_LETTERS_AND_DIGITS.findall(plain)) if not code.isdigit()}
    return apart.union(with_letters, (run.lstrip("0") for runs in groups for run in runs))


def _joined(pieces: Sequence[str]) -> set[str]:
    return {"".join(pieces[at : at + num]) for num in range(1, _MOST_PIECES + 1) for at in range(len(pieces) - num + 1)}


def _triples(pieces: Iterable[str]) -> set[tuple[str, ...]]:
    """Three pieces in a row, months by their numbers: each may be a date."""
    telling = [piece for piece in pieces if piece not in _IN_DATES]
    numbers = [_MONTHS.get(piece[:4]) or _MONTHS.get(piece[:3]) or piece for piece in telling]
    return set(zip(numbers, numbers[1:], numbers[2:], strict=False))
