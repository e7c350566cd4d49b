"""What a training step receives and what it gives back: tensors on the training device.

`keys` carry all randomness of a step. Sample i's crop, noise, mask and drop path follow from `keys[i]` alone
(`keyed_random`), so they depend neither on the batch around it nor on the number of processes. Where several processes train
together, each receives its share of a batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Some subjects of a cohort, one row each.

    `ecg` is cleaned and without unit; `ecg_scale` holds the millivolts that cleaning divided each lead group by
    (limb I-III, augmented limb, chest). `cmr` lies in 0..1; where `cmr_known` is false its row is zero.
    `cmr_mask` labels the middle channel of `cmr`: 0 background, 1 LV cavity, 2 myocardium, 3 RV cavity.
    `target` is a class in {0, 1} or a value in the task's unit; where `target_known` is false it is zero.
    """

    ecg: Float[Tensor, "batch lead time"]
    ecg_scale: Float[Tensor, "batch group"]
    keys: Int[Tensor, " batch"]
    cmr: Float[Tensor, "batch channel height width"] | None = None
    cmr_known: Bool[Tensor, " batch"] | None = None
    cmr_mask: Int[Tensor, "batch height width"] | None = None
    cmr_volumes: Float[Tensor, "batch 2 slice rows columns"] | None = None
    cmr_cine: Float[Tensor, "batch phase rows columns"] | None = None
    target: Float[Tensor, "batch output"] | None = None
    target_known: Bool[Tensor, "batch output"] | None = None
    whole: int | None = None
    """Rows that all processes have together, where these are one process's share; None where these are all rows."""

    def __len__(self) -> int:
        return self.ecg.shape[0]

    @property
    def num_together(self) -> int:
        """Rows of all processes."""
        return len(self) if self.whole is None else self.whole

    def to(self, device: torch.device) -> Batch:
        """The same batch on `device`; copies from pinned memory overlap with compute."""
        return replace(self, **{name: tensor.to(device, non_blocking=True) for name, tensor in self.tensors().items()})

    def rows(self, index: slice) -> Batch:
        """Some rows of the batch, in order, as a batch of their own."""
        return replace(self, whole=None, **{name: tensor[index] for name, tensor in self.tensors().items()})

    def tensors(self) -> dict[str, Tensor]:
        """What the batch holds, by name; what it lacks is left out."""
        return {f.name: value for f in fields(self) if isinstance(value := getattr(self, f.name), Tensor)}


@dataclass(frozen=True)
class Share:
    """Which rows of every batch are one process's: of each part that a batch is computed in, a contiguous piece.

    Pieces differ by one row at most. Of fewer rows than processes, every process has all.
    """

    rank: int = 0
    """Which process, from 0."""
    processes: int = 1
    """How many train together."""

    def of(self, rows: int) -> slice:
        """This process's piece of so many rows."""
        if rows < self.processes:
            return slice(0, rows)
        size, rest = divmod(rows, self.processes)
        start = self.rank * size + min(self.rank, rest)
        return slice(start, start + size + (self.rank < rest))

    def sizes(self, rows: int) -> list[int]:
        """How many rows every process has."""
        pieces = [Share(rank, self.processes).of(rows) for rank in range(self.processes)]
        return [piece.stop - piece.start for piece in pieces]

    def places(self, rows: int, *, parts: int = 1) -> Int[np.ndarray, " share"]:
        """Places within a batch of so many rows, computed in `parts`, that are this process's; in order."""
        return np.concatenate([np.arange(rows)[part][self.of(part.stop - part.start)] for part in cut(rows, parts)])

    def pieces(self, batch: Batch, *, parts: int = 1) -> Iterator[Batch]:
        """This process's share of a batch, which `places` picked, part by part."""
        start = 0
        for part in cut(batch.num_together, parts):
            together = part.stop - part.start
            alone = batch.whole is None or together < self.processes
            own = self.of(together)
            stop = start + (together if alone else own.stop - own.start)
            yield replace(batch.rows(slice(start, stop)), whole=None if alone else together)
            start = stop


def cut(rows: int, parts: int) -> list[slice]:
    """So many rows in at most so many parts, of which only the last may be smaller."""
    size = math.ceil(rows / parts)
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]


@dataclass(frozen=True)
class StepOutput:
    """What a method says about one batch.

    `loss` is a scalar mean over the batch. `metrics` are detached scalars for the log. `scores` are the method's
    predictions (classification: logit of the positive class; regression: standardised value), which validation
    gathers over a whole split; methods that predict nothing leave it out.
    """

    loss: Float[Tensor, ""]
    metrics: dict[str, Float[Tensor, ""]] = field(default_factory=dict)
    scores: Float[Tensor, "batch output"] | None = None
