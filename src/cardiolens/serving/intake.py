"""From an ECG file to what a model can be asked about: read, put into the input contract, cleaned as in training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from numbers import Real
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float, Float32

from cardiolens.errors import BadInput, BadOption, BadRecording
from cardiolens.formats.collection import EcgInput, read_input
from cardiolens.formats.declaration import NOTHING_DECLARED, Declaration
from cardiolens.serving.answers import Refusal
from cardiolens.signals.character import Character, character
from cardiolens.signals.cleaning import CleaningConfig, clean
from cardiolens.signals.contract import examine_recording
from cardiolens.signals.quality import Quality
from cardiolens.types import LEADS, RATE_HZ, Recording

Ecg = Path | str | Recording | Float[np.ndarray, "12 time"]
"""A file of any known format, a recording, or millivolts with the leads in the order of `types.LEADS`."""

OLDEST_YEARS = 130.0
"""Nobody was older: more is a slip of the pen."""
AT_ONCE = 64
"""So many ECGs are held at a time."""

Item, Prepared = TypeVar("Item"), TypeVar("Prepared")


@dataclass(frozen=True, eq=False)
class ReadyEcg:
    """A recording after cleaning."""

    recording: Recording
    """In the input contract: standard leads and rate, millivolts."""
    quality: Quality
    ecg: Float32[np.ndarray, "lead time"]
    """Cleaned, without unit."""
    scale_mv: Float32[np.ndarray, " group"]
    """Millivolts that cleaning divided each lead group by."""
    character: Character | None
    """Where it was asked for."""


@dataclass(frozen=True)
class Intake:
    """How ECGs are taken in; one per model."""

    cleaning: CleaningConfig
    with_character: bool = False
    """Whether `ReadyEcg.character` is wanted."""
    allow_missing_leads: bool = False
    """Whether zeros may stand for chest leads that were not recorded."""
    sex: str | None = None
    """"F" or "M", of recordings that do not say it; for reference ranges alone."""
    age_years: float | None = None
    """The same."""
    declared: Declaration = NOTHING_DECLARED
    """What files that do not describe themselves hold."""

    def __post_init__(self) -> None:
        if self.sex not in (None, "F", "M"):
            raise BadOption("sex", found=repr(self.sex)[:40], expected="F or M", remedy="write it so, or leave it out")
        if self.age_years is not None and not (isinstance(self.age_years, Real) and 0 <= self.age_years <= OLDEST_YEARS):
            found, expected = repr(self.age_years)[:40], f"a number from 0 to {OLDEST_YEARS:g}"
            raise BadOption("age_years", found=found, expected=expected, remedy="write it so, or leave it out")

    def file(self, ecg_input: EcgInput) -> ReadyEcg | Refusal:
        """One file, or why it cannot be used."""
        try:
            return self.recording(read_input(ecg_input, self.declared))
        except BadInput as error:
            return Refusal(error.source, str(error))

    def any(self, ecg: Ecg, *, rate_hz: float = RATE_HZ) -> ReadyEcg:
        """One ECG; `rate_hz` is that of an array.

        Raises:
            UnknownFormat, BadRecording: the file cannot be read, the array is no ECG, or the input contract is not met.
        """
        if isinstance(ecg, Path | str):
            return self.recording(read_input(EcgInput(Path(ecg)), self.declared))
        if isinstance(ecg, Recording):
            return self.recording(ecg)
        return self.recording(array_recording(ecg, rate_hz=rate_hz))

    def recording(self, recording: Recording) -> ReadyEcg:
        """One recording.

        Raises:
            BadRecording: it does not meet the input contract.
        """
        examination = examine_recording(recording, allow_missing_leads=self.allow_missing_leads)
        prepared = examination.prepared()
        prepared = replace(
            prepared,
            notes=(*prepared.notes, *self._not_used(prepared)),
            sex=prepared.sex or self.sex,
            age_years=self.age_years if prepared.age_years is None else prepared.age_years,
        )
        cleaned = clean(prepared.signal_mv, self.cleaning)
        described = character(cleaned.signal) if self.with_character else None
        return ReadyEcg(prepared, examination.quality, cleaned.signal, cleaned.scale_mv, described)

    def _not_used(self, recording: Recording) -> list[str]:
        """Sex and age that were given and are not what the file says, in words."""
        said = []
        if self.sex and recording.sex and self.sex != recording.sex:
            said.append(f"sex is {recording.sex} as the file says, not {self.sex} as given")
        # An age in years and one reckoned from a birthday may lie up to a year apart.
        if None not in (self.age_years, recording.age_years) and abs(self.age_years - recording.age_years) > 1:
            said.append(f"age is {recording.age_years:.0f} as the file says, not {self.age_years:.0f} as given")
        return said


def array_recording(ecg: object, *, rate_hz: float) -> Recording:
    """Millivolts in the order of `types.LEADS` as a recording.

    Raises:
        BadRecording: it holds no real numbers, or not 12 rows of them.
    """
    try:
        array = np.asarray(ecg)
    except (TypeError, ValueError):
        array = np.asarray(None)
    if not (isinstance(rate_hz, Real) and 0 < rate_hz < np.inf):
        expected = "a number of samples per second"
        raise BadRecording("array", found=f"a rate of {rate_hz!r:.40}", expected=expected, remedy="give it as rate_hz=500.0")
    expected = f"12 leads by samples in mV, leads in the order {', '.join(LEADS)}"
    if array.dtype.kind not in "fiu":
        kind = type(ecg).__name__ if array.dtype.kind == "O" else f"an array of {array.dtype}"
        raise BadRecording("array", found=kind, expected=expected, remedy="give real numbers, or the path of a file")
    if array.ndim == 2 and len(array) == len(LEADS):
        return Recording(array.astype(np.float32), LEADS, rate_hz, source="array")
    if array.ndim == 2 and array.shape[1] == len(LEADS):
        remedy = "turn it round: ecg.T"
    elif array.ndim == 3:
        remedy = "give one ECG at a time: ecg[0]"
    else:
        remedy = "name other leads by a Recording(signal_mv, leads, rate_hz, source)"
    shown = " x ".join(map(str, array.shape[:8])) or "one number"
    raise BadRecording("array", found=f"an array of {shown}", expected=expected, remedy=remedy)


def in_batches(items: Iterable[Item], prepare: Callable[[Item], Prepared], *, size: int = AT_ONCE) -> Iterator[list[Prepared]]:
    """Items prepared side by side, `size` of them in a batch, in order; no more of them are held at a time."""
    waiting = iter(items)
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        while batch := list(islice(waiting, size)):
            yield list(threads.map(prepare, batch))
