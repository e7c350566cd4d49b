"""Hospital codes and dates of a synthetic person, as UK Biobank's linked records give them.

Codes follow from the generator's diseases, so that labels made from codes are the generator's labels: every disease has a
code of its own group, nobody has one of a group that the generator did not give them. Traps of real records are in:
codes of three characters beside those of four, diabetes of pregnancy, which is none, dates after the visit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np

from cardiolens.cohorts.release.table import CODE_DATES, CODES, FIRST_OCCURRENCES, NUM_CODES, Value

CENSORED = date(2022, 10, 31)
"""Nothing is recorded after this day."""
_PAST_SHARE = 0.6
"""Of diagnoses, those before the first imaging visit."""
_PLACEHOLDER = "1900-01-01"
_PLACEHOLDER_SHARE = 0.02

_BY_DISEASE = {
    "cad": ("I251", "I209", "I259", "I200", "I248"),
    "mi": ("I214", "I219", "I252", "I211"),
    "af": ("I489", "I480", "I48", "I481"),
    "dm": ("E119", "E149", "E109", "E116"),
    "hf": ("I500", "I501", "I509"),
    "cardiomyopathy": ("I420", "I421", "I422", "I429"),
    "scd": ("I461", "I469", "I460"),
}
_UNRELATED = {"E780": 0.15, "K219": 0.10, "M171": 0.08, "Z864": 0.06, "R074": 0.10, "J459": 0.07, "H269": 0.08, "N179": 0.02}
_PREGNANCY = "O244"
"""Diabetes of pregnancy: outside E10-E14."""
_HYPERTENSION, _HIGH_MMHG = "I10", 150.0


def diagnoses(
    diseases: Mapping[str, bool], *, sex: str, systolic_mmhg: float, in_af: bool, first_visit: date, rng: np.random.Generator
) -> list[tuple[str, date]]:
    """Codes with the day of each, in no order of time, as the records are; at most `NUM_CODES`."""
    found: list[tuple[str, date]] = []
    for disease, codes in _BY_DISEASE.items():
        # Drawn whether ill or not, so that one disease does not move the codes of another.
        first, second, when, later = rng.random(4)
        if not diseases.get(disease, False):
            continue
        past = when < _PAST_SHARE or (disease == "af" and in_af)
        day = _before(first_visit, later) if past else _after(first_visit, later)
        if disease == "scd":
            day = _after(first_visit, later)
        found.append((codes[int(first * len(codes))], day))
        if second < 0.4 and disease != "scd":
            again = codes[int(second / 0.4 * len(codes))]
            if again != found[-1][0]:
                found.append((again, min(day + timedelta(days=90), CENSORED)))
    for code, share in _UNRELATED.items():
        chance, when = rng.random(2)
        if chance < share:
            found.append((code, _before(first_visit, when)))
    chance, when = rng.random(2)
    if systolic_mmhg > _HIGH_MMHG and chance < 0.7:
        found.append((_HYPERTENSION, _before(first_visit, when)))
    chance, when = rng.random(2)
    if sex == "F" and chance < 0.02:
        found.append((_PREGNANCY, date(1985, 1, 1) + timedelta(days=int(when * 3650))))
    assert len(found) <= NUM_CODES
    return [found[k] for k in rng.permutation(len(found))]


def diagnosis_cells(found: list[tuple[str, date]], *, placeholder: float) -> dict[str, Value]:
    """Codes, their dates and first occurrences as cells of the main table.

    For the smallest chances `placeholder` the first occurrence with the lowest field has UK Biobank's date for "unknown",
    which is no event of that day.
    """
    cells: dict[str, Value] = {}
    firsts: dict[int, date] = {}
    for k, (code, day) in enumerate(found):
        cells[f"{CODES}-0.{k}"], cells[f"{CODE_DATES}-0.{k}"] = code, day.isoformat()
        field = FIRST_OCCURRENCES.get(code[:3])
        if field is not None:
            firsts[field] = min(day, firsts.get(field, day))
    cells |= {f"{field}-0.0": day.isoformat() for field, day in firsts.items()}
    if firsts and placeholder < _PLACEHOLDER_SHARE:
        cells[f"{min(firsts)}-0.0"] = _PLACEHOLDER
    return cells


def death_cells(found: list[tuple[str, date]]) -> dict[str, Value]:
    """Day and underlying cause of death of those whose heart stopped."""
    stopped = [(code, day) for code, day in found if code.startswith("I46")]
    if not stopped:
        return {}
    code, day = min(stopped, key=lambda one: one[1])
    return {"40000-0.0": day.isoformat(), "40001-0.0": code}


def _before(visit: date, share: float) -> date:
    return visit - timedelta(days=1 + int(share * 3650))


def _after(visit: date, share: float) -> date:
    return visit + timedelta(days=1 + int(share * ((CENSORED - visit).days - 1)))
