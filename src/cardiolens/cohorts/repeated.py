"""ECGs that stand in a cohort more than once: the same person under two names, or a file that was copied."""

from __future__ import annotations

import hashlib

import numpy as np
from jaxtyping import Bool

from cardiolens.cohorts.store import Cohort


def repeated_ecgs(cohort: Cohort) -> Bool[np.ndarray, " row"]:
    """Which rows hold, to the bit, the ECG of another row of another subject.

    Lead I alone is compared: recordings that agree in all of its samples are one recording.
    """
    digests = [hashlib.blake2b(np.ascontiguousarray(row[0]).tobytes(), digest_size=16).hexdigest() for row in cohort.ecg]
    _, which, count = np.unique(np.array(digests), return_inverse=True, return_counts=True)
    repeated = count[which] > 1
    subject = cohort.subjects["subject"].to_numpy()
    for group in np.unique(which[repeated]):
        rows = np.flatnonzero(which == group)
        repeated[rows] = len(set(subject[rows])) > 1
    return repeated
