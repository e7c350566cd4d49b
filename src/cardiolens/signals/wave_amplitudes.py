"""Heights of Q, R, S and T in every lead of a median beat, and the voltage sums made of them.

Measured the same way on real and on synthetic recordings, so that they can be compared; not a clinical measurement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiolens.signals.wave_intervals import WaveTimes, wave_times
from cardiolens.types import LEADS, RATE_HZ

_J_TO_T_MS = 60.0
_LEAST_Q_MV = 0.02

_V1, _V3, _V5, _V6, _AVL = (LEADS.index(lead) for lead in ("V1", "V3", "V5", "V6", "aVL"))


@dataclass(frozen=True)
class WaveAmplitudes:
    """Millivolts per lead, in the order of `LEADS`, above (R) or below (Q, S) the level before the QRS.

    T is the larger of its two deflections, with its sign. All NaN where the beat was not found.
    """

    q_mv: Float[np.ndarray, " 12"]
    """Lowest point before R, zero or less."""
    r_mv: Float[np.ndarray, " 12"]
    """Highest point of the QRS, zero or more."""
    s_mv: Float[np.ndarray, " 12"]
    """Lowest point after R, zero or less; of a QS complex its depth."""
    t_mv: Float[np.ndarray, " 12"]

    @property
    def sokolow_lyon_mv(self) -> float:
        """Depth of S in V1 and height of R in V5 or V6."""
        return float(-self.s_mv[_V1] + max(self.r_mv[_V5], self.r_mv[_V6]))

    @property
    def cornell_mv(self) -> float:
        """Height of R in aVL and depth of S in V3."""
        return float(self.r_mv[_AVL] - self.s_mv[_V3])


def wave_amplitudes(
    beat: Float[np.ndarray, "12 beat_time"], *, rate_hz: float = RATE_HZ, times: WaveTimes | None = None
) -> WaveAmplitudes:
    """Amplitudes of a median beat; `times` saves finding its waves again."""
    times = times or wave_times(beat, rate_hz=rate_hz)
    if not np.isfinite(times.qrs_onset_ms):
        nothing = np.full(12, np.nan)
        return WaveAmplitudes(nothing, nothing, nothing, nothing)
    onset, offset = (round(ms / 1000 * rate_hz) for ms in (times.qrs_onset_ms, times.qrs_offset_ms))
    qrs = beat[:, onset : offset + 1]
    r_at = qrs.argmax(axis=1)
    place = np.arange(qrs.shape[1])
    before = np.where(place < r_at[:, None], qrs, np.inf).min(axis=1)
    after = np.where(place > r_at[:, None], qrs, np.inf).min(axis=1)
    r = np.maximum(qrs.max(axis=1), 0.0)
    # A complex that never rises has neither R nor Q: all of it is S.
    is_qs = r < _LEAST_Q_MV
    q = np.where(is_qs, 0.0, np.minimum(before, 0.0))
    s = np.where(is_qs, qrs.min(axis=1), np.minimum(after, 0.0))
    start = min(offset + round(_J_TO_T_MS / 1000 * rate_hz), beat.shape[1] - 2)
    end = round(times.t_end_ms / 1000 * rate_hz) + 1 if np.isfinite(times.t_end_ms) else beat.shape[1]
    t = beat[:, start : max(end, start + 2)]
    up, down = t.max(axis=1), t.min(axis=1)
    return WaveAmplitudes(q_mv=q, r_mv=np.where(is_qs, 0.0, r), s_mv=np.minimum(s, 0.0), t_mv=np.where(up >= -down, up, down))
