"""What a hand would measure on an ECG: the rules that a trained model is held against, on the same recordings."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cardiolens.signals.heart_beats import find_beats, median_beat, rr_irregularity
from cardiolens.signals.wave_amplitudes import wave_amplitudes
from cardiolens.types import LEADS, Recording

_LATERAL_AND_II = [LEADS.index(lead) for lead in ("I", "II", "V5", "V6")]


def references(ecgs: list[Recording]) -> pd.DataFrame:
    """One row per recording, in order; more of each means more of the disease. NaN where no beats were found.

    `low_t` is the mean T wave of I, II, V5 and V6 turned negative, in mV; `low_t_over_qrs` its ratio to the QRS range.
    """
    return pd.DataFrame([_measured(ecg) for ecg in ecgs])


def _measured(ecg: Recording) -> dict[str, float]:
    found = wave_amplitudes(median_beat(ecg.signal_mv, rate_hz=ecg.rate_hz), rate_hz=ecg.rate_hz)
    t = found.t_mv[_LATERAL_AND_II]
    qrs = (found.r_mv - np.minimum(found.q_mv, found.s_mv))[_LATERAL_AND_II]
    return {
        "sokolow_lyon": found.sokolow_lyon_mv,
        "cornell": found.cornell_mv,
        "low_t": -float(t.mean()),
        "low_t_over_qrs": -float((t / qrs).mean()),
        "rr_irregularity": rr_irregularity(find_beats(ecg.signal_mv, rate_hz=ecg.rate_hz), rate_hz=ecg.rate_hz),
    }
