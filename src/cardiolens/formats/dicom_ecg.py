"""DICOM waveforms: 12-lead, general and ambulatory ECG, and others where they hold ECG leads.

Read are the waveforms that the file calls ORIGINAL; a median beat is DERIVED. Images and reports are refused by what they
are, before the file is read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from cardiolens.errors import BadRecording
from cardiolens.formats.bounds import refuse_too_many_samples, shown
from cardiolens.formats.dicom.elements import Item, is_dicom, read_data_set, read_meta
from cardiolens.formats.dicom.waveform import (
    CODE_VALUE,
    GROUP_LABEL,
    LONG_CODE_VALUE,
    ORIGINALITY,
    SEQUENCES,
    VALUES,
    lead_group,
    num_samples,
)
from cardiolens.formats.lead_groups import LeadGroup, simultaneous
from cardiolens.formats.patient import sex, years
from cardiolens.formats.statements import Persons, without_persons
from cardiolens.formats.timestamp import day, moment
from cardiolens.privacy import display_name
from cardiolens.types import Recording

NAME = "DICOM ECG (12-lead, general or ambulatory waveform)"

_WAVEFORMS, _ANNOTATIONS = 0x54000100, 0x0040B020
_SOP_CLASS, _ACQUIRED, _PATIENT_SEX, _PATIENT_AGE = 0x00080016, 0x0008002A, 0x00100040, 0x00101010
# Patient and staff: read to be kept out of what is said about the ECG.
_NAMES = (0x00100010, 0x00101001, 0x00101005, 0x00080090, 0x00081048, 0x00081050, 0x00081060, 0x00081070, 0x00321032)
_NUMBERS, _BORN = (0x00100020, 0x00101000, 0x00080050, 0x00380010), 0x00100030
_DEVICE = (0x00080070, 0x00081090, 0x00181020)
_TEXT, _CONCEPT, _NUMBER, _UNIT, _TIME_RANGE, _CHANNEL = 0x00700006, 0x0040A043, 0x0040A30A, 0x004008EA, 0x0040A130, 0x0040A0B0
_VALUES = VALUES | {
    _SOP_CLASS,
    _ACQUIRED,
    _PATIENT_SEX,
    _PATIENT_AGE,
    *_NAMES,
    *_NUMBERS,
    _BORN,
    *_DEVICE,
    _TEXT,
    _NUMBER,
    _TIME_RANGE,
    _CHANNEL,
}
_SEQUENCES = SEQUENCES | {_WAVEFORMS, _ANNOTATIONS, _CONCEPT, _UNIT}
_WAVEFORM_CLASSES = "1.2.840.10008.5.1.4.1.1.9."
_AGE_UNITS = {"Y": "years", "M": "months", "W": "weeks", "D": "days"}
# Of MDC the global ones; SCP-ECG's, which DICOM used before, have no others.
_INTERVALS = {
    "2:16184": "p",
    "2:15872": "pq",
    "2:16144": "pq",
    "5.13.5-7": "pq",
    "2:16156": "qrs",
    "5.13.5-9": "qrs",
    "2:16160": "qt",
    "5.13.5-11": "qt",
    "2:15876": "qtc",
    "2:15880": "qtc",
    "5.10.2.5-5": "qtc",
    "2:16168": "rr",
    "2:16000": "rr",
    "5.10.2.1-3": "rr",
    "2:16140": "pp",
    "5.10.2.1-5": "pp",
}
_MILLISECONDS = {"s": 1e3, "ms": 1.0, "us": 1e-3}
_LONGEST_MS = 10_000.0


def sniff(path: Path, head: bytes) -> bool:
    """Whether the first bytes are those of a DICOM file, of an ECG or of anything else."""
    return is_dicom(head)


def read(path: Path) -> Recording:
    """The original waveforms in mV, with what device and reader wrote about them.

    Groups of leads that begin together and are equally long are joined.

    Raises:
        BadRecording: no waveform, only derived ones, leads of different times, samples without scale, or a damaged file.
    """
    meta = read_meta(path)
    _refuse_other_class(path, meta.sop_class)
    root = read_data_set(path, meta, _VALUES, _SEQUENCES)
    _refuse_other_class(path, root.text(_SOP_CLASS))
    persons = _persons(root)
    groups = [lead_group(path, group) for group in _originals(path, root.items(_WAVEFORMS), persons)]
    group, notes = simultaneous(path, [_without_persons(group, persons) for group in groups])
    annotations = root.items(_ANNOTATIONS)
    said, unsaid = without_persons(_statements(annotations), persons)
    return Recording(
        signal_mv=group.signal_mv,
        leads=group.leads,
        rate_hz=group.rate_hz,
        source=display_name(path),
        age_years=_age(root.text(_PATIENT_AGE)),
        sex=sex(root.text(_PATIENT_SEX)),
        device=persons.kept(" ".join(map(root.text, _DEVICE)).replace("\\", " ")),
        recorded_at=moment(root.text(_ACQUIRED)),
        statements=said,
        intervals_ms=_intervals_ms(annotations),
        notes=(*notes, *unsaid),
    )


def _refuse_other_class(path: Path, sop_class: str) -> None:
    if not sop_class or sop_class.startswith(_WAVEFORM_CLASSES):
        return
    from pydicom.uid import UID_dictionary

    name = UID_dictionary[sop_class][0] if sop_class in UID_dictionary else f"of class {shown(sop_class)}"
    _refuse(path, f"DICOM {name}", "a DICOM ECG waveform", "choose the ECG of the study, not its images or reports")


def _originals(path: Path, groups: Sequence[Item], persons: Persons) -> list[Item]:
    originals = [group for group in groups if group.text(ORIGINALITY) == "ORIGINAL"]
    if not originals:
        labels = ", ".join(group.text(GROUP_LABEL) or group.text(ORIGINALITY) or "unnamed" for group in groups)
        found = f"no original waveform ({persons.shown(labels) or 'none at all'})"
        _refuse(path, found, "the rhythm as it was recorded", "export the ECG with its rhythm, not its median beat alone")
    refuse_too_many_samples(path, 1, sum(channels * samples for channels, samples in map(num_samples, originals)))
    return originals


def _persons(root: Item) -> Persons:
    names, numbers = (tuple(map(root.text, tags)) for tags in (_NAMES, _NUMBERS))
    born = day(root.text(_BORN))
    return Persons(names, numbers, () if born is None else (born,))


def _without_persons(group: LeadGroup, persons: Persons) -> LeadGroup:
    """The labels of leads are free text."""
    leads, left_out = (tuple(map(persons.shown, names)) for names in (group.leads, group.left_out))
    return replace(group, leads=leads, left_out=left_out)


def _age(text: str) -> float | None:
    parts = re.fullmatch(r"(\d{1,3})([YMWD])", text, re.ASCII)
    return years(parts[1], _AGE_UNITS[parts[2]]) if parts else None


def _statements(annotations: Sequence[Item]) -> tuple[str, ...]:
    """The annotations in words alone. A text that answers a coded question may answer who confirmed the ECG."""
    return tuple(annotation.text(_TEXT) for annotation in annotations if not annotation.items(_CONCEPT))


def _intervals_ms(annotations: Sequence[Item]) -> dict[str, float]:
    """The first of each kind that is of all channels and of no stretch of time. Zero stands for what was not measured."""
    found: dict[str, float] = {}
    for annotation in annotations:
        concept = annotation.first(_CONCEPT)
        name = _INTERVALS.get(concept.text(CODE_VALUE) or concept.text(LONG_CODE_VALUE))
        value, per = annotation.number(_NUMBER), _MILLISECONDS.get(annotation.first(_UNIT).text(CODE_VALUE))
        # Pairs of group and channel; channel 0 is all of the group's.
        of_one_lead = any(annotation.integers(_CHANNEL, 2)[1::2])
        if name is None or value is None or per is None or of_one_lead or annotation.text(_TIME_RANGE):
            continue
        if 0 < value * per <= _LONGEST_MS:
            found.setdefault(name, value * per)
    return found


def _refuse(path: Path, found: str, expected: str, remedy: str) -> NoReturn:
    raise BadRecording(path, found=found, expected=expected, remedy=remedy)
