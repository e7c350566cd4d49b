"""Who trains, who selects, who calibrates, who tests: by keyed hash of the subject, so that adding subjects moves nobody."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from cardiolens.errors import BadOption
from cardiolens.privacy import keyed_hash

SPLITS = ("train", "select", "calibrate", "test")
"""What is stored for a subject. `select` chooses checkpoints and settings; `calibrate` sets thresholds and intervals."""
SPLIT_SHARES = {"train": 0.70, "select": 0.075, "calibrate": 0.075, "test": 0.15}
SPLIT_GROUPS = {split: (split,) for split in SPLITS} | {"validation": ("select", "calibrate"), "all": SPLITS}
"""What a caller may ask for, and the stored splits it holds."""


def split_of(subject: str, key: bytes) -> str:
    """The split of one subject, a pure function of its name and the key: 70 % train, 15 % validation, 15 % test.

    A second hash divides validation evenly into `select` and `calibrate`.
    """
    place = _unit(subject, key)
    if place < 0.70:
        return "train"
    if place >= 0.85:
        return "test"
    return "select" if _unit(f"validation half of {subject}", key) < 0.5 else "calibrate"


def balanced_rows(rows: Int[np.ndarray, " row"], labels: Float[np.ndarray, " row"], *, seed: int) -> Int[np.ndarray, " kept"]:
    """Every positive and as many negatives, drawn anew from the seed: another balanced set than the stored one, sorted.

    `labels[i]` is the class of `rows[i]`: 0, 1 or NaN where unknown, which is left out. Where negatives are the fewer, all
    are kept. For training sets only: validation and test keep their prevalence.

    Raises:
        BadOption: one of the classes is absent.

    Source: Turgut et al. IV.B, "all positives and a fixed random set of negatives".
    """
    positive, negative = rows[labels == 1], rows[labels == 0]
    if not len(positive) or not len(negative):
        raise BadOption(
            "balanced training set",
            found=f"{len(positive)} positive and {len(negative)} negative subjects",
            expected="at least one of each",
            remedy="use a larger cohort or another label",
        )
    drawn = np.random.default_rng(seed).permutation(negative)[: len(positive)]
    return np.sort(np.concatenate([positive, drawn]))


def _unit(text: str, key: bytes) -> float:
    return int(keyed_hash(text, key=key, length=13), 16) / 16**13
