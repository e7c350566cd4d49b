"""What a training step receives and what it gives back: tensors on the training device.

`keys` carry all randomness of a step. Sample i's crop, noise, mask and drop path follow from `keys[i]` alone
(`keyed_random`), so they depend neither on the batch around it nor on the number of processes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

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

    def __len__(self) -> int:
        return self.ecg.shape[0]

    def to(self, device: torch.device) -> Batch:
        """The same batch on `device`; copies from pinned memory overlap with compute."""
        moved = {f.name: v.to(device, non_blocking=True) for f in fields(self) if (v := getattr(self, f.name)) is not None}
        return replace(self, **moved)

    def rows(self, index: slice) -> Batch:
        """Some rows of the batch, in order: a micro-batch of gradient accumulation."""
        return replace(self, **{f.name: v[index] for f in fields(self) if (v := getattr(self, f.name)) is not None})


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
