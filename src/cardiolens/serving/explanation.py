"""What carries an answer: the leads and waves of the ECG, hearts that resemble it, and, where there is one, places of its MRI.

Leads and waves are found by taking them away: a stretch of every beat in one lead is drawn as a straight line, and the answer
is asked again (occlusion, Zeiler & Fergus 2014). Integrated gradients were tried first and left: along the line from a smaller
ECG these models jump, and rules with other points gave other shares (docs/decisions/0009-serving.md).
It tells what the model used, not what causes what in a heart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8

from cardiolens.bundles.bank import ReferenceBank
from cardiolens.bundles.bundle import Bundle
from cardiolens.bundles.config import HeadCard
from cardiolens.errors import BadOption
from cardiolens.imaging.augmentation import resize_image
from cardiolens.nn.ecg_model import EcgModel
from cardiolens.nn.shared_space import SharedSpace
from cardiolens.serving.answers import Answer
from cardiolens.serving.intake import ReadyEcg
from cardiolens.serving.predictor import Predictor
from cardiolens.signals.beat_stretches import NOWHERE, NUM_STRETCHES, beat_stretches, flattened
from cardiolens.tasks import TaskKind
from cardiolens.training.predict import embed_and_score
from cardiolens.types import RATE_HZ

LOOKALIKES = 5
_AT_ONCE = 8
"""Changed ECGs in one pass."""


@dataclass(frozen=True)
class Target:
    """What is explained."""

    column: str
    name: str
    unit: str
    """Of attributions: the phenotype's, or "log odds"."""
    place: int
    """Among the model's scores."""
    per_score: float
    """Units per unit of the score."""
    at_zero: float
    """The answer for a score of zero."""

    @property
    def unit_of_shares(self) -> str:
        """Of what parts add: a share of an LVEF is percentage points, not percent of it."""
        return "percentage points" if self.unit == "%" else self.unit


@dataclass(frozen=True, eq=False)
class Saliency:
    """What an answer owes to parts of the ECG: how much lower it would be without them, in its own unit."""

    target: Target
    answer: float
    """In the target's unit, as the answer tells it; of a risk its calibrated log odds."""
    of_waves: Float[np.ndarray, "12 stretch"]
    """Of a stretch of every beat in one lead; `signals.beat_stretches.STRETCHES_MS` says where they are."""
    of_leads: Float[np.ndarray, " 12"]
    """Of all stretches of a lead at once."""
    of_voltage: float | None
    """Of the voltage, against an ordinary one; None for a model that does not read it."""


@dataclass(frozen=True, eq=False)
class LookAlike:
    """One heart of the bundle's bank."""

    name: str
    cosine: float
    picture: UInt8[np.ndarray, "3 height width"]
    values: dict[str, float]
    """By column, where known."""


@dataclass(frozen=True, eq=False)
class PlacesMap:
    """Where an MRI resembles the ECG."""

    picture: UInt8[np.ndarray, "3 height width"]
    cosines: Float[np.ndarray, "row column"]


@dataclass(frozen=True, eq=False)
class Explanation:
    """All of it for one ECG."""

    answer: Answer
    ecg: ReadyEcg
    saliency: Saliency
    lookalikes: tuple[LookAlike, ...]
    """Most similar first; empty for a bundle without bank."""
    places: PlacesMap | None
    """Where an MRI was given."""


class Explainer:
    """Explains answers of one bundle."""

    def __init__(self, bundle: Bundle) -> None:
        self.predictor = Predictor.of_bundle(bundle)
        self.bundle, self.config = bundle, bundle.config
        self._space, self._bank = bundle.shared_space(), bundle.bank()

    def warm_up(self) -> None:
        """Answer one made-up ECG, so that the first person does not wait for compilers and imports."""
        seconds = np.arange(0, 10, 1 / RATE_HZ)
        wave = np.exp(-(((seconds % 0.9) - 0.4) ** 2) / 0.0004)
        # Limb leads that obey Einthoven and Goldberger, chest leads of their own height.
        of_leads = np.array([1.0, 1.2, 0.2, -1.1, 0.4, 0.7, -0.8, -0.5, 0.3, 1.1, 1.2, 0.9])
        ecg = self.predictor.intake().any((of_leads[:, None] * wave).astype(np.float32))
        self.explain(ecg, targets(self.config.heads)[0])

    def target(self, name: str) -> Target:
        """By column (`lvef_percent`, `cad`) or name (LVEF, "Coronary artery disease"), in any case.

        Raises:
            BadOption: the bundle does not predict it.
        """
        known = targets(self.config.heads)
        for target in known:
            if name.casefold() in (target.column.casefold(), target.name.casefold()):
                return target
        raise BadOption(
            "--for", found=name, expected="something that the bundle predicts",
            remedy=f"choose one of {', '.join(one.name for one in known[:14])}, ...",
        )  # fmt: skip

    def explain(
        self, ecg: ReadyEcg, target: Target, *, picture: UInt8[np.ndarray, "3 height width"] | None = None
    ) -> Explanation:
        """`picture` is an MRI of the same person: end-systole, mid, end-diastole, cut to the heart.

        Raises:
            BadOption: a picture is given and the bundle has no space to compare it in.
        """
        scored = self.predictor.score(ecg)
        if picture is not None and self._space is None:
            raise BadOption(
                "--mri", found="a bundle that compares no MRIs", expected="one with a shared space",
                remedy="name a bundle that was made with --contrastive",
            )  # fmt: skip
        alike, places = (), None
        if self._space is not None:
            with torch.inference_mode():
                projection = self._space.of_ecgs(torch.from_numpy(scored.embedding)[None])
            if self._bank is not None:
                alike = look_alikes(self._bank, projection.numpy())
            if picture is not None:
                places = _places(self._space, projection, picture)
        return Explanation(
            self.predictor.assembled(ecg, scored), ecg, saliency(self.predictor.model, ecg, target), alike, places
        )


def targets(heads: Sequence[HeadCard]) -> list[Target]:
    """Everything that a bundle predicts, in the order of its scores."""
    found = []
    for card in heads:
        regression = card.kind is TaskKind.REGRESSION
        for k, (column, name, unit) in enumerate(zip(card.columns, card.names, card.units, strict=True)):
            if regression:
                scale = card.sd[k], card.mean[k]
            else:
                # Those that the risk is told from: of a score that says little, calibration leaves little.
                unit, scale = "log odds", (card.calibration[k].slope, card.calibration[k].intercept)
            found.append(Target(column, name, unit, len(found), *scale))
    return found


def saliency(model: EcgModel, ecg: ReadyEcg, target: Target) -> Saliency:
    """The answer against those without each stretch of the beats, each lead and the voltage."""
    from captum.attr import FeatureAblation

    signal, scale_mv = torch.from_numpy(ecg.ecg)[None], torch.from_numpy(ecg.scale_mv)[None]

    def score(signal: torch.Tensor, scale_mv: torch.Tensor = scale_mv) -> torch.Tensor:
        found = embed_and_score(model, signal, scale_mv.expand(len(signal), -1))[1][:, target.place]
        return found * target.per_score + target.at_zero

    stretches = beat_stretches(ecg.recording.signal_mv, rate_hz=ecg.recording.rate_hz)
    flat = torch.from_numpy(flattened(ecg.ecg, stretches))[None]
    # What belongs to no stretch is one feature of all leads, for captum must have one, and is never looked at.
    each = np.arange(12)[:, None] * NUM_STRETCHES + stretches + 1
    waves = torch.from_numpy(np.where(stretches == NOWHERE, 0, each))[None]
    with torch.inference_mode():
        ablation, answer = FeatureAblation(score), float(score(signal))
        by_wave = ablation.attribute(signal, flat, feature_mask=waves, perturbations_per_eval=_AT_ONCE)[0]
        leads = torch.stack([torch.where(torch.arange(12)[:, None] == lead, flat[0], signal[0]) for lead in range(12)])
        of_leads = answer - torch.cat([score(part) for part in leads.split(_AT_ONCE)])
        of_voltage = None
        if model.config.scale_input:
            of_voltage = answer - float(score(signal, torch.exp(model.scale_input.log_mean)[None]))
    # Every sample of a stretch bears the stretch's whole share.
    of_waves = [[_shared(by_wave[lead], stretches == k) for k in range(NUM_STRETCHES)] for lead in range(12)]
    return Saliency(target, answer, np.array(of_waves), of_leads.double().numpy(), of_voltage)


def _shared(attribution: Float[torch.Tensor, " time"], here: Bool[np.ndarray, " time"]) -> float:
    return float(attribution[torch.from_numpy(here)][0]) if here.any() else 0.0


def look_alikes(
    bank: ReferenceBank, projection: Float[np.ndarray, "1 projection"], *, count: int = LOOKALIKES
) -> tuple[LookAlike, ...]:
    """The hearts of a bank whose MRIs lie nearest to an ECG."""
    rows, cosines = bank.nearest(projection, count=count)
    return tuple(
        LookAlike(bank.names[row], float(cosine), bank.pictures[row], _known(bank, row))
        for row, cosine in zip(rows[0].tolist(), cosines[0], strict=True)
    )


def _known(bank: ReferenceBank, row: int) -> dict[str, float]:
    return {name: float(value) for name, value in zip(bank.columns, bank.values[row], strict=True) if np.isfinite(value)}


def _places(
    space: SharedSpace, projection: Float[torch.Tensor, "1 projection"], picture: UInt8[np.ndarray, "3 height width"]
) -> PlacesMap:
    cmr = resize_image(torch.from_numpy(np.array(picture))[None].float() / 255, space.config.picture_size)
    with torch.inference_mode():
        cosines = space.of_places(cmr)[0] @ projection[0]
    return PlacesMap(picture, cosines.numpy())
