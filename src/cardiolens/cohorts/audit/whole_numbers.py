"""Whole numbers of one column or array: known ones, and those that are participants' by its name or because most look alike."""

from __future__ import annotations

import numpy as np
from jaxtyping import Integer

from cardiolens.cohorts.audit.field_names import Meaning, meaning
from cardiolens.cohorts.audit.field_values import FIRST, LAST, may_be_participant, person_in
from cardiolens.cohorts.audit.finding import Kind
from cardiolens.cohorts.audit.search import Search
from cardiolens.formats.table.columns import names_a_lead

Numbers = Integer[np.ndarray, " value"]

_SHARE_ALIKE = 0.9
"""Of a column without a telling name: so many of its values are as participants' numbers are, or they are a measure."""
_SHARE_OF_KNOWN = 0.1
"""Of the values as large as known numbers: so many are known, or the few that are known are so by chance."""
_FEWEST_OF_AN_INDEX = 100
"""Consecutive numbers that count rows."""
_LEAST_AND_MOST = {Meaning.PARTICIPANT: (1_000_000, 9_999_999), Meaning.HOSPITAL_NUMBER: (10_000, 2**62)}
"""By what the column's name says: seven digits, or five and more."""


def search_integers(path: tuple[str, ...], values: Numbers, place: str, search: Search) -> None:
    """Report at `place` what the values of a column give away, whose names around it, outermost first, are `path`."""
    if values.dtype == np.uint64:
        values = values[values < 2**63]
    others = _report_known(values, place, search)
    what = meaning(path)
    if what in _LEAST_AND_MOST:
        least, most = _LEAST_AND_MOST[what]
        _report(np.unique(others[(others >= least) & (others <= most)]).tolist(), place, search)
    elif what in {Meaning.BIRTH, Meaning.BIRTH_PART}:
        births = [number for number in np.unique(others).tolist() if person_in(path, str(number)) is not None]
        _report(births, place, search, Kind.BIRTH_DATE)
    elif what is Meaning.PLAIN and not names_a_lead(path[-1]):
        alike = others[(others >= FIRST) & (others <= LAST)]
        if len(alike) < _SHARE_ALIKE * len(others):
            return
        if not _is_index(values):
            _report(list(filter(may_be_participant, np.unique(alike).tolist())), place, search)


def _report_known(values: Numbers, place: str, search: Search) -> Integer[np.ndarray, " other"]:
    """Report the known numbers among the values, and return the others."""
    large = search.known.like_integers(values)
    near = values[large]
    hits = search.known.known_integers(near)
    if not hits.any():
        return values
    certain = bool(hits.sum() >= _SHARE_OF_KNOWN * len(near))
    _report(np.unique(near[hits]).tolist(), place, search, certain=certain)
    return np.concatenate([values[~large], near[~hits]])


def _is_index(values: Numbers) -> bool:
    distinct = np.unique(values)
    return len(distinct) >= _FEWEST_OF_AN_INDEX and int(distinct[-1]) - int(distinct[0]) == len(distinct) - 1


def _report(numbers: list[int], place: str, search: Search, kind: Kind = Kind.PARTICIPANT, *, certain: bool = False) -> None:
    if numbers:
        search.add(place, kind, str(numbers[0]), certain=certain, count=len(numbers))
