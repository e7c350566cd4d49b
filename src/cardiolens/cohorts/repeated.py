"""ECGs that stand in a cohort more than once: the same person under two names, or a file that was copied."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float16

from cardiolens.cohorts.manifest import REFUSED
from cardiolens.cohorts.store import Cohort

ANOTHERS_ECG = "found the ECG of another person"
"""How the reason begins of every ECG that was refused for this."""


def ecg_digest(ecg: Float16[np.ndarray, "lead time"]) -> str:
    """What tells a stored ECG from all others. Of lead I alone: recordings that agree in all of its samples are one."""
    return hashlib.blake2b(np.ascontiguousarray(ecg[0]).tobytes(), digest_size=16).hexdigest()


def refuse_repeated(subjects: pd.Series, digests: pd.Series) -> tuple[dict[int, str], dict[int, str]]:
    """By label of the row: why the ECGs are refused that are those of earlier rows of other people, and what is said of the
    earlier rows, which stay. ECGs without a digest are not compared."""
    known = digests.dropna()
    people = subjects[known.index].groupby(known).transform("nunique")
    refused, kept = {}, {}
    shared = known[people > 1]
    for number, (_, same) in enumerate(shared.groupby(shared, sort=False), start=1):
        first, *later = same.index.tolist()
        others = [row for row in later if subjects[row] != subjects[first]]
        kept[first] = f"its ECG is that of {len(others)} more in the sources (recording {number}), which are refused"
        refused |= dict.fromkeys(
            others,
            f"{ANOTHERS_ECG} (recording {number}), sample by sample; expected everybody's own; "
            "the first person's is kept: find out whose it is",
        )
    return refused, kept


def num_refused_as_repeated(cohort: Cohort) -> int:
    """How many ECGs were refused since they are those of other people."""
    listed = cohort.path / REFUSED
    reasons = pd.read_csv(listed, usecols=["reason"], dtype=str)["reason"] if listed.exists() else pd.Series([], dtype=str)
    return int(reasons.str.startswith(ANOTHERS_ECG).sum())


def num_shared_ecgs(cohort: Cohort, other: Cohort) -> int:
    """How many rows of `other` hold, to the bit, an ECG of `cohort`, whoever's it is said to be.

    Both have to be prepared alike: the same recording cleaned or resampled in another way is another one here.
    """
    known = {ecg_digest(row) for row in cohort.ecg}
    return sum(ecg_digest(row) in known for row in other.ecg)


def repeated_ecgs(cohort: Cohort) -> Bool[np.ndarray, " row"]:
    """Which rows hold, to the bit, the ECG of another row of another subject."""
    digests = [ecg_digest(row) for row in cohort.ecg]
    _, which, count = np.unique(np.array(digests), return_inverse=True, return_counts=True)
    repeated = count[which] > 1
    subject = cohort.subjects["subject"].to_numpy()
    for group in np.unique(which[repeated]):
        rows = np.flatnonzero(which == group)
        repeated[rows] = len(set(subject[rows])) > 1
    return repeated
