"""From ECGs to answers with one bundle: taken in, run through the model in batches, calibrated.

A file that cannot be used becomes a `Refusal` with its reason; it never stops the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32

from cardiolens.bundles.bundle import APPLICABILITY, Bundle
from cardiolens.bundles.config import BundleConfig
from cardiolens.bundles.hub import answering_bundle
from cardiolens.evaluation.applicability import (
    LEAD_RELATIONS,
    NEIGHBOURHOOD_PARTS,
    POINTS,
    WAVES,
    Neighbourhood,
    features_of,
    remoteness,
)
from cardiolens.formats.collection import list_inputs
from cardiolens.nn.ecg_model import EcgModel
from cardiolens.serving.answers import Answer, Refusal
from cardiolens.serving.assembly import assemble
from cardiolens.serving.intake import Ecg, Intake, ReadyEcg, in_batches
from cardiolens.training.predict import embed_and_score
from cardiolens.types import RATE_HZ


@dataclass(frozen=True, eq=False)
class Scored:
    """What the model made of one ECG."""

    scores: Float32[np.ndarray, " output"]
    """In the order of the heads: log odds, or standardised values."""
    embedding: Float32[np.ndarray, " width"]
    """What the heads read."""
    distances: Mapping[str, float]
    """From what the model learned from, in thresholds, by what is compared; empty where the model does not know."""


class Predictor:
    """Answers for ECGs from one bundle. Numbers do not depend on what else is asked at the same time."""

    def __init__(
        self, config: BundleConfig, model: EcgModel, places: Mapping[str, Neighbourhood] = MappingProxyType({})
    ) -> None:
        self.config = config
        self._places = places
        self.model = model.eval()
        self.notice = f"{config.training_data}. {config.notice}"

    @classmethod
    def from_pretrained(cls, path: Path | str | None = None) -> Predictor:
        """The predictor of a bundle's folder or name on the hub (`fetch_bundle`); of the shipped bundle where none is named.

        Raises:
            BadBundle: the folder is no whole bundle, cannot be fetched, or has no heads.
        """
        return cls.of_bundle(answering_bundle(path))

    @classmethod
    def of_bundle(cls, bundle: Bundle) -> Predictor:
        """The predictor of a bundle in memory."""
        return cls(bundle.config, bundle.model(), stored_places(bundle))

    def intake(self, **settings: Any) -> Intake:
        """How this model's ECGs are taken in; `settings` are fields of `Intake`."""
        described = bool({WAVES, LEAD_RELATIONS} & self._places.keys())
        return Intake(self.config.input.cleaning, with_character=described, **settings)

    def predict_files(self, paths: Path | str | Sequence[Path | str], **settings: Any) -> list[Answer | Refusal]:
        """One answer or refusal per file, in order; a folder or a zip stands for the ECG files in it.

        `settings` are fields of `Intake`: declared, sex, age_years, allow_missing_leads.
        """
        return list(self.iterate_files(paths, **settings))

    def iterate_files(self, paths: Path | str | Iterable[Path | str], **settings: Any) -> Iterator[Answer | Refusal]:
        """As `predict_files`, a batch at a time: memory does not grow with the number of files."""
        listed = [paths] if isinstance(paths, Path | str) else paths
        for batch in in_batches(list_inputs(map(Path, listed)), self.intake(**settings).file):
            yield from self.answer(batch)

    def __call__(self, ecg: Ecg, *, rate_hz: float = RATE_HZ, **settings: Any) -> Answer:
        """The answer for one ECG: a file of any known format, a recording, or an array in millivolts, leads in the order of
        `types.LEADS`, at `rate_hz`.

        `settings` are fields of `Intake`; `sex` ("F" or "M") and `age_years` choose the reference ranges where the file does
        not say them, and no model reads them.

        Raises:
            UnknownFormat, BadRecording: the file cannot be read, or the ECG does not meet the input contract.
        """
        return self.answer([self.intake(**settings).any(ecg, rate_hz=rate_hz)])[0]

    def answer(self, batch: Sequence[ReadyEcg | Refusal]) -> list[Answer | Refusal]:
        """One answer per ECG, in order; refusals stay what they are."""
        return [self.assembled(item, self.score(item)) if isinstance(item, ReadyEcg) else item for item in batch]

    def assembled(self, item: ReadyEcg, scored: Scored) -> Answer:
        """The answer for an ECG of which the model has made `scored`."""
        return assemble(self.config, item, scored.scores, scored.distances, self.notice)

    def score(self, item: ReadyEcg) -> Scored:
        """What the model makes of one ECG.

        One goes through the model at a time: matrix products of another size round otherwise, and a number would depend on what
        else was asked. On a processor that costs nothing, since `nn.linear` cuts a single sample into parts.
        """
        ecg, scale_mv = torch.from_numpy(item.ecg)[None], torch.from_numpy(item.scale_mv)[None]
        with torch.inference_mode():
            embedding, scores = (part.numpy() for part in embed_and_score(self.model, ecg, scale_mv))
        distances = {}
        if self._places:
            characters = [item.character] if item.character is not None else []
            features = features_of(embedding, item.scale_mv[None], characters)
            ratios = remoteness(self._places, self.config.applicability.thresholds, features)
            distances = {name: float(of[0]) for name, of in ratios.items() if np.isfinite(of[0])}
        return Scored(scores[0], embedding[0], distances)


def stored_places(bundle: Bundle) -> dict[str, Neighbourhood]:
    """Where the bundle's training subjects lie, by what is compared; empty for a bundle that does not know."""
    if bundle.config.applicability is None:
        return {}

    def part(name: str, of: str) -> np.ndarray | None:
        tensor = bundle.state.get(f"{APPLICABILITY}{name}.{of}")
        return None if tensor is None else tensor.double().numpy()

    parts = (*NEIGHBOURHOOD_PARTS, POINTS)
    return {name: Neighbourhood(*(part(name, of) for of in parts)) for name in bundle.config.applicability.thresholds}
