"""The same method with several sets of weights, computed as one: a further axis through every matrix product.

A GPU that waits for its next small kernel then starts as many for all sets as for one. Randomness stays as it is, since it
follows from the keys of each set's own batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.func import functional_call

from cardiolens.batch import Batch, StepOutput
from cardiolens.methods.method import Method
from cardiolens.methods.supervised import SupervisedConfig
from cardiolens.nn.members import under_vmap
from cardiolens.training.config import RunConfig

MAY_DIFFER = (
    "seed", "base_lr", "warmup_epochs", "min_lr", "weight_decay", "betas", "clip_norm", "epochs", "validate_every",
    "patience", "max_delta", "keep", "checkpoint_every_steps", "checkpoint_every_seconds",
)  # fmt: skip
"""Training settings of which each set of weights may have its own: they act beside the computation, or after it."""


def can_step_together(one: RunConfig, other: RunConfig) -> bool:
    """Whether two runs compute alike: fine-tunings of an ECG encoder that differ in `MAY_DIFFER` and in name alone.

    Other methods keep running numbers in their layers, or look at another view in every validation; a compiled step is of one.
    """
    unchanged = {name: getattr(one.training, name) for name in MAY_DIFFER}
    return (
        isinstance(one.method, SupervisedConfig)
        and not one.training.compiled
        and (one.method, one.data) == (other.method, other.data)
        and replace(other.training, **unchanged) == one.training
    )


class Ensemble:
    """Several methods of the same settings, called with a batch for each, or with one for all."""

    def __init__(self, methods: Sequence[Method]) -> None:
        self.methods = methods
        self._weights: dict[str, Tensor] = {}
        if len(methods) > 1:
            states = [dict(method.named_parameters()) | dict(method.named_buffers()) for method in methods]
            self._weights = {name: torch.stack([state[name] for state in states]) for name in states[0]}

    def __call__(self, batches: Sequence[Batch] | Batch) -> list[StepOutput]:
        """What each method says; gradients find their way back to each one's weights."""
        if isinstance(batches, Batch):
            if len(self.methods) == 1:
                return [self.methods[0](batches)]
            shown, axis = batches.tensors(), None
        else:
            each = [batch.tensors() for batch in batches]
            shown, axis = {name: torch.stack([one[name] for one in each]) for name in each[0]}, 0
        with under_vmap():
            loss, metrics, scores = torch.vmap(self._one, in_dims=(0, axis))(self._weights, shown)
        return [
            StepOutput(loss[index], {name: value[index] for name, value in metrics.items()}, scores[index])
            for index in range(len(self.methods))
        ]

    def _one(self, weights: Mapping[str, Tensor], shown: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        output: StepOutput = functional_call(self.methods[0], dict(weights), (Batch(**shown),))
        assert output.scores is not None, "a fine-tuning has scores"
        return output.loss, output.metrics, output.scores
