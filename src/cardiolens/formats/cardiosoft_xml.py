"""GE CardioSoft XML, as UK Biobank gives it out for the resting ECG (field 20205).

Read is the strip: ten seconds of twelve leads under StripData. The median beats are waveforms of the same tag further up
and the full disclosure is another layout: neither is taken for the rhythm. UK Biobank's exercise test (field 6025) has
the same root element but three leads; it is refused. The layout of a written file is in `cardiosoft_document`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, datetime
from itertools import takewhile
from pathlib import Path
from typing import NoReturn
from xml.etree.ElementTree import Element

import numpy as np
from jaxtyping import Float

from cardiolens.atomic import write_atomically
from cardiolens.errors import BadRecording
from cardiolens.formats.bounds import shown
from cardiolens.formats.cardiosoft_document import ENCODING, MISSING_COUNT, Beat, Patient, document
from cardiolens.formats.patient import age_years, sex
from cardiolens.formats.statements import Persons, without_persons
from cardiolens.formats.xml_document import read_xml, root_tag
from cardiolens.privacy import display_name
from cardiolens.types import Recording

NAME = "GE CardioSoft XML (UK Biobank field 20205)"

_LARGEST_COUNT = 1 << 31
_LARGEST_NUMBER = 1e6
_NOBODY = Patient()
_NAMES = ("FamilyName", "GivenName", "MiddleName")
_NUMBERS = ("PID", "PersonID", "OrderNumber")
_INTERVALS = {
    "pq": "PQInterval",
    "p": "PDuration",
    "qrs": "QRSDuration",
    "qt": "QTInterval",
    "qtc": "QTCInterval",
    "rr": "RRInterval",
    "pp": "PPInterval",
}


def sniff(path: Path, head: bytes) -> bool:
    """Whether the first bytes open a CardiologyXML document."""
    return root_tag(head) == "CardiologyXML"


def read(path: Path) -> Recording:
    """The ten-second strip in mV, with what the device measured and said.

    Measurements left empty are missing, not zero; the count -32768 marks a missing sample.

    Raises:
        BadRecording: no resting ECG, no strip, rate or resolution missing, or a lead of another length than declared.
    """
    root = read_xml(path)
    kind = _text(root, "ObservationType")
    if kind != "RestECG":
        _refuse(path, f"ObservationType {shown(kind) or 'missing'}", "RestECG", "use field 20205; 6025 is the exercise test")
    strip = root.find("StripData")
    if strip is None:
        _refuse(path, "no StripData", "the ten-second strip of a resting ECG", "export the ECG with its waveforms")
    rate_hz = _number(path, strip, "SampleRate", units="Hz")
    microvolts = _number(path, strip, "Resolution", units="uVperLsb")
    num_samples = _number(path, strip, "ChannelSampleCountTotal")
    waveforms = strip.findall("WaveformData")
    num_leads = _number(path, strip, "NumberOfLeads")
    if len(waveforms) != num_leads or not waveforms:
        _refuse(path, f"{len(waveforms)} waveforms", f"{num_leads:g} leads as declared", "export the ECG again")
    persons = _persons(root)
    for waveform in waveforms:
        waveform.set("lead", persons.shown(_lead(waveform)))
    counts = np.stack([_counts(path, waveform, num_samples) for waveform in waveforms])
    measured = root.find("RestingECGMeasurements")
    patient = root.find("PatientInfo")
    statements, left_out = without_persons(_diagnosis(root), persons)
    paced = _text(patient, "PaceMaker").lower() == "yes"
    return Recording(
        signal_mv=(counts * (microvolts / 1000)).astype(np.float32),
        leads=tuple(_lead(waveform) for waveform in waveforms),
        rate_hz=rate_hz,
        source=display_name(path),
        age_years=_age(patient),
        sex=sex(_text(patient, "Gender")),
        device=persons.kept(" ".join(_text(root, f"ClinicalInfo/DeviceInfo/{tag}") for tag in ("Desc", "SoftwareVer"))),
        recorded_at=_moment(root.find("ObservationDateTime")),
        statements=statements,
        intervals_ms={name: value for name, tag in _INTERVALS.items() if (value := _milliseconds(measured, tag)) is not None},
        notes=(*(["the device reports a pacemaker"] if paced else []), *left_out),
    )


def write(path: Path, recording: Recording, *, median_mv: Beat | None = None, patient: Patient = _NOBODY) -> None:
    """Write a recording as the device does, in steps of 5 uV; `read` gives back every sample to half a step.

    Statements, intervals, device and moment are those of the recording. With its median beat (`signals.heart_beats`) go that
    beat's samples, the table of amplitudes and the time of every beat; without one these blocks are left out. NaN becomes
    the count -32768.

    Raises:
        ValueError: a sample beyond +-163.8 mV, or a median beat of leads in another order than usual.
        NoSpace: the disk is full.
    """
    write_atomically(path, document(recording, median_mv, patient).encode(ENCODING, "xmlcharrefreplace"))


def _counts(path: Path, waveform: Element, num_samples: float) -> Float[np.ndarray, " time"]:
    cells = (waveform.text or "").strip().removesuffix(",")
    lead = _lead(waveform)
    found = cells.count(",") + 1 if cells else 0
    if found != num_samples:
        _refuse(path, f"{found} samples in lead {lead}", f"{num_samples:g} as declared", "the file is cut off: export it again")
    try:
        counts = np.fromiter((float(int(cell)) for cell in cells.split(",")), np.float64, found)
    except (ValueError, OverflowError):
        counts = np.array([np.inf])
    if not np.abs(counts).max() < _LARGEST_COUNT:
        _refuse(path, f"a sample of lead {lead} that is no 32-bit number", "whole numbers", "export the ECG again")
    counts[counts == MISSING_COUNT] = np.nan
    return counts


def _lead(waveform: Element) -> str:
    return waveform.get("lead", "without name")


def _number(path: Path, parent: Element, tag: str, units: str | None = None) -> float:
    element = parent.find(tag)
    text = _text(parent, tag)
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 < value <= _LARGEST_NUMBER:
        _refuse(
            path,
            f"{tag} {shown(text) or 'missing'}",
            f"a {tag} from 0 to {_LARGEST_NUMBER:g}",
            "export the ECG again with all its fields",
        )
    if units is not None and element.get("units") != units:
        _refuse(
            path,
            f"{tag} in {shown(element.get('units', 'no unit'))}",
            f"{tag} in {units}",
            "export the ECG again from CardioSoft",
        )
    return value


def _milliseconds(measured: Element | None, tag: str) -> float | None:
    element = measured.find(tag) if measured is not None else None
    if element is None or element.get("units") != "ms":
        return None
    try:
        value = float(element.text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _age(patient: Element | None) -> float | None:
    age = patient.find("Age") if patient is not None else None
    return age_years(age.text) if age is not None and age.get("units") == "YEARS" else None


def _moment(moment: Element | None) -> datetime | None:
    try:
        return datetime(*(int(_text(moment, tag)) for tag in ("Year", "Month", "Day", "Hour", "Minute", "Second")))
    except (ValueError, OverflowError):
        return None


def _diagnosis(root: Element) -> Iterator[str]:
    """The diagnosis, without what the device adds below a line of dashes: a count of the full disclosure."""
    texts = ((element.text or "").strip() for element in root.findall("Interpretation/Diagnosis/DiagnosisText"))
    return takewhile(lambda text: not text.startswith("---"), texts)


def _persons(root: Element) -> Persons:
    names, numbers = (tuple(x.text or "" for x in root.iter() if x.tag.endswith(tags)) for tags in (_NAMES, _NUMBERS))
    born = (_day(moment) for moment in root.iter("BirthDateTime"))
    return Persons(names, numbers, tuple(filter(None, born)))


def _day(moment: Element) -> date | None:
    try:
        return date(*(int(_text(moment, tag)) for tag in ("Year", "Month", "Day")))
    except (ValueError, OverflowError):
        return None


def _text(parent: Element | None, tag: str) -> str:
    return (parent.findtext(tag) or "").strip() if parent is not None else ""


def _refuse(path: Path, found: str, expected: str, remedy: str) -> NoReturn:
    raise BadRecording(path, found=found, expected=expected, remedy=remedy)
