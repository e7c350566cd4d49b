"""What an ECG looks like, in a few numbers: its rhythm, its frequencies and how its leads lie to each other.

For comparing an ECG with many others, and for nothing else: no number here is a measurement of the heart. They do not depend on
the voltage, so a cleaned ECG will do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.signal import welch

from cardiolens.signals.heart_beats import find_beats, rr_irregularity
from cardiolens.types import RATE_HZ

BANDS_HZ = (1.0, 4.0, 8.0, 15.0, 25.0, 40.0, 80.0, 150.0)
_FASTEST_PER_MINUTE, _SLOWEST_PER_MINUTE = 300.0, 10.0
_HALF_QRS_S, _BEFORE_S, _AFTER_S = 0.05, 0.2, 0.3
_NEXT_TO = ((0, 1), (1, 2), (0, 4), (6, 7), (7, 8), (8, 9), (9, 10), (10, 11), (0, 11), (1, 10))
"""Pairs of leads that look at neighbouring parts of the heart: I-II, II-III, I-aVL, V1 to V6 in turn, I-V6, II-V5."""
_LEAST_SHARE = 1e-6


@dataclass(frozen=True, eq=False)
class Character:
    """Numbers of one ECG by what they describe; each about as symmetric over people as a logarithm can make it."""

    rhythm: Float[np.ndarray, " 4"]
    """Logarithm of the rate per minute, of how irregular it is, likeness of the beats to their mean, height of their QRS."""
    frequencies: Float[np.ndarray, " 8"]
    """Logarithms of the shares of power between each two of `BANDS_HZ`, and of how peaked the leads are (fourth moment)."""
    leads: Float[np.ndarray, " 22"]
    """For each lead whether its tallest waves point up or down; for neighbours how alike they are."""


def character(ecg: Float[np.ndarray, "12 time"], *, rate_hz: float = RATE_HZ) -> Character:
    """The character of an ECG without baseline, in any unit; leads in the order of `types.LEADS`. A flat lead is all zeros."""
    signal = np.asarray(ecg, np.float64)
    spread = signal.std(axis=1, keepdims=True)
    signal = np.divide(signal - signal.mean(axis=1, keepdims=True), spread, out=np.zeros_like(signal), where=spread > 0)
    square = signal * signal
    third, fourth = (square * signal).mean(axis=1), (square * square).mean(axis=1)
    alike = np.array([(signal[one] * signal[other]).mean() for one, other in _NEXT_TO])
    leads = np.concatenate([np.arcsinh(third), np.arctanh(0.99 * alike)])
    frequencies = np.concatenate([_shares(signal, rate_hz), [float(np.log(np.maximum(fourth, 1.0)).mean())]])
    return Character(_rhythm(signal, rate_hz), frequencies, leads)


def _shares(signal: Float[np.ndarray, "12 time"], rate_hz: float) -> Float[np.ndarray, " band"]:
    frequency, power = welch(signal, rate_hz, nperseg=min(int(2 * rate_hz), signal.shape[1]), axis=1)
    total = power.mean(axis=0)
    band = np.searchsorted(BANDS_HZ, frequency, side="right")
    shares = np.array([total[band == place].sum() for place in range(1, len(BANDS_HZ))])
    return np.log(np.maximum(shares / max(float(total.sum()), 1e-12), _LEAST_SHARE))


def _rhythm(signal: Float[np.ndarray, "12 time"], rate_hz: float) -> Float[np.ndarray, " 4"]:
    beats = find_beats(signal, rate_hz=rate_hz)
    duration_min = signal.shape[1] / rate_hz / 60
    rr = np.diff(beats)
    per_minute = 60 * rate_hz / float(rr.mean()) if len(rr) else len(beats) / duration_min
    irregularity = rr_irregularity(beats, rate_hz=rate_hz) if len(rr) > 1 else 0.0
    before, after = round(_BEFORE_S * rate_hz), round(_AFTER_S * rate_hz)
    whole = [beat for beat in beats if before <= beat < signal.shape[1] - after]
    if len(whole) < 2:
        likeness, prominence = 0.0, 0.0
    else:
        shapes = np.stack([signal[:, beat - before : beat + after] for beat in whole])
        mean = shapes.mean(axis=0)
        likeness = float((mean**2).sum() / max(float((shapes**2).sum(axis=(1, 2)).mean()), 1e-12))
        half = round(_HALF_QRS_S * rate_hz)
        inside = np.concatenate([signal[:, beat - half : beat + half] for beat in whole], axis=1)
        prominence = float(inside.std())
    return np.array(
        [
            np.log(np.clip(per_minute, _SLOWEST_PER_MINUTE, _FASTEST_PER_MINUTE)),
            np.log(0.01 + irregularity),
            np.arctanh(min(likeness, 0.999)),
            np.log(0.1 + prominence),
        ]
    )
