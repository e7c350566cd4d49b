"""Where the beats of a 12-lead ECG are, and its median beat: aligned, of the commonest shape, on a level baseline.

Finds ventricular complexes of any origin: narrow, blocked, ectopic or paced. Not a rhythm diagnosis.
"""

from __future__ import annotations

import functools

import numpy as np
from jaxtyping import Float, Int
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, find_peaks, sosfiltfilt

from cardiolens.types import RATE_HZ

BEFORE_MS, AFTER_MS = 400.0, 640.0
"""What a median beat holds on either side of its fiducial point, which lies within the QRS."""
_RR_BEFORE, _RR_AFTER = 0.42, 0.68
"""Shares of the RR interval that belong to the beat itself: beyond them the waves of its neighbours begin."""

_INDEPENDENT = np.array([0, 1, 6, 7, 8, 9, 10, 11])
_REFRACTORY_MS = 240.0
_SEARCH_MS = 40.0
_LEAST_LIKENESS = 0.80


def find_beats(signal_mv: Float[np.ndarray, "12 time"], *, rate_hz: float = RATE_HZ) -> Int[np.ndarray, " beat"]:
    """Samples in the middle of every QRS, in order; empty where nothing stands out.

    The steepness of all leads together is followed, each lead capped so that a step or a loose electrode in one of them
    cannot outweigh the others.
    """
    return _find_beats(_high_pass(signal_mv[_INDEPENDENT], rate_hz), rate_hz)


def _find_beats(leads: Float[np.ndarray, "8 time"], rate_hz: float) -> Int[np.ndarray, " beat"]:
    """The same in the independent leads, free of drift."""
    steep = np.abs(sosfiltfilt(_band(8.0, 30.0, rate_hz), leads, axis=1))
    cap = 1.5 * np.quantile(steep, 0.98, axis=1, keepdims=True)
    energy = uniform_filter1d(np.minimum(steep, cap).mean(axis=0), round(0.09 * rate_hz))
    # The tallest of each 1.5 s: what a heart slower than 40 per minute still shows in most.
    window = round(1.5 * rate_hz)
    whole = energy[: len(energy) // window * window].reshape(-1, window) if len(energy) >= window else energy[None]
    tall = float(np.median(whole.max(axis=1)))
    peaks, _ = find_peaks(energy, height=0.45 * tall, distance=max(1, round(_REFRACTORY_MS / 1000 * rate_hz)))
    return peaks


def rr_intervals_ms(beats: Int[np.ndarray, " beat"], *, rate_hz: float = RATE_HZ) -> Float[np.ndarray, " interval"]:
    """Times from beat to beat."""
    return np.diff(beats) * 1000.0 / rate_hz


def rr_irregularity(beats: Int[np.ndarray, " beat"], *, rate_hz: float = RATE_HZ) -> float:
    """Standard deviation of RR over its mean; NaN with fewer than three beats."""
    rr = rr_intervals_ms(beats, rate_hz=rate_hz)
    return float(rr.std() / rr.mean()) if len(rr) > 1 else float("nan")


def median_beat(
    signal_mv: Float[np.ndarray, "12 time"], *, rate_hz: float = RATE_HZ, beats: Int[np.ndarray, " beat"] | None = None
) -> Float[np.ndarray, "12 beat_time"]:
    """The median of the aligned beats of the commonest shape, from 400 ms before to 640 ms after the middle of the QRS, in mV.

    The level before the QRS is zero. Beats that do not resemble the others (ectopic ones, artefacts) are left out. In fast
    rhythms the last value of the beat is held where its neighbours begin. All NaN where fewer than two whole beats are found.
    `beats` saves finding them again.
    """
    before, after = round(BEFORE_MS / 1000 * rate_hz), round(AFTER_MS / 1000 * rate_hz)
    search = round(_SEARCH_MS / 1000 * rate_hz)
    leads = _high_pass(signal_mv, rate_hz)
    centres = _find_beats(leads[_INDEPENDENT], rate_hz) if beats is None else beats
    rr = float(np.median(np.diff(centres))) if len(centres) > 1 else float(leads.shape[1])
    centres = centres[(centres >= before + 2 * search) & (centres < leads.shape[1] - after - 2 * search)]
    if len(centres) < 2:
        return np.full((12, before + after), np.nan)
    qrs = slice(before - 3 * search // 2, before + 3 * search // 2)
    chosen = np.ones(len(centres), dtype=bool)
    for _ in range(2):
        whole = _cut(leads, centres, before, after)
        template = np.median(whole[chosen][:, :, qrs], axis=0)
        centres = centres + _best_shift(leads, centres, template, qrs.start - before, search)
        whole = _cut(leads, centres, before, after)
        chosen = _alike(whole[:, :, qrs])
    whole = whole[chosen]
    level = np.median(whole[:, :, before - 2 * search : before - 5 * search // 4], axis=2, keepdims=True)
    beat = np.median(whole - level, axis=0)
    first, last = max(before - int(_RR_BEFORE * rr), 0), min(before + int(_RR_AFTER * rr), before + after - 1)
    beat[:, :first], beat[:, last:] = beat[:, first : first + 1], beat[:, last : last + 1]
    return beat


def _cut(leads: Float[np.ndarray, "lead time"], centres: Int[np.ndarray, " beat"], before: int, after: int) -> np.ndarray:
    return np.stack([leads[:, c - before : c + after] for c in centres])


def _best_shift(leads, centres, template, start: int, search: int) -> Int[np.ndarray, " beat"]:
    """By how many samples each beat must move to resemble the template most, at most `search` either way."""
    wanted = template - template.mean(axis=1, keepdims=True)
    width = template.shape[1]
    shifts = []
    for centre in centres:
        stretch = leads[:, centre + start - search : centre + start + width + search]
        windows = np.lib.stride_tricks.sliding_window_view(stretch, width, axis=1)
        likeness = np.einsum("lsw,lw->s", windows, wanted)
        norm = np.sqrt(np.maximum(np.square(windows - windows.mean(axis=2, keepdims=True)).sum(axis=(0, 2)), 1e-12))
        shifts.append(int(np.argmax(likeness / norm)) - search)
    return np.array(shifts)


def _alike(qrs: Float[np.ndarray, "beat lead time"]) -> np.ndarray:
    """The beats like the one that resembles most others; at least two."""
    flat = (qrs - qrs.mean(axis=2, keepdims=True)).reshape(len(qrs), -1)
    flat = flat / np.maximum(np.sqrt(np.square(flat).sum(axis=1, keepdims=True)), 1e-12)
    likeness = flat @ flat.T
    typical = np.argmax(np.median(likeness, axis=1))
    chosen = likeness[typical] >= _LEAST_LIKENESS
    if chosen.sum() < 2:
        chosen[np.argsort(likeness[typical])[-2:]] = True
    return chosen


def _high_pass(leads: Float[np.ndarray, "lead time"], rate_hz: float) -> Float[np.ndarray, "lead time"]:
    """Drift below 0.5 Hz removed without moving any wave (zero phase, as recommended for ST)."""
    return sosfiltfilt(_band(0.5, None, rate_hz), leads.astype(np.float64), axis=1)


@functools.cache
def _band(low_hz: float, high_hz: float | None, rate_hz: float) -> np.ndarray:
    if high_hz is None:
        return butter(2, low_hz, "highpass", fs=rate_hz, output="sos")
    return butter(2, (low_hz, high_hz), "bandpass", fs=rate_hz, output="sos")
