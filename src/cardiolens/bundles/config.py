"""What a bundle says about its model: the input it expects, what each head gives, how well, and where it comes from.

Nothing in here computes a signal; the cleaning named in the input contract is done by `signals`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from cardiolens.bundles.reference import Reference
from cardiolens.nn.ecg_model import EcgModelConfig
from cardiolens.nn.shared_space import SharedSpaceConfig
from cardiolens.notice import NOTICE
from cardiolens.signals.cleaning import CleaningConfig
from cardiolens.tasks import TaskKind
from cardiolens.types import LEADS, RATE_HZ
from cardiolens.uncertainty import LEVELS, RiskMap, ValueBand

SCHEMA_VERSION = 3
SYNTHETIC = "synthetic hearts"


@dataclass(frozen=True)
class InputContract:
    """The ECG that the model expects."""

    leads: tuple[str, ...] = LEADS
    """Rows of the signal, in order."""
    rate_hz: float = RATE_HZ
    """Samples per second."""
    window: int = 2500
    """Samples that the encoder sees at once; an answer is the mean over windows that cover the recording."""
    cleaning: CleaningConfig = field(default_factory=CleaningConfig)
    """How the signal, in mV, is cleaned first."""


@dataclass(frozen=True)
class HeadCard:
    """What one head gives. A classification carries calibration and prevalence, a regression mean and sd, per column."""

    name: str
    """The head's name in the model."""
    kind: TaskKind
    """What its scores are: log odds before calibration, or standardised values."""
    columns: tuple[str, ...]
    """Label columns, one per score."""
    names: tuple[str, ...]
    """One name per column, for people."""
    units: tuple[str, ...]
    """One unit per column; empty for a disease."""
    mean: tuple[float, ...] = ()
    """Regression: the training split's mean, in the unit."""
    sd: tuple[float, ...] = ()
    """Regression: the training split's standard deviation, in the unit."""
    calibration: tuple[RiskMap, ...] = ()
    """Classification: from score to probability."""
    prevalence: tuple[float, ...] = ()
    """Classification: share of positives among the subjects that calibrated it."""
    bands: tuple[ValueBand, ...] = ()
    """Regression: prediction intervals; none for a head that was never calibrated."""
    references: tuple[Reference, ...] = ()
    """Regression: what healthy people of the training cohort have; none where it held too few of either sex."""

    def __post_init__(self) -> None:
        outputs = len(self.columns)
        of_classes, of_values = (self.calibration, self.prevalence), (self.mean, self.sd)
        is_class = self.kind is TaskKind.CLASSIFICATION
        needed, stray = (of_classes, (*of_values, self.bands, self.references)) if is_class else (of_values, of_classes)
        lengths = {len(entries) for entries in (self.names, self.units, *needed, *filter(None, (self.bands, self.references)))}
        if not outputs or any(stray) or lengths != {outputs}:
            raise ValueError(f"head {self.name!r} of {outputs} columns needs one entry per column in every list of its kind")
        if not all(map(math.isfinite, self.mean)) or not all(math.isfinite(sd) and sd > 0 for sd in self.sd):
            raise ValueError(f"head {self.name!r} has a mean or sd that is no scale")
        if not all(0 <= share <= 1 for share in self.prevalence):
            raise ValueError(f"head {self.name!r} has a prevalence outside 0..1")

    def answers(self, scores: Float[np.ndarray, "subject output"]) -> Float[np.ndarray, "subject output"]:
        """Probabilities (classification) or values in the columns' units (regression) from the model's scores."""
        if self.kind is TaskKind.REGRESSION:
            return scores * np.array(self.sd) + np.array(self.mean)
        return np.stack([one.probability(column) for one, column in zip(self.calibration, scores.T, strict=True)], axis=1)

    def limits(
        self, scores: Float[np.ndarray, "subject output"]
    ) -> dict[float, tuple[Float[np.ndarray, "subject output"], Float[np.ndarray, "subject output"]]]:
        """Lower and upper limits by level: of a risk at 95 %, of a value at 80 and 95 %; NaN where the card does not know.

        An interval of a risk is that of the estimate (`RiskMap.interval`), one of a value that of what would be measured.
        """
        unknown = np.full_like(scores, np.nan)
        if self.kind is TaskKind.CLASSIFICATION:
            limits = [one.interval(column) for one, column in zip(self.calibration, scores.T, strict=True)]
            return {0.95: (np.stack([low for low, _ in limits], axis=1), np.stack([high for _, high in limits], axis=1))}
        if not self.bands:
            return dict.fromkeys(LEVELS, (unknown, unknown))
        found = {}
        for level in LEVELS:
            limits = [band.interval(column, level) for band, column in zip(self.bands, self.answers(scores).T, strict=True)]
            found[level] = tuple(np.stack([pair[side] for pair in limits], axis=1) for side in (0, 1))
        return found


@dataclass(frozen=True)
class ApplicabilityCard:
    """How far an ECG may be from those the model learned from; the tensors `applicability.*` say how that is measured."""

    thresholds: dict[str, float]
    """By name of what a distance is taken of: what 99 % of the subjects they were set on do not pass, all together."""
    subjects: int
    """Whom the thresholds were set on."""

    def __post_init__(self) -> None:
        if not self.thresholds or not all(math.isfinite(one) and one > 0 for one in self.thresholds.values()):
            raise ValueError(f"thresholds of applicability of {self.thresholds}")


@dataclass(frozen=True)
class SharedSpaceCard:
    """The space in which ECGs and MRI pictures are compared; its tensors are in a file of their own."""

    space: SharedSpaceConfig
    """Its modules."""
    recall_at_5: float
    """Share of held-out ECGs whose own MRI is among the five most similar."""
    median_rank: float
    """Place of the own MRI in the median, from 1; guessing gives half of `subjects`."""
    subjects: int
    """Held-out subjects among whom it was looked for."""


@dataclass(frozen=True)
class BankCard:
    """The reference bank, whose tensors are in a file of their own."""

    columns: tuple[str, ...]
    """What is known of each heart: age, sex (1 male, 0 female) and phenotypes."""
    hearts: int
    """How many there are."""
    origin: str
    """Whose hearts they are, in words."""


@dataclass(frozen=True)
class Measurement:
    """One figure of merit, with what is needed to judge it."""

    head: str
    """The head measured."""
    column: str
    """The label column, or empty for the mean over the head's columns."""
    metric: str
    """For example `auc` or `r`."""
    value: float
    """The figure."""
    low: float
    """Lower end of its 95 % interval."""
    high: float
    """Upper end of its 95 % interval."""
    subjects: int
    """Subjects measured on."""
    events: int
    """Positives among them; zero for a regression."""
    cohort: str
    """Which subjects, in words."""

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"{self.metric} of {self.head}: {self.value} outside its interval {self.low} to {self.high}")


@dataclass(frozen=True, kw_only=True)
class BundleConfig:
    """Everything about a bundle but its tensors."""

    schema_version: int = SCHEMA_VERSION
    """The layout of this description."""
    name: str
    """The model's name, shown with every answer."""
    training_data: str
    """What it was trained on, in words."""
    model: EcgModelConfig
    """The modules that the tensors fill."""
    heads: tuple[HeadCard, ...]
    """One card per head of the model, in its order."""
    input: InputContract = field(default_factory=InputContract)
    """What it expects."""
    applicability: ApplicabilityCard | None = None
    """When not to answer; None where it was not measured."""
    shared_space: SharedSpaceCard | None = None
    """Where ECGs are compared with MRIs; None for a bundle that answers only."""
    bank: BankCard | None = None
    """Hearts to compare with; needs the shared space."""
    measurements: tuple[Measurement, ...] = ()
    """How well it did, and on whom."""
    provenance: dict[str, str] = field(default_factory=dict)
    """Commands, versions and digests of whatever made it."""
    license: str = "Apache-2.0"
    """The licence of the tensors."""
    notice: str = NOTICE
    """Shown with every answer."""
    files: dict[str, str] = field(default_factory=dict)
    """SHA-256 of every other file, filled in by `write_bundle`."""

    def __post_init__(self) -> None:
        described = [(h.name, len(h.columns), h.kind is TaskKind.CLASSIFICATION) for h in self.heads]
        if described != [(h.name, h.outputs, h.binary) for h in self.model.heads]:
            raise ValueError("head cards that do not describe the model's heads")
        encoder = self.model.encoder
        if (len(self.input.leads), self.input.window) != (encoder.num_leads, encoder.num_samples):
            raise ValueError(f"an input of {len(self.input.leads)} leads by {self.input.window} samples for another encoder")

        if self.bank is not None and self.shared_space is None:
            raise ValueError("a reference bank without the space that it lies in")

    @property
    def subjects(self) -> str:
        """Whose values intervals, prevalences, reference ranges and figures of merit are, in words: no synthetic heart is a
        person, and a bundle says in `training_data` where it learned from any."""
        return SYNTHETIC if "synthetic" in self.training_data.casefold() else "people"

    def head(self, name: str) -> HeadCard:
        """The card of one head."""
        return next(card for card in self.heads if card.name == name)


def upgraded(stored: dict[str, Any]) -> dict[str, Any]:
    """A stored description of any schema version, in the layout of the newest.

    Raises:
        ValueError: a version that this program does not know.
    """
    version = stored.get("schema_version")
    if version not in _UPGRADES:
        known = ", ".join(str(v) for v in _UPGRADES)
        raise ValueError(f"schema version {version!r}, known are {known}")
    return _UPGRADES[version](stored)


def _as_written(stored: dict[str, Any]) -> dict[str, Any]:
    return stored


def _with_less(stored: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had no intervals and no applicability, version 2 no reference ranges, shared space or bank; what they have
    means the same."""
    return stored | {"schema_version": SCHEMA_VERSION}


# One entry per version ever written, for ever. A new version turns the older ones into its own layout here.
_UPGRADES = {1: _with_less, 2: _with_less, 3: _as_written}
