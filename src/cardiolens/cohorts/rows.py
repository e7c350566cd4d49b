"""One subject's visit on its way into a cohort, and the work that makes it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float16, Float32, UInt8

from cardiolens.errors import BadRecording
from cardiolens.signals.cleaning import CleaningConfig, clean
from cardiolens.signals.contract import prepare_recording
from cardiolens.types import Recording


@dataclass(frozen=True)
class SubjectRow:
    """What a cohort stores of one subject's visit."""

    subject: str
    """Keyed hash; never a participant's number."""
    ecg: Float16[np.ndarray, "lead time"]
    ecg_scale: Float32[np.ndarray, " group"]
    cmr: UInt8[np.ndarray, "channel height width"] | None
    numbers: Mapping[str, float]
    """Numeric columns: covariates, diseases (0 or 1), phenotypes; NaN where unknown."""
    texts: Mapping[str, str | None]
    """Text columns, such as sex; None where unknown."""
    visit: int = 0
    cmr_volumes: UInt8[np.ndarray, "2 slice rows columns"] | None = None
    """End-diastole and end-systole."""
    cmr_cine: UInt8[np.ndarray, "phase rows columns"] | None = None
    lost: Mapping[str, str] = field(default_factory=dict)
    """Parts of the visit that could not be used ("mri", "labels"), and why; each is a row of `refused.csv`."""
    split: str | None = None
    """Where the split was decided by whoever made the data; None leaves it to the hash."""
    ranks: Mapping[str, int] = field(default_factory=dict)
    """Places in training sets that were drawn by whoever made the data, by label; see `training_sets`."""
    differences: Mapping[str, float] = field(default_factory=dict)
    """By column, what was measured here minus what UK Biobank gives; counted over the cohort and not stored."""
    digest: str | None = None
    """`repeated.ecg_digest`, where one recording must not stand under two people."""


@dataclass(frozen=True)
class RefusedRow:
    """A subject's visit that could not be used."""

    subject: str
    reason: str
    visit: int = 0
    part: str = "ecg"
    """What was unusable. Without an ECG the whole visit is."""


class RowMaker(ABC):
    """Makes the rows of one cohort by their index, in any order and in any process: same index, same bits.

    It travels to worker processes by pickle, so it holds settings and paths, never arrays.
    """

    hash_key: bytes | None = None
    """By which participants' numbers are hidden in reasons; the user's own where it is None."""

    def part(self, rows: range) -> RowMaker:
        """What it takes to make these rows, by the same numbers: all that travels with their chunk."""
        return self

    @abstractmethod
    def subject(self, index: int) -> str:
        """Keyed hash of the subject of row `index`."""

    @abstractmethod
    def make(self, index: int) -> SubjectRow:
        """Read, clean and cut one subject's visit.

        Raises:
            BadInput: this one cannot be used; it is listed in `refused.csv` and the others go on.
        """

    def visit(self, index: int) -> int:
        """Which visit of the subject row `index` is."""
        return 0


def stored_ecg(
    recording: Recording, cleaning: CleaningConfig, *, num_samples: int, cut_longer: bool = False
) -> tuple[Float16[np.ndarray, "lead time"], Float32[np.ndarray, " group"]]:
    """The ECG as a cohort stores it, and the millivolts that cleaning divided each lead group by.

    Of a longer recording the beginning is taken where `cut_longer` says so.

    Raises:
        BadRecording: the recording is unusable, or not of the cohort's length after resampling.
    """
    checked = prepare_recording(recording)
    signal_mv = checked.signal_mv[:, :num_samples] if cut_longer else checked.signal_mv
    length = signal_mv.shape[1]
    if length != num_samples:
        raise BadRecording(
            checked.source,
            found=f"{length} samples per lead at {checked.rate_hz:g} Hz",
            expected=f"{num_samples}",
            remedy="export the full ten seconds",
        )
    cleaned = clean(signal_mv, cleaning)
    return cleaned.signal.astype(np.float16), cleaned.scale_mv
