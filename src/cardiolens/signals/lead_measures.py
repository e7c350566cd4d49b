"""What is measured of every lead's technical quality. Measures only; `signals.quality` says what they mean."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from einops import rearrange
from jaxtyping import Bool, Float, Int
from scipy.signal import butter, iirnotch, sosfiltfilt, tf2sos

from cardiolens.signals.gaps import bridged

BASELINE_HZ = 0.5
"""Below it nothing of the heart is left, by the recommendations for ECG filters."""
MAINS_HZ = (50.0, 60.0)
NOISE_HZ = 35.0
"""Above it little is left of P, T and most of the QRS."""

_SAME_MV = 5e-4
_RAIL_S, _RAIL_MV = 0.1, 1.0
_PLATEAU_S, _PLATEAU_SAMPLES = 0.008, 3
_STEEP_SHARE = 0.03
_MAINS_REACH_HZ, _MAINS_STEP_HZ, _MAINS_WINDOW_S = 0.3, 0.1, 10.0
_NEIGHBOURS_HZ = (-4.0, -3.2, -2.4, 2.4, 3.2, 4.0)
_NOTCH_HZ = 4.0
_BURST_S = 0.4
_MAD_TO_SD = 1.4826


@dataclass(frozen=True)
class LeadMeasures:
    """One number per lead, in the order of the rows that were measured. NaN where a lead has no finite sample."""

    missing: Float[np.ndarray, " lead"]
    """Share of samples that are NaN or infinite."""
    range_mv: Float[np.ndarray, " lead"]
    """From lowest to highest sample after a 0.5 Hz high-pass."""
    still_s: Float[np.ndarray, " lead"]
    """The longest stretch that does not change at all."""
    rail_s: Float[np.ndarray, " lead"]
    """Time at the lead's own highest or lowest value, 1 mV or more from its median, in stretches of 0.1 s or more: an
    amplifier at its limit."""
    plateaus: Int[np.ndarray, " lead"]
    """Short flat tops at the highest or lowest value that are entered steeply: waves cut off."""
    baseline_mv: Float[np.ndarray, " lead"]
    """From lowest to highest of what is slower than 0.5 Hz."""
    mains_mv: Float[np.ndarray, " lead"]
    """Amplitude of the stronger hum, 50 or 60 Hz, above its neighbours; 0 where the rate cannot show it."""
    mains_hz: Float[np.ndarray, " lead"]
    """Which of the two."""
    noise_mv: Float[np.ndarray, " lead"]
    """Standard deviation of what is faster than 35 Hz and no hum, QRS complexes left out by its median."""
    burst_mv: Float[np.ndarray, " lead"]
    """The same of the noisiest 0.4 s."""


def measure_leads(signal_mv: Float[np.ndarray, "lead time"], *, rate_hz: float) -> LeadMeasures:
    """Measures of every lead at its own sampling rate of 100 Hz or more, of 1 s or longer.

    Missing samples are bridged by straight lines for all but `missing`.
    """
    missing = 1 - np.isfinite(signal_mv).mean(axis=1)
    signal = np.nan_to_num(bridged(signal_mv).astype(np.float64), posinf=0.0, neginf=0.0)
    slow = sosfiltfilt(_filter("lowpass", BASELINE_HZ, rate_hz), signal, axis=1)
    fast = np.abs(sosfiltfilt(_noise_filter(rate_hz), signal, axis=1))
    still_s, rail_s, plateaus = _flat_stretches(signal, rate_hz)
    mains_mv, mains_hz = _mains(signal, rate_hz)
    return LeadMeasures(
        missing=missing,
        range_mv=range_above_baseline(signal, rate_hz=rate_hz),
        still_s=still_s,
        rail_s=rail_s,
        plateaus=plateaus,
        baseline_mv=np.ptp(slow, axis=1),
        mains_mv=mains_mv,
        mains_hz=mains_hz,
        noise_mv=_MAD_TO_SD * np.median(fast, axis=1),
        burst_mv=_MAD_TO_SD * np.median(_windows(fast, round(_BURST_S * rate_hz)), axis=2).max(axis=1),
    )


def range_above_baseline(signal: Float[np.ndarray, "lead time"], *, rate_hz: float) -> Float[np.ndarray, " lead"]:
    """Highest minus lowest sample of each lead after a 0.5 Hz high-pass; samples must be finite."""
    return np.ptp(above_baseline(signal, rate_hz=rate_hz), axis=1)


def above_baseline(signal: Float[np.ndarray, "lead time"], *, rate_hz: float) -> Float[np.ndarray, "lead time"]:
    """The signal after a 0.5 Hz high-pass without delay; samples must be finite."""
    return sosfiltfilt(_filter("highpass", BASELINE_HZ, rate_hz), signal, axis=1)


def _flat_stretches(
    signal: Float[np.ndarray, "lead time"], rate_hz: float
) -> tuple[Float[np.ndarray, " lead"], Float[np.ndarray, " lead"], Int[np.ndarray, " lead"]]:
    """Longest unchanging stretch, time at the rails, and number of cut-off waves of each lead."""
    num_leads = len(signal)
    lead, start, length = _runs(np.abs(np.diff(signal, axis=1)) < _SAME_MV)
    level = signal[lead, start]
    low, high = signal.min(axis=1), signal.max(axis=1)
    extreme = (np.abs(level - high[lead]) < _SAME_MV) | (np.abs(level - low[lead]) < _SAME_MV)
    still = np.zeros(num_leads)
    np.maximum.at(still, lead, length / rate_hz)
    far = np.abs(level - np.median(signal, axis=1)[lead]) >= _RAIL_MV
    at_rail = extreme & far & (length >= _RAIL_S * rate_hz)
    rail = np.bincount(lead[at_rail], length[at_rail], minlength=num_leads) / rate_hz
    entered = np.abs(level - signal[lead, np.maximum(start - 1, 0)])
    steep = entered > _STEEP_SHARE * (high - low)[lead]
    cut = extreme & steep & ~at_rail & (length >= max(_PLATEAU_SAMPLES, _PLATEAU_S * rate_hz))
    return still, rail, np.bincount(lead[cut], minlength=num_leads)


def _runs(
    same: Bool[np.ndarray, "lead step"],
) -> tuple[Int[np.ndarray, " run"], Int[np.ndarray, " run"], Int[np.ndarray, " run"]]:
    """Lead, first sample and length in samples of every stretch in which neighbours are the same."""
    edges = np.diff(np.pad(same, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    lead, start = np.nonzero(edges == 1)
    _, stop = np.nonzero(edges == -1)
    return lead, start, stop - start + 1


def _mains(
    signal: Float[np.ndarray, "lead time"], rate_hz: float
) -> tuple[Float[np.ndarray, " lead"], Float[np.ndarray, " lead"]]:
    windows = _windows(signal - signal.mean(axis=1, keepdims=True), min(round(_MAINS_WINDOW_S * rate_hz), signal.shape[1]))
    hums = np.zeros((len(MAINS_HZ), len(signal)))
    for place, hum_hz in enumerate(MAINS_HZ):
        if hum_hz + _NEIGHBOURS_HZ[-1] < rate_hz / 2:
            # Cosines and sines as columns of one real product: a complex one of each lead takes two to three times as long.
            parts = rearrange(windows, "lead window inside -> (lead window) inside") @ _waves(windows.shape[2], hum_hz, rate_hz)
            cosine, sine = rearrange(parts, "(lead window) (part hz) -> part lead window hz", lead=len(signal), part=2)
            amplitude = np.hypot(cosine, sine).mean(axis=1)
            at_hum, beside = amplitude[:, : -len(_NEIGHBOURS_HZ)], amplitude[:, -len(_NEIGHBOURS_HZ) :]
            hums[place] = at_hum.max(axis=1) - np.median(beside, axis=1)
    strongest = hums.argmax(axis=0)
    return np.maximum(hums.max(axis=0), 0.0), np.array(MAINS_HZ)[strongest]


@functools.lru_cache(maxsize=8)
def _waves(size: int, hum_hz: float, rate_hz: float) -> np.ndarray:
    """Tapered waves about a hum's frequency, then beside it, cosines before sines, scaled so that the root of both products
    with a signal, squared and added, is an amplitude."""
    near = np.arange(-_MAINS_REACH_HZ, _MAINS_REACH_HZ + 1e-9, _MAINS_STEP_HZ)
    at_hz = hum_hz + np.concatenate([near, _NEIGHBOURS_HZ])
    seconds = np.arange(size)[:, None] / rate_hz
    angle = 2 * np.pi * seconds * at_hz
    return np.hanning(size)[:, None] * (4 / size) * np.concatenate([np.cos(angle), np.sin(angle)], axis=1)


def _windows(signal: Float[np.ndarray, "lead time"], size: int) -> Float[np.ndarray, "lead window inside"]:
    """Side by side from the first sample; what is left over at the end is left out."""
    whole = signal.shape[1] // size * size
    return rearrange(signal[:, :whole], "lead (window inside) -> lead window inside", inside=size)


@functools.cache
def _filter(kind: str, edge_hz: float, rate_hz: float) -> np.ndarray:
    return butter(2, edge_hz, kind, fs=rate_hz, output="sos")


@functools.cache
def _noise_filter(rate_hz: float) -> np.ndarray:
    hums = [hum_hz for hum_hz in MAINS_HZ if hum_hz < 0.45 * rate_hz]
    notches = [tf2sos(*iirnotch(hum_hz, hum_hz / _NOTCH_HZ, fs=rate_hz)) for hum_hz in hums]
    return np.vstack([_filter("highpass", NOISE_HZ, rate_hz), *notches])
