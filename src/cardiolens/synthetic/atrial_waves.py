"""What the atria add to an ECG without P waves: fibrillatory waves of wandering rate and size, or the saw-tooth of flutter.

Sizes are given on the leads that show the waves best, lead II and V1; the torso decides what the other leads see.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

_TWO, _V1 = 1, 2
_FRONT, _BACK, _DOWN = 0, 1, 2
_KNOTS = 14


def fibrillatory_waves(
    seen: Float[np.ndarray, "3 lead"], *, atrial_hz: float, rate_hz: float, num_samples: int, rng: np.random.Generator
) -> Float[np.ndarray, "lead time"]:
    """Waves of .03-.15 mV from peak to peak in V1, in mV on I, II, V1-V6.

    `seen` is how strongly each lead sees current to the front, to the back and downwards.
    """
    peak_to_peak = float(np.clip(0.08 * np.exp(0.40 * rng.standard_normal()), 0.03, 0.15))
    seconds = np.arange(num_samples) / rate_hz
    knots = np.linspace(0, seconds[-1], _KNOTS)
    waves = np.zeros((seen.shape[1], num_samples))
    down = _relative(seen[_DOWN], _TWO)
    # One wandering front for V1, one for the foot, and a weak one that turns to the left and back.
    for seen_by, part in ((_beside(seen[_FRONT], down), 0.78), (down, 0.55), (_relative(seen[_BACK], 0), 0.20)):
        rate = atrial_hz + 0.35 * np.interp(seconds, knots, rng.standard_normal(_KNOTS))
        phase = 2 * np.pi * (np.cumsum(rate) / rate_hz + rng.random())
        size = np.clip(1 + 0.35 * np.interp(seconds, knots, rng.standard_normal(_KNOTS)), 0.2, 2)
        wave = np.sin(phase) + 0.35 * np.sin(2 * phase + 1.0) + 0.12 * np.sin(3 * phase + 2.0)
        waves += (part * 0.5 * peak_to_peak * seen_by)[:, None] * (size * wave)
    return waves


def flutter_waves(
    seen: Float[np.ndarray, "3 lead"], *, atrial_hz: float, rate_hz: float, num_samples: int, rng: np.random.Generator
) -> Float[np.ndarray, "lead time"]:
    """The regular saw-tooth of typical flutter, in mV on I, II, V1-V6: negative in II, III and aVF, positive in V1."""
    inferior, anterior = rng.uniform(0.12, 0.28), rng.uniform(0.06, 0.16)
    phase = (atrial_hz * np.arange(num_samples) / rate_hz + rng.random()) % 1
    # A slow slope down, a dip and a steep way up: no line between two waves is level.
    tooth = np.interp(phase, [0.0, 0.50, 0.74, 0.90, 1.0], [0.18, -0.14, -0.72, 0.28, 0.18])
    bump = np.exp(-0.5 * ((phase - 0.80) / 0.11) ** 2)
    down = _relative(seen[_DOWN], _TWO)
    tooth, bump = inferior * (tooth - tooth.mean()), anterior * (bump - bump.mean())
    # Makes V1 what it should be, whatever the part that points down does there.
    forward = _beside(seen[_FRONT], down)
    return down[:, None] * tooth + forward[:, None] * (bump - down[_V1] * tooth)


def _beside(front: Float[np.ndarray, " lead"], down: Float[np.ndarray, " lead"]) -> Float[np.ndarray, " lead"]:
    """Of current to the front what lead II does not see, relative to V1."""
    return _relative(front - front[_TWO] * down, _V1)


def _relative(seen: Float[np.ndarray, " lead"], lead: int) -> Float[np.ndarray, " lead"]:
    """Sensitivities relative to one lead's, unless another torso makes that lead nearly blind."""
    return seen / np.copysign(max(abs(seen[lead]), 0.3 * np.abs(seen).max()), seen[lead])
