"""From ECG files to answers: read, put into the input contract, clean as in training, run the model, calibrate.

A file that cannot be used becomes a `Refusal` with its reason; it never stops the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32

from cardiolens.bundles.bundle import APPLICABILITY, Bundle, read_bundle, shipped_bundle_path
from cardiolens.bundles.config import BundleConfig, HeadCard
from cardiolens.errors import BadInput
from cardiolens.evaluation.applicability import NEIGHBOURHOOD_PARTS, Neighbourhood, features_of, remoteness
from cardiolens.formats.collection import EcgInput, list_inputs, read_input
from cardiolens.formats.declaration import NOTHING_DECLARED, Declaration
from cardiolens.imaging.phenotype_table import PHENOTYPES
from cardiolens.nn.ecg_model import EcgModel
from cardiolens.serving.answers import Answer, PhenotypeValue, Refusal, Risk
from cardiolens.signals.cleaning import clean
from cardiolens.signals.contract import examine_recording
from cardiolens.signals.quality import Quality
from cardiolens.tasks import TASKS, TaskKind
from cardiolens.training.predict import embed_and_score
from cardiolens.types import Recording

_AT_ONCE = 64
_GROUPS = {phenotype.column: phenotype.group for phenotype in PHENOTYPES}


@dataclass(frozen=True)
class _Ready:
    """A recording after cleaning."""

    recording: Recording
    quality: Quality
    ecg: Float32[np.ndarray, "lead time"]
    scale_mv: Float32[np.ndarray, " group"]


class Predictor:
    """Answers for ECGs from one bundle. Numbers do not depend on what else is asked at the same time."""

    def __init__(self, config: BundleConfig, model: EcgModel, places: Mapping[str, Neighbourhood] | None = None) -> None:
        self.config = config
        self._places = places
        self.model = model.eval()
        self.notice = f"{config.training_data}. {config.notice}"

    @classmethod
    def from_pretrained(cls, path: Path | None = None) -> Predictor:
        """The predictor of a bundle's folder; of the shipped bundle where none is named.

        Raises:
            BadBundle: the folder is no whole bundle.
        """
        bundle = read_bundle(path or shipped_bundle_path())
        return cls(bundle.config, bundle.model(), stored_places(bundle))

    def predict_files(
        self, paths: Sequence[Path], *, declared: Declaration = NOTHING_DECLARED, allow_missing_leads: bool = False
    ) -> list[Answer | Refusal]:
        """One answer or refusal per file, in order; a folder or a zip stands for the ECG files in it."""
        return list(self.iterate_files(paths, declared=declared, allow_missing_leads=allow_missing_leads))

    def iterate_files(
        self, paths: Iterable[Path], *, declared: Declaration = NOTHING_DECLARED, allow_missing_leads: bool = False
    ) -> Iterator[Answer | Refusal]:
        """As `predict_files`, a batch at a time: memory does not grow with the number of files."""
        ready = partial(self._ready_input, declared=declared, allow_missing_leads=allow_missing_leads)
        waiting = list_inputs(paths)
        with ThreadPoolExecutor(torch.get_num_threads()) as threads:
            while batch := list(islice(waiting, _AT_ONCE)):
                yield from self._answered(list(threads.map(ready, batch)))

    def __call__(self, recording: Recording, *, allow_missing_leads: bool = False) -> Answer:
        """The answer for one recording.

        Raises:
            BadRecording: it does not meet the input contract.
        """
        return self._answered([self._ready(recording, allow_missing_leads)])[0]

    def _ready_input(self, ecg_input: EcgInput, *, declared: Declaration, allow_missing_leads: bool) -> _Ready | Refusal:
        try:
            return self._ready(read_input(ecg_input, declared), allow_missing_leads)
        except BadInput as error:
            return Refusal(error.source, str(error))

    def _ready(self, recording: Recording, allow_missing_leads: bool) -> _Ready:
        examination = examine_recording(recording, allow_missing_leads=allow_missing_leads)
        prepared = examination.prepared()
        cleaned = clean(prepared.signal_mv, self.config.input.cleaning)
        return _Ready(prepared, examination.quality, cleaned.signal, cleaned.scale_mv)

    def _answered(self, batch: list[_Ready | Refusal]) -> list[Answer | Refusal]:
        ready = [item for item in batch if isinstance(item, _Ready)]
        answers = iter([self._answer(*parts) for parts in zip(ready, *self._scores(ready), strict=True)])
        return [next(answers) if isinstance(item, _Ready) else item for item in batch]

    def _scores(self, ready: list[_Ready]) -> tuple[Float32[np.ndarray, "recording output"], Float[np.ndarray, " recording"]]:
        """Scores, and how far each recording is from what the model learned from, in thresholds; NaN where it does not know."""
        scores = np.empty((len(ready), sum(head.outputs for head in self.config.model.heads)), np.float32)
        distance = np.full(len(ready), np.nan)
        lengths = [item.ecg.shape[1] for item in ready]
        for length in set(lengths):
            here = [i for i, found in enumerate(lengths) if found == length]
            ecg, scale_mv = (
                torch.from_numpy(np.stack([getattr(ready[i], part) for i in here])) for part in ("ecg", "scale_mv")
            )
            with torch.inference_mode():
                embedding, found = embed_and_score(self.model, ecg, scale_mv)
            scores[here] = found.numpy()
            if self._places is not None:
                features = features_of(embedding.numpy(), scale_mv.numpy())
                distance[here] = remoteness(self._places, self.config.applicability.thresholds, features)
        return scores, distance

    def _answer(self, item: _Ready, scores: Float32[np.ndarray, " output"], distance: float) -> Answer:
        risks, phenotypes, start = [], [], 0
        for card in self.config.heads:
            own = scores[None, start : start + len(card.columns)].astype(np.float64)
            start += len(card.columns)
            values, limits = card.answers(own)[0], card.limits(own)
            if card.kind is TaskKind.CLASSIFICATION:
                risks += _risks(card, values, limits)
            else:
                phenotypes += _phenotypes(card, values, limits)
        return Answer(
            source=item.recording.source,
            risks=tuple(risks),
            phenotypes=tuple(phenotypes),
            notes=item.recording.notes,
            model=self.config.name,
            notice=self.notice,
            quality=str(item.quality.verdict),
            quality_notes=item.quality.notes,
            applicability=_known(distance),
            applicable=None if np.isnan(distance) else bool(distance <= 1),
        )


def stored_places(bundle: Bundle) -> dict[str, Neighbourhood] | None:
    """Where the bundle's training subjects lie, by what is looked at; None for a bundle that does not know."""
    if bundle.config.applicability is None:
        return None
    return {
        name: Neighbourhood(*(bundle.state[f"{APPLICABILITY}{name}.{part}"].double().numpy() for part in NEIGHBOURHOOD_PARTS))
        for name in bundle.config.applicability.thresholds
    }


_Limits = dict[float, tuple[np.ndarray, np.ndarray]]


def _risks(card: HeadCard, probabilities: np.ndarray, limits: _Limits) -> list[Risk]:
    low, high = limits[0.95]
    return [
        Risk(
            column, TASKS[column].names[0] if column in TASKS else name, float(probability), prevalence,
            _known(low[0, k]), _known(high[0, k]),
        )
        for k, (column, name, probability, prevalence) in enumerate(
            zip(card.columns, card.names, probabilities, card.prevalence, strict=True)
        )
    ]  # fmt: skip


def _phenotypes(card: HeadCard, values: np.ndarray, limits: _Limits) -> list[PhenotypeValue]:
    reach = [side[0] for level in (0.80, 0.95) for side in limits[level]]
    return [
        PhenotypeValue(column, name, _GROUPS.get(column, ""), float(value), unit, *(_known(side[k]) for side in reach))
        for k, (column, name, unit, value) in enumerate(zip(card.columns, card.names, card.units, values, strict=True))
    ]


def _known(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
