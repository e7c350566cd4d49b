"""Batches and encoders of the smallest sizes that could go wrong."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from cardiolens.batch import Batch, StepOutput
from cardiolens.keyed_random import sample_keys
from cardiolens.methods.method import Method
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.signals.augmentation import EcgAugmentationConfig


@pytest.fixture
def encoder() -> SignalEncoderConfig:
    """Three leads of 40 samples in patches of 10."""
    return SignalEncoderConfig(num_leads=3, num_samples=40, patch=10, width=16, depth=2, heads=2)


@pytest.fixture
def strong() -> EcgAugmentationConfig:
    """Every augmentation, on a crop of 40."""
    return EcgAugmentationConfig(crop=40, surrogate_probability=1.0)


@pytest.fixture
def none() -> EcgAugmentationConfig:
    """The crop alone."""
    return EcgAugmentationConfig(crop=40, surrogate=0.0, jitter=0.0, rescale=0.0)


@pytest.fixture
def make_batch() -> Callable[..., Batch]:
    """Smooth random ECGs of 60 samples with pictures, and any labels."""

    def make(count: int, *, target: list | None = None, known: list | None = None) -> Batch:
        draw = torch.Generator().manual_seed(3)
        return Batch(
            ecg=torch.randn(count, 3, 60, generator=draw).cumsum(dim=2) / 4,
            ecg_scale=torch.ones(count, 3),
            keys=torch.from_numpy(sample_keys(seed=0, epoch=0, rows=np.arange(count))),
            cmr=torch.rand(count, 3, 32, 32, generator=draw),
            cmr_known=torch.ones(count, dtype=torch.bool),
            target=None if target is None else torch.tensor(target, dtype=torch.float32),
            target_known=None if known is None else torch.tensor(known),
        )

    return make


@pytest.fixture
def losses_of_fitting() -> Callable[[Method, Batch, int], list[float]]:
    """The losses over some steps of AdamW on one batch, in training mode with the same keys."""

    def fit(method: Method, batch: Batch, steps: int) -> list[float]:
        groups = [{"params": g.params, "weight_decay": g.weight_decay} for g in method.parameter_groups(0.0)]
        optimiser = torch.optim.AdamW(groups, lr=5e-3)
        losses = []
        for _ in range(steps):
            optimiser.zero_grad()
            output: StepOutput = method(batch)
            output.loss.backward()
            optimiser.step()
            losses.append(output.loss.item())
        return losses

    return fit
