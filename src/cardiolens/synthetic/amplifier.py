"""What an electrocardiograph does to the potentials it is given: gain, bandwidth, quantisation.

Every machine passes 0.05-150 Hz. Some recordings went through a 40 Hz muscle filter as well, which takes 5-15 % off narrow
R waves, or through a baseline filter at 0.5 Hz in both directions of time, which bends no ST segment.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float32

from cardiolens.types import RATE_HZ

DIAGNOSTIC_HZ = (0.05, 150.0)
MUSCLE_FILTER_HZ, MUSCLE_FILTER_SHARE = 40.0, 0.20
BASELINE_FILTER_HZ, BASELINE_FILTER_SHARE = 0.5, 0.15
QUANTA_MV = (0.005, 0.001)
"""Steps of CardioSoft, and of machines that store finer ones; each in half of the recordings."""

_SECOND = int(RATE_HZ)


def amplify(
    channels: Float32[np.ndarray, "lead time"], *, gain: float, rng: np.random.Generator
) -> Float32[np.ndarray, "lead time"]:
    """Channels in mV as a machine of this gain stores them; which filters and quantum it has is drawn."""
    chance = rng.random(3)
    out = channels * np.float32(gain)
    high_pass(out, DIAGNOSTIC_HZ[0])
    low_pass(out, MUSCLE_FILTER_HZ if chance[0] < MUSCLE_FILTER_SHARE else DIAGNOSTIC_HZ[1])
    if chance[1] < BASELINE_FILTER_SHARE:
        remove_drift(out, BASELINE_FILTER_HZ)
    quantum = np.float32(QUANTA_MV[int(chance[2] < 0.5)])
    return np.round(out / quantum) * quantum


def high_pass(channels: Float32[np.ndarray, "lead time"], hz: float) -> None:
    """In place, first order, as the coupling of the amplifier, which settled on the mean before."""
    from cardiolens.synthetic.strip_kernels import pass_high

    pass_high(channels, np.float32(1 / (1 + 2 * math.pi * hz / RATE_HZ)), channels.mean(axis=1), True)


def remove_drift(channels: Float32[np.ndarray, "lead time"], hz: float) -> None:
    """In place, forwards and backwards, so that no wave is moved; three decibels down at `hz`."""
    from cardiolens.synthetic.strip_kernels import pass_high

    # Two passes are three decibels down where each is one and a half.
    keep = np.float32(1 / (1 + 2 * math.pi * 0.6436 * hz / RATE_HZ))
    for stretch, forward in ((slice(0, _SECOND), True), (slice(-_SECOND, None), False)):
        pass_high(channels, keep, channels[:, stretch].mean(axis=1), forward)


def low_pass(channels: Float32[np.ndarray, "lead time"], hz: float) -> None:
    """In place, second order after Butterworth, three decibels down at `hz`."""
    from cardiolens.synthetic.strip_kernels import pass_low

    tangent = math.tan(math.pi * hz / RATE_HZ)
    scale = 1 / (1 + math.sqrt(2) * tangent + tangent**2)
    pass_low(
        channels,
        np.float32(tangent**2 * scale),
        np.float32(2 * (tangent**2 - 1) * scale),
        np.float32((1 - math.sqrt(2) * tangent + tangent**2) * scale),
    )
