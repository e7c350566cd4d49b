"""The numbers of a method, or of several alike, over a whole split, in evaluation mode."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from cardiolens.batch import Batch
from cardiolens.methods.global_batch import gathered, shared
from cardiolens.methods.method import Method
from cardiolens.training.config import Precision
from cardiolens.training.distributed import averaged
from cardiolens.training.ensemble import Ensemble
from cardiolens.training.totals import Totals


@runtime_checkable
class BatchSource(Protocol):
    """Where batches come from: `cohorts.loader.Loader`, or a list of them in a test."""

    def __len__(self) -> int:
        """Batches per epoch."""

    def epoch(self, epoch: int, *, shuffle: bool, start_batch: int = 0) -> Generator[Batch, None, None]:
        """The batches of one epoch from `start_batch` on; the same ones whenever it is asked."""


def validate_all(
    methods: Sequence[Method], source: BatchSource, *, precision: Precision, stop: Callable[[], bool] = lambda: False
) -> list[dict[str, float]] | None:
    """Each method's mean loss and metrics, and what it makes of all scores together; None where `stop` asked to give up.

    Every validation looks at the same views in the same order, so its numbers compare over epochs.
    """
    totals: list[Totals] = [Totals() for _ in methods]
    scores: list[list[Tensor]] = [[] for _ in methods]
    targets, known = [], []
    was_training = [method.training for method in methods]
    for method in methods:
        method.eval()
    try:
        with closing(source.epoch(0, shuffle=False)) as batches, torch.inference_mode():
            ensemble = Ensemble(methods)
            for batch in batches:
                if stop():
                    return None
                with shared(batch):
                    with autocast(batch.ecg.device, precision):
                        outputs = ensemble(batch)
                    for its_scores, output in zip(scores, outputs, strict=True):
                        its_scores += [] if output.scores is None else [gathered(output.scores)]
                    targets += [] if batch.target is None else [gathered(batch.target)]
                    known += [] if batch.target_known is None else [gathered(batch.target_known)]
                for its_totals, output in zip(totals, outputs, strict=True):
                    its_totals.add(averaged(output), num_examples=batch.num_together)
    finally:
        for method, before in zip(methods, was_training, strict=True):
            method.train(before)
    target, target_known = _fetch(targets), _fetch(known)
    return [
        its_totals.means() | method.validation_metrics(_fetch(its_scores), target, target_known)
        for method, its_totals, its_scores in zip(methods, totals, scores, strict=True)
    ]


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """A context in which matrix products run in `precision`."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision is Precision.BF16)


def _fetch(parts: list[Tensor]) -> np.ndarray | None:
    if not parts:
        return None
    whole = torch.cat(parts)
    return (whole if whole.dtype == torch.bool else whole.float()).cpu().numpy()
