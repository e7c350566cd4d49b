"""Stretches of a beat, so that the same part of every beat can be looked at, or taken away, at once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from cardiolens.signals.heart_beats import find_beats
from cardiolens.types import RATE_HZ

STRETCHES_MS = ((-280, -120), (-120, -50), (-50, 0), (0, 50), (50, 130), (130, 230), (230, 400))
"""From the middle of the QRS: about P, PQ, both halves of QRS, ST, the rise of T, its fall."""
NUM_STRETCHES = len(STRETCHES_MS)
NOWHERE = -1


def beat_stretches(signal_mv: Float[np.ndarray, "12 time"], *, rate_hz: float = RATE_HZ) -> Int[np.ndarray, " time"]:
    """For every sample the stretch it lies in, or `NOWHERE`. Where a fast heart's beats overlap, the QRS and what follows it go
    before the next beat's P."""
    found = np.full(signal_mv.shape[1], NOWHERE, np.int64)
    beats = find_beats(signal_mv, rate_hz=rate_hz)
    # What is nearer to a QRS is written later.
    for stretch in sorted(range(NUM_STRETCHES), key=lambda k: -abs(sum(STRETCHES_MS[k]))):
        first, last = (round(edge / 1000 * rate_hz) for edge in STRETCHES_MS[stretch])
        for beat in beats:
            found[max(beat + first, 0) : max(beat + last, 0)] = stretch
    return found


def flattened(signal: Float[np.ndarray, "12 time"], stretches: Int[np.ndarray, " time"]) -> Float[np.ndarray, "12 time"]:
    """The signal with every stretch drawn as a straight line between its ends."""
    flat = signal.copy()
    edges = np.flatnonzero(np.diff(stretches, prepend=NOWHERE - 1, append=NOWHERE - 1))
    for first, after in pairwise(edges):
        if stretches[first] != NOWHERE:
            share = np.linspace(0, 1, after - first, dtype=signal.dtype)
            flat[:, first:after] = signal[:, [first]] * (1 - share) + signal[:, [after - 1]] * share
    return flat
