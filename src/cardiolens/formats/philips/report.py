"""What Philips ECG XML says beside the waveform: patient, device, measurements and interpretation.

Every function takes the root element with the namespaces taken off its tags. Versions 1.03 and 1.04 name many elements
differently; either name is looked for. Never kept: names, numbers and birth dates of persons.
"""

from __future__ import annotations

from datetime import date, datetime
from xml.etree.ElementTree import Element

from cardiolens.formats.bounds import LONGEST_TEXT
from cardiolens.formats.patient import AGE_UNITS, whole_years, years
from cardiolens.formats.patient import sex as sex_in_words
from cardiolens.formats.statements import without_persons
from cardiolens.privacy import hide_participants

_LARGEST_MS = 1e5
_QUALITY_GOOD = "ECG OK"
_PERSONS = ("lastname", "firstname", "middlename", "clinician", "operator", "editor", "fellow")
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
    try:
        born = date.fromisoformat((element.findtext("dateofbirth") or "").strip())
    except ValueError:
        return None
    return whole_years(born=born, on=recorded_at(root))


def sex(root: Element) -> str | None:
    """ "F", "M", or None where the device does not know."""
    return sex_in_words(root.findtext("patient/generalpatientdata/sex"))


def device(root: Element) -> str | None:
    """Model and software version, without the number of this one machine."""
    machine = root.find("dataacquisition/machine")
    if machine is None:
        return None
    words = f"{machine.text or ''} {machine.get('detaildescription', '')}".split()
    return hide_participants(" ".join(words)) or None


def statements(root: Element) -> tuple[tuple[str, ...], tuple[str, ...]]:
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
    persons = (element.text or "" for element in root.iter() if any(person in element.tag for person in _PERSONS))
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


def remarks(root: Element) -> tuple[str, ...]:
    """What the device says of pacemaker, signal quality and loose electrodes, as notes."""
    paced = (root.findtext("patient/generalpatientdata/pacestatus") or "").strip().lower().startswith("paced")
    found = ["the device reports a pacemaker"] if paced else []
    quality = next((element.text.strip() for element in root.iter("qaactioncode") if element.text), "")
    if quality not in {"", _QUALITY_GOOD}:
        found.append(f"the device says of the signal: {hide_participants(quality)[:LONGEST_TEXT]}")
    for lead in root.iter("leadmeasurement"):
        if any(_number(inop.get("duration")) > 0 for inop in lead.iter("inop")):
            name = hide_participants(lead.get("leadname", "without name"))[:LONGEST_TEXT]
            found.append(f"lead {name} was off for a time, says the device")
    return tuple(found)


def _latest_interpretation(root: Element) -> Element | None:
    written = root.findall("interpretations/interpretation")
    return sorted(written, key=lambda one: (one.get("date", ""), one.get("time", "")))[-1] if written else None


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return float("nan")
