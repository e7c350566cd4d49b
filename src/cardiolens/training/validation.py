"""A method's numbers over a whole split, in evaluation mode."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from cardiolens.batch import Batch
from cardiolens.methods.method import Method
from cardiolens.training.config import Precision
from cardiolens.training.totals import Totals


@runtime_checkable
class BatchSource(Protocol):
    """Where batches come from: `cohorts.loader.Loader`, or a list of them in a test."""

    def __len__(self) -> int:
        """Batches per epoch."""

    def epoch(self, epoch: int, *, shuffle: bool, start_batch: int = 0) -> Generator[Batch, None, None]:
        """The batches of one epoch from `start_batch` on; the same ones whenever it is asked."""


def validate(
    method: Method, source: BatchSource, *, precision: Precision, stop: Callable[[], bool] = lambda: False
) -> dict[str, float] | None:
    """Mean loss and metrics, and what the method makes of all scores together; None where `stop` asked to give up.

    Every validation looks at the same views in the same order, so its numbers compare over epochs.
    """
    totals, scores, targets, known = Totals(), [], [], []
    was_training = method.training
    method.eval()
    try:
        with closing(source.epoch(0, shuffle=False)) as batches, torch.inference_mode():
            for batch in batches:
                if stop():
                    return None
                with autocast(batch.ecg.device, precision):
                    output = method(batch)
                totals.add(output, num_examples=len(batch))
                scores += [] if output.scores is None else [output.scores]
                targets += [] if batch.target is None else [batch.target]
                known += [] if batch.target_known is None else [batch.target_known]
    finally:
        method.train(was_training)
    return totals.means() | method.validation_metrics(_fetch(scores), _fetch(targets), _fetch(known))


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """A context in which matrix products run in `precision`."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision is Precision.BF16)


def _fetch(parts: list[Tensor]) -> np.ndarray | None:
    if not parts:
        return None
    whole = torch.cat(parts)
    return (whole if whole.dtype == torch.bool else whole.float()).cpu().numpy()
