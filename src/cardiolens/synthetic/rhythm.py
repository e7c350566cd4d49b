"""When the heart beats: sinus rhythm with its variability, ectopic beats, atrial fibrillation and flutter.

Times are in ms from the start of the recording; beats begin before it and end after it, so that nothing is cut at an edge.
Sizes and shares are generator defaults in the order of magnitude of short resting recordings of people about 60 years old.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

DURATION_MS = 10_000.0
_BEFORE_MS, _AFTER_MS = 2_500.0, 500.0
_SHORTEST_RR_MS = 300.0
_FLUTTER_SHARE = 0.2
_VENTRICULAR_SHARE, _ATRIAL_SHARE = 0.038, 0.014
"""Of ten-second recordings in sinus rhythm with an early ventricular or atrial beat, at average irritability."""


class Rhythm(enum.StrEnum):
    """What the atria do."""

    SINUS = "sinus"
    FIBRILLATION = "fibrillation"
    FLUTTER = "flutter"


@dataclass(frozen=True)
class BeatTimes:
    """Beats in order. `onset_ms` is the start of the QRS; `stretch` scales the beat's ST-T to the RR before it."""

    rhythm: Rhythm
    onset_ms: Float[np.ndarray, " beat"]
    stretch: Float[np.ndarray, " beat"]
    ventricular: Bool[np.ndarray, " beat"]
    p_onset_ms: Float[np.ndarray, " p_wave"]
    respiration_hz: float
    respiration_phase: float
    """Of the breath at the start, in turns."""
    atrial_hz: float
    """Rate of fibrillatory or flutter waves; of no meaning in sinus rhythm."""


def draw_rhythm(
    *, heart_rate_bpm: float, age_score: float, pr_ms: float, in_af: bool, irritable: float, rng: np.random.Generator
) -> BeatTimes:
    """Beats of 10 s at about `heart_rate_bpm`; `irritable` raises the chance of ectopic beats (0 average)."""
    respiration_hz = float(np.clip(0.25 + 0.04 * rng.standard_normal(), 0.15, 0.4))
    respiration_phase = rng.random()
    rhythm = (Rhythm.FLUTTER if rng.random() < _FLUTTER_SHARE else Rhythm.FIBRILLATION) if in_af else Rhythm.SINUS
    mean_rr = 60_000 / heart_rate_bpm
    num = int((DURATION_MS + _BEFORE_MS + _AFTER_MS) / _SHORTEST_RR_MS) + 2
    start = rng.uniform(0, mean_rr) - _BEFORE_MS
    atrial_hz = 0.0
    ventricular = np.zeros(num, dtype=bool)
    premature_atrial = np.zeros(num, dtype=bool)
    if rhythm is Rhythm.SINUS:
        rr = _sinus_rr(mean_rr, age_score, respiration_hz, respiration_phase + start / 1000 * respiration_hz, num, rng)
        rr, ventricular, premature_atrial = _with_ectopics(rr, start, irritable, rng)
    elif rhythm is Rhythm.FIBRILLATION:
        atrial_hz = float(np.clip(6.0 + 0.9 * rng.standard_normal(), 4, 9))
        sigma = math.sqrt(math.log1p(rng.uniform(0.18, 0.30) ** 2))
        rr = np.maximum(mean_rr * np.exp(sigma * rng.standard_normal(num) - sigma**2 / 2), _SHORTEST_RR_MS)
    else:
        atrial_hz = float(rng.uniform(4.0, 5.3))
        rr = _flutter_rr(mean_rr, 1000 / atrial_hz, num, rng)
    onset = start + np.cumsum(rr)
    keep = onset < DURATION_MS + _AFTER_MS
    onset, rr, ventricular, premature_atrial = onset[keep], rr[keep], ventricular[keep], premature_atrial[keep]
    # QT follows the RR of the last few beats more than that of the last one.
    memory = np.convolve(np.concatenate([[rr[0]] * 2, rr]), [0.5, 0.3, 0.2], mode="valid")
    has_p = ~ventricular if rhythm is Rhythm.SINUS else np.zeros(len(onset), dtype=bool)
    p_onset = onset[has_p] - pr_ms + 4 * rng.standard_normal(int(has_p.sum())) + 12 * premature_atrial[has_p]
    return BeatTimes(
        rhythm=rhythm, onset_ms=onset, stretch=np.clip((memory / 1000) ** 0.38, 0.68, 1.25), ventricular=ventricular,
        p_onset_ms=p_onset, respiration_hz=respiration_hz, respiration_phase=respiration_phase, atrial_hz=atrial_hz,
    )  # fmt: skip


def _sinus_rr(
    mean_rr: float, age_score: float, respiration_hz: float, phase: float, num: int, rng: np.random.Generator
) -> Float[np.ndarray, " beat"]:
    """Intervals that breathing, blood-pressure waves, a slow trend and chance share between them."""
    # Over ten seconds about 15-45 ms at 60 years, less with age and at higher rates.
    sdnn = math.exp(math.log(32) - 0.25 * age_score + 0.40 * rng.standard_normal()) * (mean_rr / 950) ** 1.5
    breathing = rng.uniform(0.10, 0.50)
    share = np.sqrt(np.array([breathing, 0.5 * (0.9 - breathing), 0.5 * (0.9 - breathing), 0.10]))
    seconds = np.arange(num) * mean_rr / 1000
    offsets = rng.random(2)
    hz = np.array([respiration_hz, rng.uniform(0.08, 0.12), rng.uniform(0.02, 0.04)])
    # Inspiration shortens the interval.
    turns = np.array([phase + 0.5, *offsets])[:, None] + hz[:, None] * seconds
    waves = np.sqrt(2) * np.sin(2 * np.pi * turns)
    variation = share[:3] @ waves + share[3] * rng.standard_normal(num)
    return np.maximum(mean_rr + sdnn * variation, _SHORTEST_RR_MS)


def _flutter_rr(mean_rr: float, cycle_ms: float, num: int, rng: np.random.Generator) -> Float[np.ndarray, " beat"]:
    """Multiples of the atrial cycle: every second to fourth wave is conducted, in two of five recordings by turns."""
    block = float(np.clip(np.round(mean_rr / cycle_ms), 2, 4))
    blocks = np.full(num, block)
    if rng.random() < 0.4:
        blocks = rng.choice([2.0, 4.0], num, p=[1 - (block - 1) / 4, (block - 1) / 4])
    # The node delays each beat a little differently; the waves keep their time.
    return blocks * cycle_ms + np.diff(3 * rng.standard_normal(num + 1))


def _with_ectopics(
    rr: Float[np.ndarray, " beat"], start_ms: float, irritable: float, rng: np.random.Generator
) -> tuple[Float[np.ndarray, " beat"], Bool[np.ndarray, " beat"], Bool[np.ndarray, " beat"]]:
    """Early beats: ventricular ones with a full pause, atrial ones without; RR and which beats they are."""
    ventricular, atrial = np.zeros(len(rr), dtype=bool), np.zeros(len(rr), dtype=bool)
    rr = rr.copy()
    onset = start_ms + np.cumsum(rr)
    more = math.exp(0.3 * irritable)
    chance, when, early = rng.random(3), rng.uniform(0, DURATION_MS, 2), rng.uniform(0.52, 0.75, 2)
    if chance[0] < _VENTRICULAR_SHARE * more:
        several = 1 + (chance[2] < 0.3)
        for k in np.searchsorted(onset, when[:1])[0] + 3 * np.arange(several):
            rr[k + 1] += rr[k] * (1 - early[0])
            rr[k] *= early[0]
            ventricular[k] = True
    place = int(np.searchsorted(onset, when[1]))
    if chance[1] < _ATRIAL_SHARE * more and not ventricular[place - 1 : place + 2].any():
        rr[place] *= early[1]
        atrial[place] = True
    return np.maximum(rr, _SHORTEST_RR_MS), ventricular, atrial
