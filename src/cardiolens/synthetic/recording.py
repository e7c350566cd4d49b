"""Ten seconds of ECG: beats in their rhythm, then what breathing, muscles, mains, electrodes and the amplifier add.

Noise is drawn on the eight channels a machine measures (I, II, V1-V6); the other four leads are computed from them, as
machines do, so that Einthoven's relation holds in every recording. Sizes and shares are generator defaults.
"""

from __future__ import annotations

import functools

import numpy as np
from jaxtyping import Float, Float32

from cardiolens.synthetic.amplifier import amplify
from cardiolens.synthetic.atrial_waves import fibrillatory_waves, flutter_waves
from cardiolens.synthetic.electrophysiology import BEAT_MS, ONSET_MS, Beats
from cardiolens.synthetic.rhythm import DURATION_MS, BeatTimes, Rhythm
from cardiolens.synthetic.torso import twelve_leads
from cardiolens.types import RATE_HZ

NUM_SAMPLES = int(DURATION_MS / 1000 * RATE_HZ)
_STEP_MS = 1000 / RATE_HZ
_POOL_SAMPLES = 1 << 16
_WANDER_KNOTS = 9
_MAINS_SHARE, _CONTACT_SHARE, _REVERSAL_SHARE = 0.10, 0.015, 0.005


def clean_strip(beats: Beats, times: BeatTimes, rng: np.random.Generator) -> Float[np.ndarray, "lead time"]:
    """I, II, V1-V6 of 10 s without noise; breathing changes amplitudes by 3-10 % and turns the axis by 2-4 degrees."""
    from cardiolens.synthetic.strip_kernels import lay_beats

    strip = np.zeros((8, NUM_SAMPLES))
    # The early ST segment keeps its time; the T wave moves with the rate.
    fixed = min(beats.qrs_end_ms, BEAT_MS - 50.0)
    for template, chosen in ((beats.sinus, ~times.ventricular), (beats.ectopic, times.ventricular)):
        lay_beats(strip, _STEP_MS, template, float(ONSET_MS), fixed, times.onset_ms[chosen], times.stretch[chosen])
    p_wave = beats.p_wave
    lay_beats(strip, _STEP_MS, p_wave, 0.0, float(p_wave.shape[1]), times.p_onset_ms, np.ones(len(times.p_onset_ms)))
    if times.rhythm is not Rhythm.SINUS:
        draw_waves = flutter_waves if times.rhythm is Rhythm.FLUTTER else fibrillatory_waves
        strip += draw_waves(beats.f_wave, atrial_hz=times.atrial_hz, rate_hz=float(RATE_HZ), num_samples=NUM_SAMPLES, rng=rng)
    return breathe(strip, times, depth=rng.uniform(0.03, 0.10), swing_degrees=rng.uniform(2.0, 4.0), rng=rng)


def breathe(
    strip: Float[np.ndarray, "lead time"], times: BeatTimes, *, depth: float, swing_degrees: float, rng: np.random.Generator
) -> Float[np.ndarray, "lead time"]:
    """A strip as the heart moves with the diaphragm.

    Amplitudes differ by `depth` between inspiration and expiration, in each chest lead by its own share of it, and the
    frontal axis by `swing_degrees`.
    """
    turns = times.respiration_phase + times.respiration_hz * np.arange(NUM_SAMPLES) / RATE_HZ
    breath = np.sin(2 * np.pi * turns)
    share = np.ones(8)
    share[2:] = rng.uniform(0.5, 1.5, 6)
    strip = strip * (1 + 0.5 * depth * share[:, None] * breath)
    # I and this are at right angles in the frontal plane.
    foot = (2 * strip[1] - strip[0]) / np.sqrt(3)
    turn = np.radians(0.5 * swing_degrees) * breath
    left = np.cos(turn) * strip[0] - np.sin(turn) * foot
    foot = np.sin(turn) * strip[0] + np.cos(turn) * foot
    strip[0], strip[1] = left, 0.5 * (left + np.sqrt(3) * foot)
    return strip


def record(
    strip: Float[np.ndarray, "lead time"], times: BeatTimes, *, noise: float, rng: np.random.Generator
) -> Float32[np.ndarray, "twelve time"]:
    """All 12 leads in mV as a machine stores them.

    `noise` scales what electrodes pick up; at 0 no electrode is loose or exchanged either. Gain, bandwidth and
    quantisation are the machine's and stay.
    """
    z = rng.standard_normal(8)
    chance = rng.random(3)
    out = strip.astype(np.float32)
    lost = None
    if noise > 0:
        out += np.float32(noise * 0.0025 * np.exp(0.5 * z[1])) * rng.standard_normal((8, NUM_SAMPLES), dtype=np.float32)
        out += np.float32(noise * min(0.004 * np.exp(0.9 * z[2]), 0.08)) * _muscle(rng)
        out += np.float32(noise) * _wander(times, size_mv=float(np.clip(0.07 * np.exp(0.5 * z[3]), 0.02, 0.3)), rng=rng)
        if chance[0] < _MAINS_SHARE:
            out += np.float32(noise) * _mains(rng)
        if chance[1] < _CONTACT_SHARE:
            lost = _lose_contact(out, noise, rng)
        if chance[2] < _REVERSAL_SHARE:
            exchange_arms(out)
    out = amplify(out, gain=1 + 0.02 * float(np.clip(z[0], -3, 3)), rng=rng)
    if lost is not None:
        lead, start = lost
        out[lead, start:] = 0
    return np.ascontiguousarray(twelve_leads(out), dtype=np.float32)


def exchange_arms(out: Float32[np.ndarray, "lead time"]) -> None:
    """In place: the electrodes of both arms are exchanged. I turns over, II shows III; the chest leads do not change."""
    out[1] -= out[0]
    out[0] *= -1


def _lose_contact(out: Float32[np.ndarray, "lead time"], noise: float, rng: np.random.Generator) -> tuple[int, int] | None:
    """In place: an offset that comes, with luck goes again, and decays in the amplifier; or, given back, a dead channel."""
    lead, start = int(rng.integers(8)), int(rng.integers(NUM_SAMPLES - 200))
    if rng.random() < 0.5:
        return lead, start * int(rng.random() < 0.6)
    end = start + int(rng.integers(100, NUM_SAMPLES))
    out[lead, start:end] += np.float32(noise * rng.uniform(0.3, 1.5) * rng.choice([-1.0, 1.0]))
    return None


def _mains(rng: np.random.Generator) -> Float32[np.ndarray, "lead time"]:
    """A hum of at most .03 mV, of another size and phase in each channel."""
    size = rng.uniform(0.003, 0.03) * rng.uniform(0.3, 1, (8, 1))
    turns = rng.choice([50.0, 60.0]) * np.arange(NUM_SAMPLES) / RATE_HZ + rng.random((8, 1))
    return (size * np.sin(2 * np.pi * turns)).astype(np.float32)


def _muscle(rng: np.random.Generator) -> Float32[np.ndarray, "lead time"]:
    """Bursts of 20-90 Hz of unit size from a shared pool, each channel from another place of it."""
    pool = _muscle_pool()
    starts = rng.integers(0, _POOL_SAMPLES - NUM_SAMPLES, 8)
    knots = np.linspace(0, NUM_SAMPLES - 1, 9)
    burst = np.exp(0.5 * np.interp(np.arange(NUM_SAMPLES), knots, rng.standard_normal(9))).astype(np.float32)
    return np.stack([pool[s : s + NUM_SAMPLES] for s in starts]) * burst


@functools.cache
def _muscle_pool() -> Float32[np.ndarray, " sample"]:
    spectrum = np.fft.rfft(np.random.default_rng(20).standard_normal(_POOL_SAMPLES))
    hz = np.fft.rfftfreq(_POOL_SAMPLES, 1 / RATE_HZ)
    band = np.exp(-0.5 * (np.clip(20 - hz, 0, None) / 6) ** 2) * np.exp(-0.5 * (np.clip(hz - 90, 0, None) / 25) ** 2)
    noise = np.fft.irfft(spectrum * band, _POOL_SAMPLES)
    return (noise / noise.std()).astype(np.float32)


def _wander(times: BeatTimes, *, size_mv: float, rng: np.random.Generator) -> Float32[np.ndarray, "lead time"]:
    """Slow drift: breathing that all channels share in part, and a random walk of each."""
    turns = times.respiration_phase + rng.random() + times.respiration_hz * np.arange(NUM_SAMPLES) / RATE_HZ
    share = (0.6 * rng.standard_normal((8, 1))).astype(np.float32)
    walk = np.cumsum(rng.standard_normal((8, _WANDER_KNOTS)), axis=1)
    walk -= walk.mean(axis=1, keepdims=True)
    breathing = np.sin(2 * np.pi * turns).astype(np.float32)
    return np.float32(size_mv) * (share * breathing + walk.astype(np.float32) @ _smooth_path())


@functools.cache
def _smooth_path() -> Float32[np.ndarray, "knot time"]:
    """Weights that lead a smooth path near values at evenly spaced knots: cubic B-splines, whose sum is one."""
    from scipy.interpolate import BSpline

    inner = np.linspace(0, 1, _WANDER_KNOTS - 2)
    knots = np.concatenate([[0] * 3, inner, [1] * 3])
    return BSpline(knots, np.eye(_WANDER_KNOTS), 3)(np.linspace(0, 1, NUM_SAMPLES)).T.astype(np.float32)
