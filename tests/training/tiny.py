"""A method, batches and a run that are small enough to stop and resume at every step."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from cardiolens.batch import Batch, StepOutput
from cardiolens.keyed_random import normal, sample_keys
from cardiolens.methods.method import Method, MethodConfig, ParameterGroup, Selection
from cardiolens.training.config import RunConfig, TrainingConfig
from cardiolens.training.run import Run

NUM_EXAMPLES, NUM_LEADS, NUM_SAMPLES = 14, 2, 6


@dataclass(frozen=True)
class TinyConfig(MethodConfig):
    """A linear model with everything that a checkpoint must hold: buffers, layer rates, a layer that draws by itself."""

    noise: float = 0.1

    def _build(self) -> Tiny:
        return Tiny(self)


class Tiny(Method):
    """Predicts the mean of an ECG."""

    def __init__(self, config: TinyConfig) -> None:
        super().__init__()
        self.config = config
        self.ecg_encoder = nn.Linear(NUM_LEADS * NUM_SAMPLES, 3)
        self.normed = nn.BatchNorm1d(3)
        self.dropped = nn.Dropout(0.25)
        self.head = nn.Linear(3, 1)

    @property
    def selects_by(self) -> Selection:
        return Selection("error", higher_is_better=False)

    def forward(self, batch: Batch) -> StepOutput:
        ecg = batch.ecg
        if self.training:
            ecg = ecg + self.config.noise * normal(batch.keys, "noise", NUM_LEADS, NUM_SAMPLES)
        features = self.normed(self.ecg_encoder(ecg.flatten(1)))
        scores = self.head(self.dropped(features)).float()
        loss = (scores - batch.target).square().mean()
        return StepOutput(loss, {"score": scores.detach().mean()}, scores.detach())

    def parameter_groups(self, weight_decay: float) -> list[ParameterGroup]:
        encoder = (*self.ecg_encoder.parameters(), *self.normed.parameters())
        return [
            ParameterGroup(encoder, 0.5, weight_decay, "encoder"),
            ParameterGroup(tuple(self.head.parameters()), 1.0, 0.0, "head"),
        ]

    def validation_metrics(self, scores, target, known) -> dict[str, float]:
        return {"error": float(np.abs(scores - target).mean())}


class TinyBatches:
    """`NUM_EXAMPLES` examples in batches of four; `before` is called with (epoch, batch) before each is handed out."""

    def __init__(self, *, seed: int = 0, batch_size: int = 4, before: Callable[[int, int], None] = lambda epoch, batch: None):
        generator = torch.Generator().manual_seed(seed)
        self._ecg = torch.randn(NUM_EXAMPLES, NUM_LEADS, NUM_SAMPLES, generator=generator)
        self._batch_size, self._before = batch_size, before

    def __len__(self) -> int:
        return -(-NUM_EXAMPLES // self._batch_size)

    def epoch(self, epoch: int, *, shuffle: bool, start_batch: int = 0) -> Generator[Batch, None, None]:
        order = np.random.default_rng(epoch).permutation(NUM_EXAMPLES) if shuffle else np.arange(NUM_EXAMPLES)
        for k in range(start_batch, len(self)):
            self._before(epoch, k)
            yield self._batch(epoch, order[k * self._batch_size : (k + 1) * self._batch_size])

    def _batch(self, epoch: int, rows: np.ndarray) -> Batch:
        ecg: Tensor = self._ecg[torch.from_numpy(rows)]
        return Batch(
            ecg=ecg,
            ecg_scale=torch.ones(len(rows), 3),
            keys=torch.from_numpy(sample_keys(seed=1, epoch=epoch, rows=rows)),
            target=ecg.mean(dim=(1, 2))[:, None],
            target_known=torch.ones(len(rows), 1, dtype=torch.bool),
        )


def training_config(**changes) -> TrainingConfig:
    settings = {"epochs": 3, "batch_size": 4, "base_lr": 0.05, "warmup_epochs": 0.5, "weight_decay": 0.1, "clip_norm": 1.0}
    return TrainingConfig(**(settings | {"checkpoint_every_seconds": 1e9} | changes))


def start_run(folder: Path, **changes) -> Run:
    config = RunConfig(name="tiny", method=TinyConfig(), training=training_config(**changes))
    return Run.start_or_resume(folder, config, cohort="a cohort")
