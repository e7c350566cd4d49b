"""What an ECG file holds and whether a model may be asked about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from cardiolens.errors import BadInput
from cardiolens.formats.collection import EcgInput, read_input
from cardiolens.formats.declaration import NOTHING_DECLARED, Declaration
from cardiolens.notice import NOTICE
from cardiolens.signals.contract import Examination, examine_recording
from cardiolens.signals.finding import Finding
from cardiolens.signals.lead_measures import LeadMeasures
from cardiolens.signals.quality import Verdict
from cardiolens.types import LEADS, Recording


@dataclass(frozen=True)
class Inspection:
    """One file in plain values, without its signal: light enough to come back from a worker by the thousand."""

    source: str
    """Safe to show: a participant's number is a keyed hash."""
    verdict: Verdict
    reason: str = ""
    """Why it is refused, in one line; empty otherwise."""
    format: str = ""
    """Empty where no reader knows the file; of a file that its reader refuses, the reader's."""
    rate_hz: float | None = None
    duration_s: float | None = None
    leads: tuple[str, ...] = ()
    """As the file names them."""
    derived_leads: tuple[str, ...] = ()
    device: str | None = None
    recorded_at: str | None = None
    """ISO 8601, where the file says."""
    age_years: float | None = None
    sex: str | None = None
    statements: tuple[str, ...] = ()
    intervals_ms: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What was done to the signal, and what the reader found odd."""
    findings: tuple[Finding, ...] = ()
    measures: dict[str, dict[str, float]] = field(default_factory=dict)
    """Lead by lead, what was measured of it."""
    notice: str = NOTICE

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def inspect_input(
    ecg_input: EcgInput, *, declared: Declaration = NOTHING_DECLARED, allow_missing_leads: bool = False
) -> tuple[Inspection, Examination | None]:
    """One inspection, and the examined recording for a picture; None where there is nothing to draw."""
    try:
        recording = read_input(ecg_input, declared)
    except BadInput as error:
        return Inspection(ecg_input.source, Verdict.REFUSED, str(error), getattr(error, "format", "")), None
    try:
        examination = examine_recording(recording, allow_missing_leads=allow_missing_leads)
    except BadInput as error:
        return Inspection(**_said(recording), verdict=Verdict.REFUSED, reason=str(error)), None
    return _inspection(recording, examination), examination


def _inspection(recording: Recording, examination: Examination) -> Inspection:
    quality = examination.quality
    said = _said(recording) | {
        "notes": examination.recording.notes,
        "derived_leads": examination.recording.derived_leads,
    }
    return Inspection(
        **said,
        verdict=quality.verdict,
        reason=str(examination.refusal or ""),
        findings=quality.findings,
        measures=_by_lead(quality.measures),
    )


def _said(recording: Recording) -> dict[str, Any]:
    return {
        "source": recording.source,
        "format": recording.format,
        "rate_hz": recording.rate_hz,
        "duration_s": recording.signal_mv.shape[1] / recording.rate_hz,
        "leads": recording.leads,
        "device": recording.device,
        "recorded_at": recording.recorded_at.isoformat() if recording.recorded_at else None,
        "age_years": recording.age_years,
        "sex": recording.sex,
        "statements": recording.statements,
        "intervals_ms": dict(recording.intervals_ms),
        "notes": recording.notes,
    }


def _by_lead(measures: LeadMeasures) -> dict[str, dict[str, float]]:
    names = [part.name for part in fields(measures)]
    return {lead: {name: float(getattr(measures, name)[row]) for name in names} for row, lead in enumerate(LEADS)}
