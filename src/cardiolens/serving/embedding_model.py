"""A bundle's encoder alone: one vector per ECG, the one that the bundle's own heads read.

Files go in by the same door as a prediction's and are refused for the same reasons; no head answers here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32

from cardiolens.bundles.bundle import CONFIG, WEIGHTS, read_bundle, shipped_bundle_path
from cardiolens.bundles.config import BundleConfig
from cardiolens.bundles.hub import fetch_bundle
from cardiolens.formats.collection import EcgInput
from cardiolens.nn.ecg_model import EcgModel
from cardiolens.serving.answers import Refusal
from cardiolens.serving.intake import Intake, ReadyEcg, in_batches
from cardiolens.training.predict import embed_whole

_BUNDLES_KEPT = 4


@dataclass(frozen=True, eq=False)
class Embedding:
    """What the encoder makes of one ECG."""

    source: str
    """The file's name; a participant's number in it is shown as a keyed hash."""
    vector: Float32[np.ndarray, " width"]
    """Mean over the windows that cover the whole ECG, without a unit."""


def embedding_names(width: int) -> list[str]:
    """The columns of an embedding, in order: in tables of `cardiolens embed` and in what `EcgEmbedder` gives."""
    return [f"embedding_{place}" for place in range(width)]


class EmbeddingModel:
    """Embeddings by one bundle. Numbers do not depend on what else is embedded at the same time."""

    def __init__(self, config: BundleConfig, model: EcgModel) -> None:
        self.config = config
        self.model = model.eval()
        self.name = config.name
        self.notice = f"{config.training_data}. {config.notice}"
        self.width = config.model.encoder.width

    @classmethod
    def from_pretrained(cls, path: Path | str | None = None) -> EmbeddingModel:
        """The encoder of a bundle's folder or name on the hub (`fetch_bundle`); of the shipped bundle where none is named.

        It may be a bundle without heads, of a pre-trained encoder.

        One process reads a bundle once, however many ask for it.

        Raises:
            BadBundle: the folder is no whole bundle.
        """
        path = fetch_bundle(path) if path else shipped_bundle_path()
        try:
            written_ns = (path / CONFIG).stat().st_mtime_ns
        except OSError:  # reading it says why
            written_ns = 0
        return _read(path.absolute(), written_ns)

    @property
    def weights_sha256(self) -> str:
        """What tells embeddings of this model from those of another."""
        return self.config.files[WEIGHTS]

    def intake(self, **settings: Any) -> Intake:
        """How ECGs are taken in for this encoder; `settings` are fields of `Intake`."""
        return Intake(self.config.input.cleaning, **settings)

    def embed(self, ready: Sequence[ReadyEcg]) -> Float32[np.ndarray, "ecg width"]:
        """One row per ECG, in order: the mean over the windows that cover it. Lengths may differ.

        One ECG goes through the encoder at a time: matrix products of another size round otherwise (3e-6), and an embedding
        would depend on what else was asked.
        """
        rows = np.zeros((len(ready), self.width), np.float32)
        with torch.inference_mode():
            for row, item in zip(rows, ready, strict=True):
                ecg, scale_mv = torch.from_numpy(item.ecg)[None], torch.from_numpy(item.scale_mv)[None]
                row[:] = embed_whole(self.model, ecg, scale_mv)[0].numpy()
        return rows

    def embed_inputs(self, inputs: Iterable[EcgInput], intake: Intake) -> Iterator[Embedding | Refusal]:
        """An embedding or a refusal per file, in order, a batch at a time: memory does not grow with the number of files."""
        for batch in in_batches(inputs, intake.file):
            rows = iter(self.embed([item for item in batch if isinstance(item, ReadyEcg)]))
            for item in batch:
                yield Embedding(item.recording.source, next(rows)) if isinstance(item, ReadyEcg) else item


@lru_cache(maxsize=_BUNDLES_KEPT)
def _read(path: Path, written_ns: int) -> EmbeddingModel:
    """`written_ns` makes a bundle that was replaced another one."""
    bundle = read_bundle(path)
    return EmbeddingModel(bundle.config, bundle.model())
