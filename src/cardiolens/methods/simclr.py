"""SimCLR on ECGs: two random views of one ECG come to lie close together, and far from those of the batch's other ECGs.

It knows no MRI; what it learns is what crop, noise and flips leave alone. Views are random in validation, too, since two
equal views would ask nothing; they follow from the keys, which are the same in every validation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from cardiolens.batch import Batch, StepOutput
from cardiolens.methods.ecg_embedding import EcgEmbedding
from cardiolens.methods.global_batch import gathered
from cardiolens.methods.method import ComparingMethod, MethodConfig, require_same_window
from cardiolens.nn.pooling import MeanPoolConfig, PoolingConfig
from cardiolens.nn.projector import Projector, ProjectorConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.signals.contrastive_views import FIRST, SECOND, ContrastiveViewsConfig, two_views, view_keys


@dataclass(frozen=True)
class SimclrConfig(MethodConfig):
    """Settings of SimCLR; the defaults are the paper's, or the published code's where it is silent."""

    encoder: SignalEncoderConfig = field(default_factory=lambda: SignalEncoderConfig(drop_path=0.1, learn_positions=True))
    """The signal encoder."""
    pooling: PoolingConfig = field(default_factory=MeanPoolConfig)
    """From tokens to the ECG's embedding."""
    projector: ProjectorConfig = field(default_factory=ProjectorConfig)
    """From the embedding to the space where views are compared."""
    temperature: float = 0.1
    """What cosine similarities are divided by."""
    views: ContrastiveViewsConfig = field(default_factory=ContrastiveViewsConfig)
    """How the two views of an ECG are made."""

    def __post_init__(self) -> None:
        require_same_window(self.encoder, self.views.augmentation)

    def _build(self) -> Simclr:
        return Simclr(self)


class Simclr(EcgEmbedding, ComparingMethod):
    """Signal encoder and projector with the NT-Xent loss."""

    def __init__(self, config: SimclrConfig) -> None:
        super().__init__(config.encoder, config.pooling, partial(Projector, config.projector))
        self.config = config

    def embed(self, batch: Batch) -> tuple[Float[Tensor, "batch projection"], ...]:
        """Projections of both views."""
        first, second = two_views(batch.ecg, self.config.views, keys=batch.keys)
        return (
            self.project_ecg(first, keys=view_keys(batch.keys, FIRST)),
            self.project_ecg(second, keys=view_keys(batch.keys, SECOND)),
        )

    def compare(self, embeddings: tuple[Float[Tensor, "batch projection"], ...]) -> StepOutput:
        """The NT-Xent loss, and how often the nearest view in the batch is of the same ECG."""
        similarity = view_similarity(*embeddings)
        loss = nt_xent_loss(similarity, temperature=self.config.temperature)
        return StepOutput(loss, {"top1": hit_rate(similarity.detach())})


def view_similarity(
    first: Float[Tensor, "batch projection"], second: Float[Tensor, "batch projection"]
) -> Float[Tensor, "view view"]:
    """Cosines among all first views, then all second ones; minus infinity for a view with itself."""
    with torch.autocast(first.device.type, enabled=False):
        views = normalize(torch.cat([gathered(first), gathered(second)]), dim=1)
        cosine = views @ views.T
    return cosine.masked_fill(torch.eye(len(views), dtype=torch.bool, device=views.device), -torch.inf)


def nt_xent_loss(similarity: Float[Tensor, "view view"], *, temperature: float) -> Float[Tensor, ""]:
    """Cross-entropy of finding each view's partner among all other views of the batch; the mean over both views.

    `similarity` is that of `view_similarity`.

    Source: Chen et al. 2020.
    """
    return cross_entropy(similarity / temperature, _partner(similarity))


def hit_rate(similarity: Float[Tensor, "view view"]) -> Float[Tensor, ""]:
    """How often the nearest other view is the partner."""
    return (similarity.argmax(dim=1) == _partner(similarity)).float().mean()


def _partner(similarity: Float[Tensor, "view view"]) -> Int[Tensor, " view"]:
    """Half of the views are first ones, half second ones, in the same order."""
    num_views = len(similarity)
    return torch.arange(num_views, device=similarity.device).roll(num_views // 2)
