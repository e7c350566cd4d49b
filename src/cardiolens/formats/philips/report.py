"""What Philips ECG XML says beside the waveform: patient, device, measurements and interpretation.

Every function takes the root element with the namespaces taken off its tags. Versions 1.03 and 1.04 name many elements
differently; either name is looked for. Never kept: names, numbers and birth dates of persons.
"""

from __future__ import annotations

from datetime import date, datetime
from xml.etree.ElementTree import Element

from cardiolens.formats.patient import AGE_UNITS, whole_years, years
from cardiolens.formats.patient import sex as sex_in_words
from cardiolens.formats.statements import Persons, without_persons

_LARGEST_MS = 1e5
_QUALITY_GOOD = "ECG OK"
_NAMES = ("lastname", "firstname", "middlename", "clinician", "operator", "editor", "fellow")
_NUMBERS = ("patientid", "mrn", "ssn", "ordernumber", "orderid", "encounterid", "visitnumber")
_INTERVALS = {
    "p": ("pdur",),
    "pq": ("print", "meanprint"),
    "qrs": ("qrsdur", "meanqrsdur"),
    "qt": ("qtint", "meanqtint"),
    "qtc": ("qtcb", "meanqtc"),
    "rr": ("rrint",),
}


def recorded_at(root: Element) -> datetime | None:
    """When the ECG was acquired, by the device's own clock."""
    acquisition = root.find("dataacquisition")
    if acquisition is None:
        return None
    try:
        return datetime.fromisoformat(f"{acquisition.get('date')}T{acquisition.get('time')}").replace(tzinfo=None)
    except ValueError:
        return None


def age(root: Element) -> float | None:
    """The age as it is written, or in whole years from the birth date; not defaultage, which the device assumes of anybody."""
    element = root.find("patient/generalpatientdata/age")
    if element is None:
        return None
    for unit in AGE_UNITS:
        if (value := years(element.findtext(unit), unit)) is not None:
            return value
    return whole_years(born=_day(element.findtext("dateofbirth")), on=recorded_at(root))


def sex(root: Element) -> str | None:
    """ "F", "M", or None where the device does not know."""
    return sex_in_words(root.findtext("patient/generalpatientdata/sex"))


def persons(root: Element) -> Persons:
    """Patient and staff, to be kept out of what is said. Who signed is named behind "by"."""
    names = [text for x in root.iter() if any(tag in x.tag for tag in _NAMES) for text in (x.text or "", x.get("id", ""))]
    signed = ((x.text or "").partition(" by ")[2] for x in root.iter("mdsignatureline"))
    numbers = (x.text or "" for x in root.iter() if x.tag.lower().endswith(_NUMBERS))
    born = (_day(x.text) for x in root.iter("dateofbirth"))
    return Persons((*names, *signed), tuple(numbers), tuple(filter(None, born)))


def device(root: Element, persons: Persons) -> str | None:
    """Model and software version, without the number of this one machine."""
    machine = root.find("dataacquisition/machine")
    if machine is None:
        return None
    return persons.kept(f"{machine.text or ''} {machine.get('detaildescription', '')}")


def statements(root: Element, persons: Persons) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Statements with their reasons, then the severity, of the latest interpretation; and notes on what was left out.

    The signature line names a physician and is not read.
    """
    interpretation = _latest_interpretation(root)
    if interpretation is None:
        return (), ()
    lines = []
    for statement in interpretation.findall("statement"):
        sides = (" ".join((statement.findtext(side) or "").split()) for side in ("leftstatement", "rightstatement"))
        lines.append(": ".join(side for side in sides if side))
    lines.append((interpretation.findtext("severity") or "").strip(" -"))
    return without_persons(lines, persons)


def intervals_ms(root: Element) -> dict[str, float]:
    """Intervals above zero, by the names of `Recording.intervals_ms`; QTc is the device's own choice, Bazett's as a rule.

    What the interpretation says may be a reader's correction and comes before the device's internal measurements.
    """
    places = ["internalmeasurements/crossleadmeasurements", "measurements/globalmeasurements"]
    found = [root.find(place) for place in places]
    interpretation = _latest_interpretation(root)
    if interpretation is not None:
        found = [interpretation.find(tag) for tag in ("globalmeasurements", "interpretationmeasurements")] + found
    intervals: dict[str, float] = {}
    for measured in (element for element in found if element is not None):
        for name, tags in _INTERVALS.items():
            for value in (_number(measured.findtext(tag)) for tag in tags):
                if 0 < value < _LARGEST_MS:
                    intervals.setdefault(name, value)
    return intervals


def remarks(root: Element, persons: Persons) -> tuple[str, ...]:
    """What the device says of pacemaker, signal quality and loose electrodes, as notes."""
    paced = (root.findtext("patient/generalpatientdata/pacestatus") or "").strip().lower().startswith("paced")
    found = ["the device reports a pacemaker"] if paced else []
    quality = next((element.text.strip() for element in root.iter("qaactioncode") if element.text), "")
    if quality not in {"", _QUALITY_GOOD}:
        found.append(f"the device says of the signal: {persons.shown(quality)}")
    for lead in root.iter("leadmeasurement"):
        if any(_number(inop.get("duration")) > 0 for inop in lead.iter("inop")):
            name = persons.shown(lead.get("leadname", "without name"))
            found.append(f"lead {name} was off for a time, says the device")
    return tuple(found)


def _latest_interpretation(root: Element) -> Element | None:
    written = root.findall("interpretations/interpretation")
    return sorted(written, key=lambda one: (one.get("date", ""), one.get("time", "")))[-1] if written else None


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat((text or "").strip())
    except ValueError:
        return None


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return float("nan")
