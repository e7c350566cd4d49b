"""How long and how high the action potential of every node is: what makes ST segment and T wave.

Durations are shorter at the epicardium, at the apex and in the right ventricle (Durrer's order of recovery is set by them
more than by activation); disease lengthens them where it sits. Effects of load, age and drugs are generator defaults.
"""

from __future__ import annotations

import functools

import numpy as np
from jaxtyping import Complex, Float

from cardiolens.synthetic import wall
from cardiolens.synthetic.population import Person

# Longer action potentials in ms: endo- than epicardium, base than apex, septum than lateral wall, right ventricle than left
# (negative: shorter); and by how much of its delay a late node recovers sooner. Calibrated on median T waves of normal
# recordings; in human hearts 20-40 ms are measured across the wall, up to 42 from apex to base, 32 from left to right.
TRANSMURAL_MS, AXIAL_MS, SEPTAL_MS, ANTERIOR_MS, RIGHT_MS = 28.0, -2.6, -5.2, -4.5, -31.0
SEPTAL_SHARE, ANTERIOR_SHARE = -0.16, 0.132
"""By how much steeper the transmural gradient is in the septum, whose far side is right-ventricular, and in front."""
FOLLOWING = 0.313
BASE_MS = 255.0
# Rates of the templates: the plateau falls slowly (phase 2), then fast (phase 3).
SLOW_MS, FAST_MS, BLUR_MS = 64.0, 40.0, 4.53
NUM_DRAWS = 10


def duration_ms(
    person: Person,
    accustomed_ms: Float[np.ndarray, " node"],
    scar: Float[np.ndarray, " node"],
    ischaemia: Float[np.ndarray, "ring angle"],
    z: Float[np.ndarray, " draw"],
) -> Float[np.ndarray, " node"]:
    """From activation to recovery; `z` are `NUM_DRAWS` standard normals.

    Durations fit the accustomed order of activation; in a block recovery therefore follows the new one.
    """
    depth, height, anterior, septal = _coordinates()
    strain = float(np.clip(0.40 * (person.pressure_load - 1.0) + 1.2 * person.hypertrophic, 0, 1.8))
    # Nothing that flattens the T wave reverses it, but a strained or scarred wall recovers late on the outside.
    flat = max(1 - 0.08 * person.metabolic_load - 0.05 * person.age_score - 0.12 * person.repolarisation + 0.14 * z[0], 0.15)
    flat = flat * (1 - 0.2 * min(strain, 1.5))
    lv = (
        -TRANSMURAL_MS
        * flat
        * (1 + (ANTERIOR_SHARE + 0.1 * z[2]) * anterior + (SEPTAL_SHARE + 0.1 * z[3]) * septal)
        * (depth - 0.5)
    )
    lv = lv + (AXIAL_MS + 2 * z[1]) * flat * (height - 0.5)
    lv = lv + (SEPTAL_MS + 1.2 * z[6]) * septal + (ANTERIOR_MS + 1.2 * z[7]) * anterior
    # The free wall is strained, the septum much less.
    lv = lv + 30 * strain * np.clip(0.5 - 0.5 * septal, 0, None) * (depth - 0.5)
    border = np.tile(ischaemia.ravel(), wall.LAYERS) * 14
    border = border + 40 * np.clip(scar[: wall.NUM_LV], 0, 0.6) * (1 + 0.4 * z[4])
    lv = lv + border * (0.5 + 1.2 * depth)
    rv = np.full(wall.NUM_RV, RIGHT_MS + 1.5 * z[8])
    base = BASE_MS + (0 if person.male else 8) + 2 * person.age_score + 11 * z[5]
    late = accustomed_ms - accustomed_ms.mean()
    return np.clip(base + np.concatenate([lv, rv]) - FOLLOWING * late, 120, 420)


def plateau(ischaemia: Float[np.ndarray, "ring angle"], person: Person) -> Float[np.ndarray, " node"]:
    """Height of the action potential: less under ischaemia and strain, most of all at the endocardium."""
    depth = np.linspace(1, 0.1, wall.LAYERS)[:, None]
    strain = 0.03 * np.clip(person.pressure_load - 1.3, 0, 1.5) * np.linspace(1, 0, wall.LAYERS)[:, None]
    lv = 1 - 0.12 * depth * ischaemia.ravel() - strain
    return np.concatenate([lv.ravel(), np.ones(wall.NUM_RV)])


def fall_spectrum(length: int) -> Complex[np.ndarray, " frequency"]:
    """Rate of fall of an action potential round its recovery: slow phase 2, fast phase 3, so that T rises slowly.

    As a spectrum of `length` samples at 1 kHz, centred on the first.
    """
    return _fall(length, SLOW_MS, FAST_MS, BLUR_MS)


@functools.lru_cache(maxsize=2)
def _fall(length: int, slow: float, fast: float, blur: float) -> Complex[np.ndarray, " frequency"]:
    t = np.fft.fftfreq(length, 1 / length)
    fall = np.where(t < 0, np.exp(t / slow), np.exp(-0.5 * (t / fast) ** 2)) * (t > -200)
    smooth = np.exp(-0.5 * (t / blur) ** 2)
    return np.fft.rfft(fall / fall.sum()) * np.fft.rfft(smooth / smooth.sum())


@functools.cache
def _coordinates() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of the left ventricle's nodes: depth and height in 0..1, and how anterior and how septal they are in -1..1."""
    depth = np.repeat(np.linspace(0, 1, wall.LAYERS), wall.RINGS * wall.ANGLES)
    height = np.tile(np.repeat(np.linspace(0, 1, wall.RINGS), wall.ANGLES), wall.LAYERS)
    radians = np.tile(np.arange(wall.ANGLES) * 2 * np.pi / wall.ANGLES, wall.LAYERS * wall.RINGS)
    return depth, height, np.cos(radians), np.sin(radians)
