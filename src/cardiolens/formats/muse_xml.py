"""GE MUSE XML: the rhythm of a resting ECG, in lists of little-endian 16-bit samples as Base64.

Read is the waveform of the type Rhythm; the median beat has the same layout and is never taken for it. Of the limb leads
most files hold I and II only. Dates are month-day-year and intervals milliseconds, by definition of the format; the
document type that a file names is not fetched. LeadDataCRC32 is the CRC-32 of zlib over the decoded bytes, as found on
every waveform of two real files.
"""

from __future__ import annotations

import base64
import re
import zlib
from datetime import date, datetime
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
from jaxtyping import Bool, Float32, Int16

from cardiolens.errors import BadRecording
from cardiolens.formats.bounds import shown
from cardiolens.formats.patient import sex, whole_years, years
from cardiolens.formats.statements import Persons, without_persons
from cardiolens.formats.xml_document import number_or_nan, read_xml, root_tag
from cardiolens.privacy import display_name
from cardiolens.signals.units import millivolts_per
from cardiolens.types import Recording

NAME = "GE MUSE XML"

_DATE = "%m-%d-%Y"
_LARGEST_NUMBER = 1e6
_MOST_EXPONENT = 6
_NAMES = ("LastName", "FirstName", "MiddleName")
_NUMBERS = re.compile(r"\w*ID|\w*Number|\w*AccountNum")
_SPEAK_OF_PERSONS = ("PatientDemographics", "TestDemographics", "Order")
_INTERVALS = {
    "pq": "RestingECGMeasurements/PRInterval",
    "qrs": "RestingECGMeasurements/QRSDuration",
    "qt": "RestingECGMeasurements/QTInterval",
    "qtc": "RestingECGMeasurements/QTCorrected",
    "rr": "PharmaData/PharmaRRinterval",
    "pp": "PharmaData/PharmaPPinterval",
}


def sniff(path: Path, head: bytes) -> bool:
    """Whether the first bytes open a RestingECG document."""
    return root_tag(head) == "RestingECG"


def read(path: Path) -> Recording:
    """The leads of the first rhythm in mV, with what the device measured and what stands as diagnosis.

    Samples at the limits of the converter become NaN. What is odd but harmless is said in the notes: a wrong checksum, a
    lead that was off, a baseline that no two readers use alike and that is not applied here.

    Raises:
        BadRecording: no rhythm; rate, unit or samples missing, unknown or contradictory; leads of different lengths or times.
    """
    root = read_xml(path)
    persons = _persons(root)
    for lead in root.iter("LeadID"):
        lead.text = persons.shown(lead.text or "")
    rhythms = [waveform for waveform in root.findall("Waveform") if _text(waveform, "WaveformType").lower() == "rhythm"]
    if not rhythms:
        raise _bad(path, "no waveform of the type Rhythm", "the rhythm of a resting ECG")
    notes = [f"the first of {len(rhythms)} rhythms"] if len(rhythms) > 1 else []
    rhythm = rhythms[0]
    if (kind := _text(rhythm, "SampleType").upper()) not in {"", "CONTINUOUS_SAMPLES"}:
        raise _bad(path, f"SampleType {shown(kind)}", "CONTINUOUS_SAMPLES")
    leads = rhythm.findall("LeadData")
    if not leads or number_or_nan(_text(rhythm, "NumberofLeads")) != len(leads):
        raise _bad(path, f"{len(leads)} leads", f"{shown(_text(rhythm, 'NumberofLeads')) or 'some'} as NumberofLeads says")
    _refuse_different_times(path, leads)
    rows = [_millivolts(path, lead, notes) for lead in leads]
    if len(lengths := sorted({len(row) for row in rows})) > 1:
        raise _bad(path, f"leads of {lengths[0]} to {lengths[-1]} samples", "leads of one length")
    recorded_at = _moment(root)
    statements, left_out = without_persons(_diagnosis(root), persons)
    return Recording(
        signal_mv=np.stack(rows),
        leads=tuple(_name(lead) for lead in leads),
        rate_hz=_rate_hz(path, rhythm),
        source=display_name(path),
        age_years=_age(root.find("PatientDemographics"), recorded_at),
        sex=sex(_text(root, "PatientDemographics/Gender")),
        device=persons.kept(_device(root)),
        recorded_at=recorded_at,
        statements=statements,
        intervals_ms={name: value for name, tag in _INTERVALS.items() if 0 < (value := number_or_nan(_text(root, tag))) < 1e5},
        notes=(*notes, *left_out),
    )


def _rate_hz(path: Path, rhythm: Element) -> float:
    base, exponent = _text(rhythm, "SampleBase"), _text(rhythm, "SampleExponent")
    power = number_or_nan(exponent or "0")
    rate_hz = number_or_nan(base) * 10.0**power if abs(power) <= _MOST_EXPONENT else float("nan")
    if not 0 < rate_hz <= _LARGEST_NUMBER:
        found = f"SampleBase {shown(base) or 'missing'}, SampleExponent {shown(exponent) or 'missing'}"
        raise _bad(path, found, "samples per second, as SampleBase times ten to the SampleExponent")
    return rate_hz


def _refuse_different_times(path: Path, leads: list[Element]) -> None:
    """Leads that begin one after the other are no 12-lead ECG; what an offset counts is not even agreed on."""
    for lead in leads:
        for tag, expected in (("LeadTimeOffset", _text(leads[0], "LeadTimeOffset")), ("LeadOffsetFirstSample", "0")):
            if (_text(lead, tag) or "0") != (expected or "0"):
                raise _bad(path, f"{tag} {shown(_text(lead, tag))} in lead {_name(lead)}", "leads that begin together")


def _millivolts(path: Path, lead: Element, notes: list[str]) -> Float32[np.ndarray, " time"]:
    """One lead; what is odd about it is added to the notes."""
    name = _name(lead)
    unit, text = _text(lead, "LeadAmplitudeUnits"), _text(lead, "LeadAmplitudeUnitsPerBit")
    per_bit, millivolts = number_or_nan(text), millivolts_per(unit)
    if millivolts is None or not 0 < per_bit <= _LARGEST_NUMBER:
        found = f"{shown(text) or 'no LeadAmplitudeUnitsPerBit'} {shown(unit) or 'of no unit'} per bit in lead {name}"
        raise _bad(path, found, "a number of MICROVOLTS, MILLIVOLTS or VOLTS per bit")
    content = _content(path, lead)
    if _text(lead, "LeadDataCRC32") and number_or_nan(_text(lead, "LeadDataCRC32")) % (1 << 32) != zlib.crc32(content):
        notes.append(f"the checksum of lead {name} is not that of its samples")
    if _text(lead, "LeadOff").upper() == "TRUE":
        notes.append(f"lead {name} was off, says the device")
    if (baseline := _text(lead, "FirstSampleBaseline")) not in {"", "0"}:
        notes.append(f"FirstSampleBaseline {shown(baseline)} of lead {name} is not applied")
    counts = np.frombuffer(content, "<i2")
    signal_mv = (counts * (per_bit * millivolts)).astype(np.float32)
    if (at_limit := _at_limit(lead, counts)).any():
        notes.append(f"missing in lead {name}: {at_limit.sum()} samples at the limit of the converter")
        signal_mv[at_limit] = np.nan
    return signal_mv


def _content(path: Path, lead: Element) -> bytes:
    name = _name(lead)
    if (size := _text(lead, "LeadSampleSize")) not in {"", "2"}:
        raise _bad(path, f"{shown(size)} bytes per sample in lead {name}", "2 as LeadSampleSize")
    try:
        content = base64.b64decode("".join(_text(lead, "WaveFormData").split()), validate=True)
    except ValueError as error:
        raise _bad(path, f"samples of lead {name} that are no Base64", "the whole file as MUSE wrote it") from error
    for tag, found in (("LeadByteCountTotal", len(content)), ("LeadSampleCountTotal", len(content) / 2)):
        declared = _text(lead, tag)
        if found == 0 or len(content) % 2 or (declared and number_or_nan(declared) != found):
            raise _bad(path, f"{len(content)} bytes in lead {name}", f"{tag} {shown(declared) or 'above 0'}, 2 bytes a sample")
    return content


def _at_limit(lead: Element, counts: Int16[np.ndarray, " time"]) -> Bool[np.ndarray, " time"]:
    low, high = (number_or_nan(_text(lead, tag)) for tag in ("LeadLowLimit", "LeadHighLimit"))
    # Some exports write limits of 32 bits, or none: they say nothing of these samples.
    return (counts <= low) | (counts >= high) if low < 0 < high else np.zeros(len(counts), bool)


def _diagnosis(root: Element) -> list[str]:
    """The lines of the current diagnosis, put together from their pieces, without those that a reader deleted."""
    lines, pieces = [], []
    for statement in root.findall("Diagnosis/DiagnosisStatement"):
        flags = {(flag.text or "").strip().upper() for flag in statement.findall("StmtFlag")}
        if "DELETED" not in flags:
            pieces.append(_text(statement, "StmtText"))
        if "ENDSLINE" in flags:
            lines.append(" ".join(pieces))
            pieces = []
    return [*lines, " ".join(pieces)]


def _persons(root: Element) -> Persons:
    names = (element.text or "" for element in root.iter() if element.tag.endswith(_NAMES))
    places = (element for tag in _SPEAK_OF_PERSONS for place in root.findall(tag) for element in place.iter())
    numbers = (element.text or "" for element in places if _NUMBERS.fullmatch(element.tag))
    born = (_day((element.text or "").strip()) for element in root.iter("DateofBirth"))
    return Persons(tuple(names), tuple(numbers), tuple(filter(None, born)))


def _moment(root: Element) -> datetime | None:
    written = f"{_text(root, 'TestDemographics/AcquisitionDate')} {_text(root, 'TestDemographics/AcquisitionTime')}"
    try:
        return datetime.strptime(written, f"{_DATE} %H:%M:%S")
    except ValueError:
        return None


def _age(patient: Element | None, recorded_at: datetime | None) -> float | None:
    """The age as it is written, or in whole years from the birth date."""
    if patient is None:
        return None
    if (age := years(_text(patient, "PatientAge"), _text(patient, "AgeUnits"))) is not None:
        return age
    return whole_years(born=_day(_text(patient, "DateofBirth")), on=recorded_at)


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, _DATE).date()
    except ValueError:
        return None


def _device(root: Element) -> str:
    parts = [_text(root, f"TestDemographics/{tag}") for tag in ("AcquisitionDevice", "AcquisitionSoftwareVersion")]
    analysis = _text(root, "TestDemographics/AnalysisSoftwareVersion")
    parts += [f"(analysis software {analysis})"] if analysis else []
    return " ".join(parts)


def _name(lead: Element) -> str:
    return shown(_text(lead, "LeadID")) or "without name"


def _text(parent: Element, tag: str) -> str:
    return (parent.findtext(tag) or "").strip()


def _bad(path: Path, found: str, expected: str) -> BadRecording:
    return BadRecording(path, found=found, expected=expected, remedy="export the ECG from MUSE again")
