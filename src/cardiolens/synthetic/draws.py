"""Random generators that belong to one part of one subject.

Each part draws from its own stream, so that subject k of seed s has the same ECG whether or not its MRI is rendered, and
whatever the cohort around it.
"""

from __future__ import annotations

import enum

import numpy as np


class Part(enum.IntEnum):
    """What a stream is for; the numbers are stored in no file but decide every bit, so they never change."""

    PERSON = 1
    DISEASE = 2
    HEART = 3
    CONDUCTION = 4
    RHYTHM = 5
    RECORDING = 6
    MRI = 7
    MRI_STACK = 20
    """Breath-holds and noise of what has more slices or phases than the picture."""


def generator(seed: int, index: int, part: Part, *, visit: int = 0) -> np.random.Generator:
    """The stream of one part of subject `index` of cohort `seed`, at the first visit or a later one; all zero or more."""
    again = [visit] if visit else []
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, index, int(part), *again])))
