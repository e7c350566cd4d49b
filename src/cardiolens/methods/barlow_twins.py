"""Barlow Twins on ECGs: what one number of an embedding says of a view, it says of the other view, and no other number says.

The loss wants the cross-correlation of the two views' projections to be the identity: equal views, distinct features. There
are neither negatives nor a second network. Correlations are over the ECGs that the batch has; the published code divides by
the batch size of its settings, which makes those of a smaller last batch too small.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from cardiolens.batch import Batch, StepOutput
from cardiolens.configs import refuse_outside
from cardiolens.methods.byol import BatchNormMlp, BatchNormMlpConfig, effective_rank
from cardiolens.methods.ecg_embedding import EcgEmbedding
from cardiolens.methods.global_batch import gathered
from cardiolens.methods.method import MethodConfig, require_same_window
from cardiolens.nn.pooling import MeanPoolConfig, PoolingConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.signals.contrastive_views import FIRST, SECOND, ContrastiveViewsConfig, two_views, view_keys

# As in batch norm, so that a number that is the same for all ECGs has a finite gradient.
_EPSILON = 1e-5


@dataclass(frozen=True)
class BarlowTwinsConfig(MethodConfig):
    """Settings of Barlow Twins; the defaults are the published code's."""

    encoder: SignalEncoderConfig = field(default_factory=lambda: SignalEncoderConfig(drop_path=0.1, learn_positions=True))
    """The signal encoder."""
    pooling: PoolingConfig = field(default_factory=MeanPoolConfig)
    """From tokens to the ECG's embedding."""
    projector: BatchNormMlpConfig = field(default_factory=lambda: BatchNormMlpConfig(hidden=8192, width=8192))
    """From the embedding to the correlated numbers: two layers as published; Zbontar et al. have three (`hidden_layers` 2)."""
    redundancy_weight: float = 5e-3
    """Weight of each squared correlation of two different numbers."""
    views: ContrastiveViewsConfig = field(default_factory=ContrastiveViewsConfig)
    """How the two views of an ECG are made."""

    def __post_init__(self) -> None:
        require_same_window(self.encoder, self.views.augmentation)
        refuse_outside(self, {"redundancy_weight": (self.redundancy_weight >= 0, "0 or more")})

    def _build(self) -> BarlowTwins:
        return BarlowTwins(self)


class BarlowTwins(EcgEmbedding):
    """Signal encoder and projector with the cross-correlation loss."""

    def __init__(self, config: BarlowTwinsConfig) -> None:
        super().__init__(config.encoder, config.pooling, partial(BatchNormMlp, config.projector))
        self.config = config

    def forward(self, batch: Batch) -> StepOutput:
        """The loss, its two parts, and the effective rank of the first views' embeddings."""
        first, second = two_views(batch.ecg, self.config.views, keys=batch.keys)
        embedding = self.embed_ecg(first, keys=view_keys(batch.keys, FIRST))
        loss = barlow_twins_loss(
            self.ecg_projector(embedding).float(),
            self.project_ecg(second, keys=view_keys(batch.keys, SECOND)),
            redundancy_weight=self.config.redundancy_weight,
        )
        parts = {"invariance": loss.invariance.detach(), "redundancy": loss.redundancy.detach()}
        return StepOutput(loss.total, parts | {"embedding_rank": effective_rank(embedding.detach())})


class BarlowTwinsLoss(NamedTuple):
    """The loss and what it is made of."""

    total: Float[Tensor, ""]
    invariance: Float[Tensor, ""]
    """How far each number's correlation with itself in the other view is from one: squares, summed."""
    redundancy: Float[Tensor, ""]
    """Squared correlations of different numbers, summed; not weighted."""


def barlow_twins_loss(
    first: Float[Tensor, "batch projection"], second: Float[Tensor, "batch projection"], *, redundancy_weight: float
) -> BarlowTwinsLoss:
    """The sum over numbers of (1 - correlation)^2 and, weighted, over pairs of different numbers of correlation^2.

    Source: Zbontar et al. 2021.
    """
    with torch.autocast(first.device.type, enabled=False):
        first, second = _standardised(gathered(first)), _standardised(gathered(second))
        num_ecgs = len(first)
        own = (first * second).mean(dim=0)
        # The squares of all correlations sum to this product of two matrices of the batch's size, which are far smaller than
        # the matrix of correlations: 256 x 256 against 8192 x 8192.
        all_squares = ((first @ first.T) * (second @ second.T)).sum() / num_ecgs**2
    invariance, redundancy = (1 - own).square().sum(), all_squares - own.square().sum()
    return BarlowTwinsLoss(invariance + redundancy_weight * redundancy, invariance, redundancy)


def _standardised(projection: Float[Tensor, "batch projection"]) -> Float[Tensor, "batch projection"]:
    centred = projection - projection.mean(dim=0)
    return centred * torch.rsqrt(centred.square().mean(dim=0) + _EPSILON)
