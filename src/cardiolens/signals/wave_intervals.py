"""Where P, QRS and T of a median beat begin and end, from all leads together.

Global intervals as cardiographs report them: the earliest onset and the latest end in any lead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from cardiolens.signals.heart_beats import BEFORE_MS
from cardiolens.types import LEADS, RATE_HZ

_INDEPENDENT = np.array([0, 1, 6, 7, 8, 9, 10, 11])
_QRS_SHARE = 0.04
"""Of its greatest speed: below it the QRS has not begun or is over."""
_QUIET_MS = 14.0
_LATEST_OFFSET_MS, _EARLIEST_ONSET_MS = 140.0, 120.0
_P_SHARE, _P_RISE_MS = 0.08, 110.0
_LEAST_P_TO_NOISE = 3.0
_CLEAR_T_SHARE, _T_END_QUANTILE = 0.3, 0.8
# Cardiographs end T where it has faded, which is later than where its tangent meets the level: by this share of its
# descending limb in three recordings that carry their device's QT.
_T_LIMB = 1.25


@dataclass(frozen=True)
class WaveTimes:
    """Milliseconds from the first sample of the beat; NaN where a wave was not found."""

    p_onset_ms: float
    qrs_onset_ms: float
    qrs_offset_ms: float
    t_end_ms: float

    @property
    def pr_ms(self) -> float:
        return self.qrs_onset_ms - self.p_onset_ms

    @property
    def qrs_ms(self) -> float:
        return self.qrs_offset_ms - self.qrs_onset_ms

    @property
    def qt_ms(self) -> float:
        return self.t_end_ms - self.qrs_onset_ms


def wave_times(beat: Float[np.ndarray, "12 beat_time"], *, rate_hz: float = RATE_HZ) -> WaveTimes:
    """Times of the waves of a `median_beat`, whose QRS lies round `BEFORE_MS`."""
    if not np.isfinite(beat).all():
        return WaveTimes(math.nan, math.nan, math.nan, math.nan)
    step = 1000 / rate_hz
    leads = gaussian_filter1d(beat[_INDEPENDENT], 3.0 / step, axis=1)
    speed = np.sqrt(np.square(np.gradient(leads, axis=1)).sum(axis=0))
    centre = round(BEFORE_MS / step)
    reach = round(60 / step)
    peak = centre - reach + int(speed[centre - reach : centre + reach].argmax())
    # What moves all the time (noise, the saw-tooth of flutter) is no part of the QRS.
    before = speed[max(peak - round(300 / step), 0) : peak - round(80 / step)]
    limit = max(_QRS_SHARE * speed[peak], 2.0 * float(np.median(before)))
    onset = _first_quiet(speed, peak, -1, limit, round(_QUIET_MS / step), round(_EARLIEST_ONSET_MS / step))
    offset = _first_quiet(speed, peak, 1, limit, round(_QUIET_MS / step), round(_LATEST_OFFSET_MS / step))
    return WaveTimes(
        p_onset_ms=_p_onset(leads, onset, step),
        qrs_onset_ms=onset * step,
        qrs_offset_ms=offset * step,
        t_end_ms=_t_end(leads, onset, offset, step),
    )


def bazett(qt_ms: float, rr_ms: float) -> float:
    """QT corrected for the heart rate."""
    return qt_ms / math.sqrt(rr_ms / 1000)


def frontal_axis_degrees(beat: Float[np.ndarray, "12 beat_time"], times: WaveTimes, *, rate_hz: float = RATE_HZ) -> float:
    """Direction of the mean QRS in the frontal plane from its areas in I and aVF; 0 leftward, 90 downward."""
    if not np.isfinite(times.qrs_ms):
        return math.nan
    onset, offset = (round(ms / 1000 * rate_hz) for ms in (times.qrs_onset_ms, times.qrs_offset_ms))
    area = beat[:, onset:offset].sum(axis=1)
    # aVF is an augmented lead: times 2 over root 3 it is as long as a bipolar one.
    return math.degrees(math.atan2(2 / math.sqrt(3) * area[LEADS.index("aVF")], area[LEADS.index("I")]))


def _first_quiet(speed: np.ndarray, peak: int, direction: int, limit: float, quiet: int, furthest: int) -> int:
    """The last place before the first stretch of `quiet` samples below `limit`, going from `peak` in `direction`."""
    still = 0
    for away in range(1, furthest + quiet):
        at = peak + direction * away
        if not 0 <= at < len(speed):
            break
        still = still + 1 if speed[at] < limit else 0
        if still == quiet:
            return peak + direction * (away - quiet)
    return peak + direction * furthest


def _p_onset(leads: np.ndarray, qrs_onset: int, step: float) -> float:
    """Start of the P wave before `qrs_onset`, NaN where none stands out."""
    start, end = max(qrs_onset - round(340 / step), 0), qrs_onset - round(24 / step)
    size = gaussian_filter1d(np.sqrt(np.square(leads - np.median(leads[:, start:end], axis=1)[:, None]).sum(axis=0)), 4 / step)
    part = size[start:end]
    top = int(part.argmax())
    floor = float(np.quantile(part, 0.15))
    if part[top] < _LEAST_P_TO_NOISE * floor or top == 0:
        return math.nan
    first = max(top - round(_P_RISE_MS / step), 0)
    rise = part[first:top]
    below = np.nonzero(rise < floor + _P_SHARE * (part[top] - floor))[0]
    # In a fast rhythm P begins on the preceding T, and its lowest point is where it begins.
    return (start + first + int(below[-1] if len(below) else rise.argmin())) * step


def _t_end(leads: np.ndarray, qrs_onset: int, qrs_offset: int, step: float) -> float:
    """Where the steepest tangents of the T wave's end meet the level after it: a late lead's, of those with a clear T wave."""
    start = qrs_offset + round(70 / step)
    stop = min(qrs_onset + round(560 / step), leads.shape[1] - 1)
    if stop - start < round(80 / step):
        return math.nan
    ends, heights = [], []
    for lead in gaussian_filter1d(leads - leads[:, qrs_onset : qrs_onset + 1], 6 / step, axis=1):
        top = start + int(np.abs(lead[start:stop]).argmax())
        tail = np.sign(lead[top]) * lead[top : top + round(180 / step)]
        slope = np.gradient(tail) if len(tail) > 1 else np.zeros(1)
        steepest = int(slope.argmin())
        if slope[steepest] < 0:
            floor = float(tail[steepest:].min())
            limb = steepest + (tail[steepest] - floor) / -slope[steepest]
            ends.append((top + _T_LIMB * limb) * step)
            heights.append(tail[0] - floor)
    clear = [end for end, height in zip(ends, heights, strict=True) if height > _CLEAR_T_SHARE * max(heights)]
    return float(np.quantile(clear, _T_END_QUANTILE)) if clear else math.nan
