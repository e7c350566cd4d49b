"""When the heart beats: sinus rhythm with its variability, ectopic beats, atrial fibrillation and flutter.

Times are in ms from the start of the recording; beats begin before it and end after it, so that nothing is cut at an edge.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

DURATION_MS = 10_000.0
_BEFORE_MS, _AFTER_MS = 2_500.0, 500.0
_SHORTEST_RR_MS = 300.0


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
    atrial_hz: float
    """Rate of fibrillatory or flutter waves; of no meaning in sinus rhythm."""


def draw_rhythm(
    *, heart_rate_bpm: float, age_score: float, pr_ms: float, in_af: bool, irritable: float, rng: np.random.Generator
) -> BeatTimes:
    """Beats of 10 s at about `heart_rate_bpm`; `irritable` raises the chance of ectopic beats (0 average)."""
    respiration_hz = float(np.clip(0.25 + 0.04 * rng.standard_normal(), 0.15, 0.4))
    rhythm = (Rhythm.FLUTTER if rng.random() < 0.2 else Rhythm.FIBRILLATION) if in_af else Rhythm.SINUS
    mean_rr = 60_000 / heart_rate_bpm
    num = int((DURATION_MS + _BEFORE_MS + _AFTER_MS) / _SHORTEST_RR_MS) + 2
    atrial_hz = 0.0
    ventricular = np.zeros(num, dtype=bool)
    premature_atrial = np.zeros(num, dtype=bool)
    if rhythm is Rhythm.SINUS:
        rr = _sinus_rr(mean_rr, age_score, respiration_hz, num, rng)
        rr, ventricular, premature_atrial = _with_ectopics(rr, irritable, rng)
    elif rhythm is Rhythm.FIBRILLATION:
        atrial_hz = float(np.clip(6.0 + 0.9 * rng.standard_normal(), 4, 9))
        spread = rng.uniform(0.17, 0.28)
        rr = np.maximum(mean_rr * np.exp(spread * rng.standard_normal(num) - spread**2 / 2), _SHORTEST_RR_MS)
    else:
        atrial_hz = float(rng.uniform(4.0, 5.3))
        block = np.clip(np.round(mean_rr * atrial_hz / 1000), 2, 5)
        varies = rng.random() < 0.4
        block = np.maximum(block + (rng.integers(-1, 2, num) if varies else np.zeros(num)), 2)
        rr = block * 1000 / atrial_hz + 4 * rng.standard_normal(num)
    onset = rng.uniform(0, mean_rr) - _BEFORE_MS + np.cumsum(rr)
    keep = onset < DURATION_MS + _AFTER_MS
    onset, rr, ventricular, premature_atrial = onset[keep], rr[keep], ventricular[keep], premature_atrial[keep]
    # QT follows the RR of the last few beats more than that of the last one.
    memory = np.convolve(np.concatenate([[rr[0]] * 2, rr]), [0.5, 0.3, 0.2], mode="valid")
    has_p = ~ventricular if rhythm is Rhythm.SINUS else np.zeros(len(onset), dtype=bool)
    p_onset = onset[has_p] - pr_ms + 4 * rng.standard_normal(int(has_p.sum())) + 12 * premature_atrial[has_p]
    return BeatTimes(
        rhythm=rhythm, onset_ms=onset, stretch=np.clip((memory / 1000) ** 0.38, 0.68, 1.25), ventricular=ventricular,
        p_onset_ms=p_onset, respiration_hz=respiration_hz, atrial_hz=atrial_hz,
    )  # fmt: skip


def _sinus_rr(mean_rr: float, age_score: float, respiration_hz: float, num: int, rng: np.random.Generator) -> np.ndarray:
    sdnn = np.exp(np.log(27) - 0.25 * age_score + 0.45 * rng.standard_normal()) * (mean_rr / 950) ** 1.5
    share = rng.uniform(0.3, 0.8)
    beat = np.arange(num)
    breathing = np.sin(2 * np.pi * (respiration_hz * beat * mean_rr / 1000 + rng.random()))
    slow = np.sin(2 * np.pi * (0.1 * beat * mean_rr / 1000 + rng.random()))
    variation = 1.41 * share * breathing + (1 - share) * (1.1 * slow + 0.6 * rng.standard_normal(num))
    return np.maximum(mean_rr + sdnn * variation, _SHORTEST_RR_MS)


def _with_ectopics(rr: np.ndarray, irritable: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Early beats: ventricular ones with a full pause, atrial ones without."""
    ventricular, atrial = np.zeros(len(rr), dtype=bool), np.zeros(len(rr), dtype=bool)
    rr = rr.copy()
    has_ventricular = rng.random() < 0.04 * np.exp(0.4 * irritable)
    has_atrial = rng.random() < 0.025 * np.exp(0.4 * irritable)
    places = rng.integers(4, 14, 2)
    early = rng.uniform(0.52, 0.75, 2)
    if has_ventricular:
        k = places[0]
        rr[k + 1] += rr[k] * (1 - early[0])
        rr[k] *= early[0]
        ventricular[k] = True
    if has_atrial and not ventricular[places[1]]:
        rr[places[1]] *= early[1]
        atrial[places[1]] = True
    return np.maximum(rr, _SHORTEST_RR_MS), ventricular, atrial
