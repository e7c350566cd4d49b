"""Whether the six limb leads belong together, and whether limb electrodes were exchanged.

The first is arithmetic: any two limb leads give the other four. The second is not: exchanged electrodes obey Einthoven's law
as well, and only the shape of the waves betrays them. So it is a suspicion, with its evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float

from cardiolens.signals.heart_beats import median_beat
from cardiolens.signals.leads import LIMB_LEADS, OF_I_AND_II
from cardiolens.signals.wave_intervals import WaveTimes, wave_times
from cardiolens.types import LEADS

_I, _AVR, _V6 = (LEADS.index(lead) for lead in ("I", "aVR", "V6"))
_FITS = 0.1
_BETWEEN_LEGS = ("both arm and both leg electrodes", "right arm and right leg electrodes", "left arm and right leg electrodes")
"""Which exchange leaves I, II or III between the legs, where there is hardly any voltage."""
_SILENT_MV, _SILENT_SHARE = 0.1, 0.1
_OPPOSITE, _CLEARLY_UP_MV_MS = -0.3, 0.7
_T_END_MS = 300.0


@dataclass(frozen=True)
class LimbLeadMisfit:
    """How far the stored limb leads are from Einthoven's and Goldberger's laws."""

    share: float
    """Root mean square of what contradicts the laws, over that of the leads; 0 where they hold."""
    repair: str = ""
    """An exchange or inversion of leads that would make them hold, in words; empty where none does."""


def limb_lead_misfit(limb_mv: Float[np.ndarray, "6 time"]) -> LimbLeadMisfit:
    """Misfit of six stored limb leads in the order I, II, III, aVR, aVL, aVF, free of baseline, samples finite."""
    share = _misfit(limb_mv)
    if share <= _FITS:
        return LimbLeadMisfit(share)
    repairs = []
    for first, second in combinations(range(len(LIMB_LEADS)), 2):
        order = list(range(len(LIMB_LEADS)))
        order[first], order[second] = second, first
        repairs.append((_misfit(limb_mv[order]), f"exchanging {LIMB_LEADS[first]} and {LIMB_LEADS[second]}"))
    for inverted, lead in enumerate(LIMB_LEADS):
        signs = np.ones((len(LIMB_LEADS), 1))
        signs[inverted] = -1
        repairs.append((_misfit(limb_mv * signs), f"inverting {lead}"))
    best, words = min(repairs)
    return LimbLeadMisfit(share, words if best <= _FITS else "")


def exchanged_electrodes(signal_mv: Float[np.ndarray, "12 time"], *, rate_hz: float) -> str | None:
    """Which limb electrodes seem exchanged, and what speaks for it, in words; None where nothing does.

    An arm electrode exchanged with the right leg's leaves one bipolar lead between the legs, with hardly a QRS. Exchanged
    arms are suspected where lead I runs against V6 (correlation from QRS to T below -0.3), its QRS points down and its P wave
    does not point up; mirror-image hearts look alike in the limb leads. Samples must be finite.
    """
    beat = median_beat(signal_mv, rate_hz=rate_hz)
    times = wave_times(beat, rate_hz=rate_hz)
    if not np.isfinite(times.qrs_ms):
        return None
    qrs = slice(*(round(ms / 1000 * rate_hz) for ms in (times.qrs_onset_ms, times.qrs_offset_ms)))
    heights = np.ptp(beat[: len(_BETWEEN_LEGS), qrs], axis=1)
    lowest = int(heights.argmin())
    if heights[lowest] < min(_SILENT_MV, _SILENT_SHARE * np.sort(heights)[1]):
        words = f"the QRS of {LEADS[lowest]} spans {1000 * heights[lowest]:.0f} uV"
        return f"{_BETWEEN_LEGS[lowest]} perhaps exchanged: {words}"
    evidence = _arm_evidence(beat, times, qrs, rate_hz)
    return f"arm electrodes perhaps exchanged: {evidence}" if evidence else None


def _arm_evidence(beat: Float[np.ndarray, "12 beat_time"], times: WaveTimes, qrs: slice, rate_hz: float) -> str | None:
    t_end_ms = times.t_end_ms if np.isfinite(times.t_end_ms) else times.qrs_offset_ms + _T_END_MS
    waves = beat[:, qrs.start : round(t_end_ms / 1000 * rate_hz)]
    if waves[_I].std() == 0 or waves[_V6].std() == 0:
        return None
    likeness = float(np.corrcoef(waves[_I], waves[_V6])[0, 1])
    if likeness > _OPPOSITE or beat[_I, qrs].sum() >= 0:
        return None
    evidence = [f"I runs against V6 (correlation {likeness:.2f})", "the QRS of I points down"]
    if np.isfinite(times.p_onset_ms):
        p_onset = round(times.p_onset_ms / 1000 * rate_hz)
        p_area = float((beat[_I, p_onset : qrs.start] - beat[_I, p_onset]).sum() * 1000 / rate_hz)
        if p_area > _CLEARLY_UP_MV_MS:
            return None
        evidence += ["so does its P wave"] if p_area < -_CLEARLY_UP_MV_MS else []
    if beat[_AVR, qrs].sum() > 0:
        evidence.append("the QRS of aVR points up")
    return ", ".join(evidence)


_LAW = np.array([OF_I_AND_II[lead] for lead in LIMB_LEADS])
_AGAINST_LAW = np.eye(len(LIMB_LEADS)) - _LAW @ np.linalg.pinv(_LAW)


def _misfit(limb_mv: Float[np.ndarray, "6 time"]) -> float:
    """Share of the leads' size that no heart vector explains."""
    size = float(np.sqrt(np.square(limb_mv).mean()))
    return float(np.sqrt(np.square(_AGAINST_LAW @ limb_mv).mean())) / size if size else 0.0
