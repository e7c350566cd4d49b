"""SCP-ECG, the European and ISO standard (EN 1064, ISO 11073-91064): rhythm, measurements and statements of one ECG.

Records are of many devices and converters. What has to fit is checked; where the standard leaves two readings, none is
chosen. The overall measurements are those of the first reference beat.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cardiolens.errors import BadRecording
from cardiolens.formats.scp.header import ScpHeader, read_header, text
from cardiolens.formats.scp.rhythm import StoredLead, read_rhythm
from cardiolens.formats.scp.sections import Section, looks_like_record, read_record
from cardiolens.formats.statements import without_persons
from cardiolens.privacy import display_name
from cardiolens.types import Recording

NAME = "SCP-ECG (EN 1064)"

_FIRST_LEADS = (
    "I", "II", "V1", "V2", "V3", "V4", "V5", "V6", "V7", "V2R", "V3R", "V4R", "V5R", "V6R", "V7R", "X", "Y", "Z", "CC5", "CM5",
    "Left Arm", "Right Arm", "Left Leg", "I (Frank)", "E", "C", "A", "M", "F", "H",
)  # fmt: skip
_SECOND_LEADS = (
    "III", "aVR", "aVL", "aVF", "-aVR", "V8", "V9", "V8R", "V9R", "D (Nehb)", "A (Nehb)", "J (Nehb)", "Defibrillator",
    "External pacing", "A1", "A2", "A3", "A4",
)  # fmt: skip
# By the standard's numbers, from 1; "-cal" was calculated from other leads.
_LEADS = dict(
    enumerate(
        (
            *_FIRST_LEADS,
            *(f"{lead}-cal" for lead in _FIRST_LEADS),
            *_SECOND_LEADS,
            *(f"{lead}-cal" for lead in _SECOND_LEADS[5:12]),
        ),
        start=1,
    )
)
# 19999 to 29999 stand for waves that were not there or not measured.
_MISSING = 19999
_MOST_NAMED = 20


def sniff(path: Path, head: bytes) -> bool:
    """Whether the first bytes are those of an SCP-ECG record."""
    return looks_like_record(head)


def read(path: Path) -> Recording:
    """The rhythm in mV, with what the device measured and said.

    A lead is NaN while others were recorded without it. Leads that the standard's numbers do not name are left out.

    Raises:
        BadRecording: no SCP-ECG record or a damaged one, no rhythm, no lead of a known name, or a coding that may be read
            in two ways. A wrong checksum alone is only noted.
    """
    record = read_record(path)
    header = read_header(record.sections[1]) if 1 in record.sections else ScpHeader()
    rhythm = read_rhythm(record)
    kept = [row for row, lead in enumerate(rhythm.leads) if lead.code in _LEADS]
    if not kept:
        raise BadRecording(
            path,
            found=f"leads numbered {_listed(rhythm.leads)}",
            expected="leads that SCP-ECG names",
            remedy="export the ECG with its standard leads",
        )
    left_out = [lead for lead in rhythm.leads if lead.code not in _LEADS]
    notes = [] if record.checksum_holds else ["the record's checksum is wrong: it was changed or damaged after it was written"]
    notes += [f"left out the leads numbered {_listed(left_out)}"] if left_out else []
    notes += ["not all leads were recorded at the same time"] if np.isnan(rhythm.signal_mv[kept]).any() else []
    notes += ["between the QRS complexes the device kept fewer samples; they are interpolated"] if rhythm.interpolated else []
    measured = record.sections.get(7)
    notes += ["the device reports a pacemaker"] if measured and any(measured.content[1:2]) else []
    said = _statements(record.sections[8], header.encoding) if 8 in record.sections else []
    statements, unsaid = without_persons(said, header.persons)
    notes += unsaid
    return Recording(
        signal_mv=rhythm.signal_mv[kept],
        leads=tuple(_LEADS[rhythm.leads[row].code] for row in kept),
        rate_hz=rhythm.rate_hz,
        source=display_name(path),
        age_years=header.age_years,
        sex=header.sex,
        device=header.device,
        recorded_at=header.recorded_at,
        statements=statements,
        intervals_ms=_intervals_ms(measured) if measured else {},
        notes=tuple(notes),
    )


def _listed(leads: Sequence[StoredLead]) -> str:
    return ", ".join(str(lead.code) for lead in leads[:_MOST_NAMED])


def _intervals_ms(section: Section) -> dict[str, float]:
    """RR and PP, the waves of the first reference beat, and QTc behind what was said of all beats and pacemaker spikes."""
    num_blocks, num_spikes = section.content[:2].ljust(2, b"\0")
    found = {"rr": _milliseconds(section, 2), "pp": _milliseconds(section, 4)}
    p_onset, p_offset, qrs_onset, qrs_offset, t_offset = (_milliseconds(section, at) for at in range(6, 16, 2))
    if num_blocks > 0:
        found["p"] = _between(p_onset, p_offset)
        found["pq"] = _between(p_onset, qrs_onset)
        found["qrs"] = _between(qrs_onset, qrs_offset)
        found["qt"] = _between(qrs_onset, t_offset)
    behind = 6 + 16 * num_blocks + 10 * num_spikes
    num_beats = int.from_bytes(section.content[behind : behind + 2], "little")
    found["qtc"] = _milliseconds(section, behind + 2 + num_beats + 4)
    return {name: float(value) for name, value in found.items() if value is not None}


def _milliseconds(section: Section, at: int) -> int | None:
    value = int.from_bytes(section.content[at : at + 2], "little") if at + 2 <= len(section.content) else 0
    return value if 0 < value < _MISSING else None


def _between(onset: int | None, offset: int | None) -> int | None:
    return offset - onset if onset is not None and offset is not None and offset > onset else None


def _statements(section: Section, encoding: str) -> list[str]:
    """The texts behind whether, when and by how many statements the ECG was interpreted."""
    statements, at = [], 9
    for _ in range(int.from_bytes(section.content[8:9])):
        if at + 3 > len(section.content):
            break
        _, size = section.fields("BH", at)
        statements.append(text(section.content[at + 3 : at + 3 + size], encoding))
        at += 3 + size
    return statements
