"""An answer for one ECG file, and its JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from io import TextIOBase


@dataclass(frozen=True)
class Risk:
    """Probability of one disease."""

    name: str
    label: str
    probability: float
    """0..1, calibrated on subjects that chose nothing else."""
    prevalence: float
    """Share of subjects with the disease where the model was calibrated."""
    low: float | None = None
    """Lower limit of the estimate at 95 %; None where the model does not know."""
    high: float | None = None


@dataclass(frozen=True)
class PhenotypeValue:
    """One MRI phenotype as predicted from the ECG."""

    column: str
    name: str
    group: str
    value: float
    unit: str
    low_80: float | None = None
    """In 80 of 100 subjects of the calibration the measured value lies from here to `high_80`; None where the model does not
    know."""
    high_80: float | None = None
    low_95: float | None = None
    high_95: float | None = None
    reference_low: float | None = None
    """Measured values of 95 of 100 healthy subjects of the same sex and age lie from here to `reference_high`; None where sex
    or age are not known, or the model knows no such subjects."""
    reference_high: float | None = None
    z_score: float | None = None
    """(value - mean) / standard deviation of these. A predicted value varies less than a measured one, so it is cautious."""


@dataclass(frozen=True)
class Answer:
    """What the model says about one ECG."""

    source: str
    """The file's name; a participant's number in it is shown as a keyed hash."""
    risks: tuple[Risk, ...]
    phenotypes: tuple[PhenotypeValue, ...]
    notes: tuple[str, ...]
    """What was done to the signal before the model saw it, and what was given and not used."""
    model: str
    notice: str
    quality: str = ""
    """The verdict on the ECG: good, or usable with notes."""
    quality_notes: tuple[str, ...] = ()
    """What the verdict rests on, such as noise, a missing lead or a suspected exchange of electrodes."""
    applicability: float | None = None
    """How far the ECG is from those the model learned from, in units of what 99 of 100 of these do not pass; None where the
    model does not know."""
    unlike_in: tuple[str, ...] = ()
    """What it is too far away in, in words."""
    reference_for: str = ""
    """Whose values the reference ranges are, in words; empty where there are none."""
    reference_missing: str = ""
    """Why there are none; empty where there are."""
    learned_from: str = "people"
    """Whom prevalences, intervals and reference ranges speak of: people, or synthetic hearts."""
    recorder_statements: tuple[str, ...] = ()
    """What the machine that recorded the ECG says of it, in its own words; no model reads it."""

    @property
    def applicable(self) -> bool | None:
        """Whether it is within; None where the model does not know."""
        return None if self.applicability is None else self.applicability <= 1

    @property
    def warning(self) -> str:
        """In words, where the model should not have been asked; else empty."""
        if self.applicable is not False:
            return ""
        return (
            f"unlike the ECGs this model learned from in {_listed(self.unlike_in)} ({self.applicability:.1f} times as far as "
            "99 of 100 of them): its answer is a guess"
        )

    def to_json(self) -> dict:
        """Plain values, for a report or a service."""
        return asdict(self) | {"applicable": self.applicable, "warning": self.warning}


@dataclass(frozen=True)
class Refusal:
    """A file that cannot be answered, and why."""

    source: str
    reason: str

    def to_json(self) -> dict:
        """Plain values, for a report or a service."""
        return asdict(self)


def write_json(stream: TextIOBase, answers: Iterable[Answer | Refusal]) -> None:
    """One JSON object per line."""
    for answer in answers:
        print(json.dumps(answer.to_json(), ensure_ascii=False), file=stream)


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1])] * bool(words[:-1]) + list(words[-1:]))
