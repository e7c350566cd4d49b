"""The learning rate over time, and AdamW over a method's parameter groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from cardiolens.methods.method import ParameterGroup


@dataclass(frozen=True)
class ScheduleConfig:
    """Linear warm-up from 0, then half a cosine down to `min_lr`."""

    base_lr: float
    """The highest learning rate."""
    epochs: float
    """When `min_lr` is reached."""
    warmup_epochs: float = 0.0
    """When `base_lr` is reached."""
    min_lr: float = 0.0
    """The learning rate at the end."""


def learning_rate(config: ScheduleConfig, epoch: float) -> float:
    """The learning rate at a time counted in epochs; fractions of an epoch count, so that it changes every iteration.

    Source: the published pre-training and fine-tuning (He et al. 2022); the first iteration runs at rate 0.
    """
    if epoch < config.warmup_epochs:
        return config.base_lr * epoch / config.warmup_epochs
    decay_epochs = config.epochs - config.warmup_epochs
    progress = (epoch - config.warmup_epochs) / decay_epochs if decay_epochs else 1.0
    return config.min_lr + (config.base_lr - config.min_lr) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def build_optimiser(groups: Sequence[ParameterGroup], *, betas: tuple[float, float]) -> torch.optim.AdamW:
    """AdamW with one group per parameter group; its rates are 0 until `set_learning_rate`.

    One fused kernel per group updates all its weights: on a CPU 4 to 6 times faster than the other implementations.
    """
    return torch.optim.AdamW(
        [
            {"params": list(group.params), "weight_decay": group.weight_decay, "lr_scale": group.lr_scale, "name": group.name}
            for group in groups
        ],
        lr=0.0,
        betas=betas,
        fused=True,
    )


def set_learning_rate(optimiser: torch.optim.Optimizer, lr: float) -> None:
    """Give every group its share `lr_scale` of `lr`: layer-wise decay is a property of the method's groups."""
    for group in optimiser.param_groups:
        group["lr"] = lr * group["lr_scale"]
