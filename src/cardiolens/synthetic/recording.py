"""Ten seconds of ECG: beats in their rhythm, then what breathing, muscles, mains and the amplifier add.

Noise is drawn on the eight channels a machine measures (I, II, V1-V6); the other four leads are computed from them, as
machines do, so that Einthoven's relation holds in every recording.
"""

from __future__ import annotations

import functools

import numpy as np
from jaxtyping import Float, Float32

from cardiolens.synthetic.electrophysiology import BEAT_MS, ONSET_MS, Beats
from cardiolens.synthetic.rhythm import DURATION_MS, BeatTimes, Rhythm
from cardiolens.synthetic.torso import twelve_leads
from cardiolens.types import RATE_HZ

NUM_SAMPLES = int(DURATION_MS / 1000 * RATE_HZ)
_STEP_MS = 1000 / RATE_HZ
_QUANTUM_MV = 0.005
_POOL_SAMPLES = 1 << 16


def clean_strip(beats: Beats, times: BeatTimes, rng: np.random.Generator) -> Float[np.ndarray, "lead time"]:
    """I, II, V1-V6 of 10 s without noise; breathing changes amplitudes by a few percent."""
    from cardiolens.synthetic.strip_kernels import lay_beats

    strip = np.zeros((8, NUM_SAMPLES))
    depth, phase = rng.uniform(0.01, 0.05), rng.random()
    gain = 1 + depth * np.sin(2 * np.pi * (times.respiration_hz * times.onset_ms / 1000 + phase))
    # The early ST segment keeps its time; the T wave moves with the rate.
    fixed = beats.qrs_end_ms
    for template, chosen in ((beats.sinus, ~times.ventricular), (beats.ectopic, times.ventricular)):
        lay_beats(
            strip, _STEP_MS, template, float(ONSET_MS), min(fixed, BEAT_MS - 50.0), times.onset_ms[chosen],
            times.stretch[chosen], gain[chosen],
        )  # fmt: skip
    p_gain = np.interp(times.p_onset_ms, times.onset_ms, gain) if len(times.p_onset_ms) else np.ones(0)
    lay_beats(strip, _STEP_MS, beats.p_wave, 0.0, float(beats.p_wave.shape[1]), times.p_onset_ms, np.ones(len(p_gain)), p_gain)
    if times.rhythm is not Rhythm.SINUS:
        strip += _atrial_waves(beats, times, rng)
    return strip


def record(
    strip: Float[np.ndarray, "lead time"], times: BeatTimes, *, noise: float, rng: np.random.Generator
) -> Float32[np.ndarray, "twelve time"]:
    """All 12 leads in mV as a machine stores them; `noise` scales everything but gain error and quantisation."""
    z = rng.standard_normal(8)
    seconds = np.arange(NUM_SAMPLES, dtype=np.float32) / np.float32(RATE_HZ)
    out = strip.astype(np.float32) * np.float32(1 + 0.02 * z[0])
    if noise > 0:
        out += np.float32(noise * 0.006 * np.exp(0.4 * z[1])) * rng.standard_normal((8, NUM_SAMPLES), dtype=np.float32)
        out += np.float32(noise * min(0.011 * np.exp(0.7 * z[2]), 0.08)) * _muscle(rng)
        out += np.float32(noise) * _wander(times.respiration_hz, rng)
        if rng.random() < 0.10:
            mains = rng.uniform(0.003, 0.03) * rng.uniform(0.3, 1, (8, 1))
            out += (noise * mains * np.sin(2 * np.pi * (rng.choice([50.0, 60.0]) * seconds + rng.random((8, 1))))).astype(
                np.float32
            )
        if rng.random() < 0.015:
            lead, start, length = rng.integers(8), rng.integers(NUM_SAMPLES), rng.integers(100, 800)
            out[lead, start : start + length] += np.float32(noise * rng.uniform(-1.0, 1.0))
    out = np.round(out / np.float32(_QUANTUM_MV)) * np.float32(_QUANTUM_MV)
    return np.ascontiguousarray(twelve_leads(out), dtype=np.float32)


def _atrial_waves(beats: Beats, times: BeatTimes, rng: np.random.Generator) -> Float[np.ndarray, "lead time"]:
    """Fibrillatory waves of wandering rate and size, or the saw-tooth of flutter."""
    t = np.arange(NUM_SAMPLES) / RATE_HZ
    knots = np.linspace(0, t[-1], 14)
    if times.rhythm is Rhythm.FLUTTER:
        phase = (times.atrial_hz * t + rng.random()) % 1
        saw = np.where(phase < 0.68, 1 - 2 * phase / 0.68, -1 + 2 * (phase - 0.68) / 0.32)
        return rng.uniform(0.06, 0.14) * (beats.f_wave[2] + 0.25 * beats.f_wave[0])[:, None] * saw
    strength = 0.05 * np.exp(0.35 * rng.standard_normal())
    waves = np.zeros((8, NUM_SAMPLES))
    for direction in range(2):
        rate = times.atrial_hz * (1 + 0.07 * np.interp(t, knots, rng.standard_normal(14)))
        phase = 2 * np.pi * (np.cumsum(rate) / RATE_HZ + rng.random())
        size = 1 + 0.4 * np.interp(t, knots, rng.standard_normal(14))
        wave = np.sin(phase) + 0.45 * np.sin(2 * phase + 1.0) + 0.2 * np.sin(3 * phase + 2.0)
        waves += strength * beats.f_wave[direction][:, None] * (size * wave)
    return waves


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


def _wander(respiration_hz: float, rng: np.random.Generator) -> Float32[np.ndarray, "lead time"]:
    """Slow drift: breathing that all channels share in part, and a random walk of each."""
    t = np.arange(NUM_SAMPLES, dtype=np.float32) / np.float32(RATE_HZ)
    size = 0.05 * np.exp(0.5 * rng.standard_normal())
    share = rng.standard_normal((8, 1)).astype(np.float32)
    breathing = np.sin(2 * np.pi * (np.float32(respiration_hz) * t + np.float32(rng.random())))
    knots = np.arange(9) * (NUM_SAMPLES - 1) / 8
    walk = np.cumsum(rng.standard_normal((8, 9)), axis=1)
    walk -= walk.mean(axis=1, keepdims=True)
    at = np.arange(NUM_SAMPLES)
    smooth = np.stack([np.interp(at, knots, w) for w in walk]).astype(np.float32)
    # Three running means in a row round off the corners of the straight pieces.
    width = NUM_SAMPLES // 12
    for _ in range(2):
        padded = np.pad(smooth, ((0, 0), (width // 2 + 1, width - width // 2 - 1)), mode="edge")
        total = np.cumsum(padded, axis=1, dtype=np.float64)
        smooth = np.concatenate([total[:, width - 1 : width], total[:, width:] - total[:, :-width]], axis=1)[:, :NUM_SAMPLES]
        smooth = (smooth / width).astype(np.float32)
    return np.float32(size) * (0.6 * share * breathing + smooth)
