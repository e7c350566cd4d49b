"""A synthetic ECG as an electrocardiograph would have stored it: whole counts, median beat, intervals and statements.

Statements come from the recording, as a machine's do, never from what the generator knows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from jaxtyping import Float

from cardiolens.signals.heart_beats import find_beats, median_beat, rr_intervals_ms, rr_irregularity
from cardiolens.signals.leads import standard_leads
from cardiolens.signals.wave_amplitudes import wave_amplitudes
from cardiolens.signals.wave_intervals import bazett, frontal_axis_degrees, wave_times
from cardiolens.types import LEADS, Recording

_COUNTS_PER_MV = 200.0
_IRREGULAR = 0.12
"""Standard deviation of RR over its mean, above which a machine says fibrillation."""
_VOLTAGE_MV = 3.5


@dataclass(frozen=True)
class StoredEcg:
    """A recording as a machine holds it, and its median beat where it found one."""

    recording: Recording
    median_mv: Float[np.ndarray, "12 beat_time"] | None


def as_stored(recording: Recording, *, recorded_at: datetime) -> StoredEcg:
    """The recording in steps of 5 uV on the eight measured channels, the other leads computed from them, and measured."""
    rows = [row for row, lead in enumerate(LEADS) if lead in {"I", "II"} or lead.startswith("V")]
    counted = (np.round(recording.signal_mv[rows] * _COUNTS_PER_MV) / _COUNTS_PER_MV).astype(np.float32)
    measured = standard_leads(replace(recording, signal_mv=counted, leads=tuple(LEADS[row] for row in rows)))
    stored = replace(measured, recorded_at=recorded_at, notes=recording.notes)
    median = median_beat(stored.signal_mv)
    if not np.isfinite(median).all():
        return StoredEcg(replace(stored, statements=("Unsuitable for analysis",)), None)
    intervals, statements = _measured(stored.signal_mv, median)
    return StoredEcg(replace(stored, intervals_ms=intervals, statements=statements), median)


def _measured(
    signal_mv: Float[np.ndarray, "12 time"], median: Float[np.ndarray, "12 beat_time"]
) -> tuple[dict[str, float], tuple[str, ...]]:
    beats = find_beats(signal_mv)
    rr_ms = float(rr_intervals_ms(beats).mean())
    irregular = rr_irregularity(beats) > _IRREGULAR
    times = wave_times(median)
    found = {"pq": math.nan if irregular else times.pr_ms, "qrs": times.qrs_ms, "qt": times.qt_ms}
    found |= {"qtc": bazett(times.qt_ms, rr_ms), "rr": rr_ms}
    intervals = {name: float(round(value)) for name, value in found.items() if math.isfinite(value)}
    axis = frontal_axis_degrees(median, times)
    abnormal = []
    if axis < -30:
        abnormal.append("Left axis deviation")
    elif axis > 90:
        abnormal.append("Right axis deviation")
    if times.qrs_ms >= 120:
        abnormal.append("Intraventricular conduction delay")
    if wave_amplitudes(median, times=times).sokolow_lyon_mv > _VOLTAGE_MV:
        abnormal.append("Voltage criteria for left ventricular hypertrophy")
    rhythm = _rhythm(60_000 / rr_ms, irregular=irregular)
    normal = not abnormal and not irregular
    return intervals, (rhythm, *abnormal, "Normal ECG" if normal else "Abnormal ECG")


def _rhythm(rate_bpm: float, *, irregular: bool) -> str:
    if irregular:
        return "Atrial fibrillation"
    if rate_bpm < 60:
        return "Sinus bradycardia"
    return "Sinus tachycardia" if rate_bpm > 100 else "Normal sinus rhythm"
