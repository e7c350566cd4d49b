"""CLOCS on ECGs, in its form CMSC: the first and the second half of one ECG come to lie close together.

What it learns is what stays the same in a heart from one moment to the next. The published code compares the two halves
with CLIP's loss; its own loop over leads and patients (CMLC, CMSMLC) is not part of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from jaxtyping import Float
from torch import Tensor

from cardiolens.batch import Batch, StepOutput
from cardiolens.errors import BadOption
from cardiolens.methods.contrastive import clip_loss, hit_rate
from cardiolens.methods.ecg_embedding import EcgEmbedding
from cardiolens.methods.method import ComparingMethod, MethodConfig, require_same_window
from cardiolens.nn.pooling import MeanPoolConfig, PoolingConfig
from cardiolens.nn.projector import Projector, ProjectorConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.signals.contrastive_views import FIRST, SECOND, ContrastiveViewsConfig, change_pair, view_keys


@dataclass(frozen=True)
class ClocsConfig(MethodConfig):
    """Settings of CLOCS; the defaults are the paper's, or the published code's where it is silent."""

    encoder: SignalEncoderConfig = field(default_factory=lambda: SignalEncoderConfig(drop_path=0.1, learn_positions=True))
    """The signal encoder; each half has the length that it reads."""
    pooling: PoolingConfig = field(default_factory=MeanPoolConfig)
    """From tokens to the ECG's embedding."""
    projector: ProjectorConfig = field(default_factory=lambda: ProjectorConfig(hidden=384))
    """From the embedding to the space where halves are compared."""
    temperature: float = 0.1
    """What cosine similarities are divided by."""
    views: ContrastiveViewsConfig = field(default_factory=ContrastiveViewsConfig)
    """How the halves are changed; nothing of them is cropped."""

    def __post_init__(self) -> None:
        require_same_window(self.encoder, self.views.augmentation)

    def _build(self) -> Clocs:
        return Clocs(self)


class Clocs(EcgEmbedding, ComparingMethod):
    """Signal encoder and projector with the CLIP loss between halves."""

    def __init__(self, config: ClocsConfig) -> None:
        super().__init__(config.encoder, config.pooling, partial(Projector, config.projector))
        self.config = config

    def embed(self, batch: Batch) -> tuple[Float[Tensor, "batch projection"], ...]:
        """Projections of both halves."""
        first, second = change_pair(*halves(batch.ecg, self.config.encoder.num_samples), self.config.views, keys=batch.keys)
        return (
            self.project_ecg(first, keys=view_keys(batch.keys, FIRST)),
            self.project_ecg(second, keys=view_keys(batch.keys, SECOND)),
        )

    def compare(self, embeddings: tuple[Float[Tensor, "batch projection"], ...]) -> StepOutput:
        """The CLIP loss, both directions alike, and how often a first half's nearest second half is its own."""
        first_projection, second_projection = embeddings
        loss = clip_loss(first_projection, second_projection, temperature=self.config.temperature, image_weight=0.5)
        return StepOutput(loss, {"top1": hit_rate(first_projection, second_projection)})


def halves(
    ecg: Float[Tensor, "batch lead time"], length: int
) -> tuple[Float[Tensor, "batch lead half"], Float[Tensor, "batch lead half"]]:
    """The first `length` samples and the `length` that follow.

    Raises:
        BadOption: the ECG is shorter than both.
    """
    if ecg.shape[2] < 2 * length:
        raise BadOption(
            "method.encoder.num_samples",
            found=f"{length} samples, twice which an ECG of {ecg.shape[2]} does not hold",
            expected="at most half of the cohort's ECGs",
            remedy="set encoder.num_samples and views.augmentation.crop to half of their length",
        )
    return ecg[:, :, :length], ecg[:, :, length : 2 * length]
