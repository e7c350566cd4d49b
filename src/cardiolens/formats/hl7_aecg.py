"""HL7 annotated ECG (aECG), the XML that the FDA takes ECGs of drug trials in.

Read is the series coded RHYTHM. The representative beats derived from it are a series of another name (derivedSeries)
and never taken for it.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import NoReturn
from xml.etree.ElementTree import Element

import numpy as np
from jaxtyping import Float32

from cardiolens.errors import BadRecording
from cardiolens.formats.bounds import shown
from cardiolens.formats.hl7.annotations import intervals_ms, statements
from cardiolens.formats.lead_codes import coded_lead
from cardiolens.formats.lead_groups import LeadGroup, simultaneous
from cardiolens.formats.patient import sex, whole_years, years
from cardiolens.formats.statements import Persons, without_persons
from cardiolens.formats.timestamp import day, moment
from cardiolens.formats.xml_document import read_xml, root_tag
from cardiolens.privacy import display_name
from cardiolens.signals.leads import standard_lead
from cardiolens.signals.units import millivolts_per
from cardiolens.types import Recording

NAME = "HL7 aECG (annotated ECG, XML)"

_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6}
_AGE_UNITS = {"a": "years", "mo": "months", "wk": "weeks", "d": "days"}
_AGE = "21612-7"
_WHOLE_NUMBERS = re.compile(r"(?:\s*+[+-]?\d{1,10}(?!\S))++\s*", re.ASCII)
_LARGEST_COUNT = 1 << 31
_LARGEST_NUMBER = 1e6
_LEADS_SHOWN = 20
_DERIVED = "derivation/derivedSeries"
_DEVICE = "author/seriesAuthor"
_NUMBERED = ("Subject", "Person", "Performer", "Investigator", "Entity")


def sniff(path: Path, head: bytes) -> bool:
    """Whether the first bytes open an AnnotatedECG document."""
    return root_tag(head) == "AnnotatedECG"


def read(path: Path) -> Recording:
    """The rhythm in mV, origin + scale * digits, with what device and reader wrote about it.

    Of several rhythm series the first with the most of the 12 leads is read. Age is the one reported, or else the whole
    years from birth to recording; the birth date itself is not kept.

    Raises:
        BadRecording: no rhythm, leads of different times or lengths, or a lead whose scale, unit or samples are missing.
    """
    root = read_xml(path)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    persons = _persons(root)
    series, notes = _rhythm(path, root)
    groups = [_lead_group(path, sequences, persons) for sequences in series.findall("component/sequenceSet")]
    group, left_out = simultaneous(path, groups)
    recorded_at = _start(series) or _start(root)
    said, unsaid = without_persons(statements(root, series), persons)
    intervals = intervals_ms(root, series)
    of_beat = {name: value for name, value in intervals_ms(*series.findall(_DERIVED)).items() if name not in intervals}
    if of_beat:
        left_out += (f"measured on the representative beat: {', '.join(of_beat)}",)
    gender = root.find(".//subjectDemographicPerson/administrativeGenderCode")
    return Recording(
        signal_mv=group.signal_mv,
        leads=group.leads,
        rate_hz=group.rate_hz,
        source=display_name(path),
        age_years=_age(root, recorded_at),
        sex=sex(gender.get("code")) if gender is not None else None,
        device=persons.kept(_device(series)),
        recorded_at=recorded_at,
        statements=said,
        intervals_ms=intervals | of_beat,
        notes=(*notes, *left_out, *unsaid),
    )


def _rhythm(path: Path, root: Element) -> tuple[Element, tuple[str, ...]]:
    every = list(root.iter("series"))
    rhythms = [series for series in every if _code(series) == "RHYTHM" and series.find("component/sequenceSet") is not None]
    if not rhythms:
        codes = [_code(series) or "no code" for series in (*every, *root.iter("derivedSeries"))]
        named = shown(", ".join(codes)) if codes else "no series at all"
        _refuse(
            path, f"no rhythm ({named})", "a series coded RHYTHM with its samples", "export the rhythm, not the beats alone"
        )
    best = max(rhythms, key=_num_standard)
    many = f"read rhythm {rhythms.index(best) + 1} of {len(rhythms)}"
    return best, (many,) if len(rhythms) > 1 else ()


def _num_standard(series: Element) -> int:
    sequences = series.findall("component/sequenceSet/component/sequence")
    return len({lead for sequence in sequences if (lead := standard_lead(_lead(sequence)))})


def _lead_group(path: Path, sequence_set: Element, persons: Persons) -> LeadGroup:
    sequences = sequence_set.findall("component/sequence")
    clocks = [sequence for sequence in sequences if _code(sequence).startswith("TIME_")]
    if not clocks:
        _refuse(path, "leads without a time", "a TIME_ABSOLUTE or TIME_RELATIVE sequence with them", "export the ECG again")
    rows, names, left_out = [], [], []
    for sequence in sequences:
        if _code(sequence).startswith("TIME_"):
            continue
        name = persons.shown(_lead(sequence))
        row = _millivolts(path, name, sequence)
        if row is None:
            left_out.append(name)
        else:
            rows.append(row)
            names.append(name)
    lengths = {len(row) for row in rows}
    if len(lengths) > 1:
        each = ", ".join([f"{len(row)} of {name}" for name, row in zip(names, rows, strict=True)][:_LEADS_SHOWN])
        _refuse(path, f"leads of different lengths ({each})", "as many samples of each lead", "export the ECG again")
    return LeadGroup(
        signal_mv=np.stack(rows) if rows else np.zeros((0, 0), np.float32),
        leads=tuple(names),
        rate_hz=_rate_hz(path, clocks[0]),
        start=_first_sample(clocks[0]),
        left_out=tuple(left_out),
    )


def _millivolts(path: Path, name: str, sequence: Element) -> Float32[np.ndarray, " time"] | None:
    """The samples of a lead, or None for a sequence that is neither one of the 12 leads nor a voltage."""
    scale, origin = (_voltage(sequence.find(f"value/{tag}")) for tag in ("scale", "origin"))
    if not scale or origin is None:
        if standard_lead(name) is None:
            return None
        _refuse(
            path,
            f"lead {name} without a scale and an origin in volts",
            "both, each with its unit (uV, mV or V)",
            "export the ECG again with its units; no scale is guessed",
        )
    digits = sequence.findtext("value/digits") or ""
    # A list of the numbers as strings would take thirty times the memory of the text.
    counts = np.fromstring(digits, np.int64, sep=" ") if _WHOLE_NUMBERS.fullmatch(digits) else np.zeros(0, np.int64)
    if not 0 <= np.abs(counts).max(initial=-1) < _LARGEST_COUNT:
        _refuse(path, f"lead {name} without samples that are 32-bit numbers", "whole numbers as digits", "export the ECG again")
    return (origin + counts * scale).astype(np.float32)


def _voltage(quantity: Element | None) -> float | None:
    if quantity is None:
        return None
    millivolts, value = millivolts_per(quantity.get("unit", "")), _number(quantity)
    return None if millivolts is None or value is None else value * millivolts


def _rate_hz(path: Path, clock: Element) -> float:
    increment = clock.find("value/increment")
    step = _number(increment) if increment is not None else None
    per_second = _PER_SECOND.get(increment.get("unit", "")) if increment is not None else None
    if not step or per_second is None or not 0 < per_second / step <= _LARGEST_NUMBER:
        stated = " ".join(increment.get(name, "") for name in ("value", "unit")) if increment is not None else ""
        found = f"{shown(stated.strip()) or 'nothing'} as the time between samples"
        _refuse(path, found, "a time in s, ms or us", "export the ECG again")
    return per_second / step


def _first_sample(clock: Element) -> str | None:
    head = clock.find("value/head")
    if head is None:
        return None
    at, elapsed = moment(head.get("value")), _number(head)
    if head.get("unit") in _PER_SECOND and elapsed is not None:
        return f"{elapsed / _PER_SECOND[head.get('unit')]:.6f} s"
    return at.isoformat() if at is not None else None


def _start(parent: Element) -> datetime | None:
    time = parent.find("effectiveTime")
    if time is None:
        return None
    stated = (each.get("value") for each in (time, time.find("low"), time.find("center")) if each is not None)
    return next((at for text in stated if (at := moment(text)) is not None), None)


def _age(root: Element, recorded_at: datetime | None) -> float | None:
    for observation in root.iter("relatedObservation"):
        value = observation.find("value")
        if _code(observation) == _AGE and value is not None:
            reported = years(value.get("value"), _AGE_UNITS.get(value.get("unit", "")))
            if reported is not None:
                return reported
    birth = root.find(".//subjectDemographicPerson/birthTime")
    return whole_years(born=day(birth.get("value")), on=recorded_at) if birth is not None else None


def _persons(root: Element) -> Persons:
    persons = (element for element in root.iter() if element.tag.endswith("Person"))
    names = (" ".join(name.itertext()) for person in persons for name in person.findall("name"))
    numbered = (root, *(element for element in root.iter() if element.tag.endswith(_NUMBERED)))
    numbers = (number.get("extension", "") for element in numbered for number in element.findall("id"))
    born = (day(birth.get("value")) for birth in root.iter("birthTime"))
    return Persons(tuple(names), tuple(numbers), tuple(filter(None, born)))


def _device(series: Element) -> str:
    tags = (
        "manufacturerOrganization/name",
        "manufacturedSeriesDevice/manufacturerModelName",
        "manufacturedSeriesDevice/softwareName",
    )
    return " ".join(series.findtext(f"{_DEVICE}/{tag}") or "" for tag in tags)


def _lead(sequence: Element) -> str:
    code = sequence.find("code")
    return coded_lead(code.get("code", ""), code.get("displayName", "")) if code is not None else ""


def _code(element: Element) -> str:
    code = element.find("code")
    return code.get("code", "") if code is not None else ""


def _number(quantity: Element) -> float | None:
    try:
        value = float(quantity.get("value", ""))
    except ValueError:
        return None
    return value if abs(value) <= _LARGEST_NUMBER else None


def _refuse(path: Path, found: str, expected: str, remedy: str) -> NoReturn:
    raise BadRecording(path, found=found, expected=expected, remedy=remedy)
