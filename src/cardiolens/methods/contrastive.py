"""Multimodal contrastive learning: an ECG and the MRI of the same heart come to lie close together.

The loss is CLIP's with a fixed temperature, weighted between its two directions. There is no queue and no memory: the
negatives of a pair are the other subjects of its batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import torch
from einops import einsum, rearrange
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy, interpolate, normalize

from cardiolens.batch import Batch, StepOutput
from cardiolens.imaging.augmentation import ImageAugmentationConfig, augment_image, resize_image
from cardiolens.methods.ecg_embedding import EcgEmbedding
from cardiolens.methods.global_batch import gathered
from cardiolens.methods.method import ComparingMethod, MethodConfig, require_same_window
from cardiolens.nn.image_encoder import ImageEncoder, ImageEncoderConfig
from cardiolens.nn.pooling import MeanPoolConfig, PoolingConfig
from cardiolens.nn.projector import Projector, ProjectorConfig
from cardiolens.nn.shared_space import places
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.signals.augmentation import EcgAugmentationConfig, augment, first_window


@dataclass(frozen=True)
class ContrastiveConfig(MethodConfig):
    """Settings of contrastive learning; the defaults are the paper's, or the published code's where it is silent."""

    encoder: SignalEncoderConfig = field(default_factory=lambda: SignalEncoderConfig(drop_path=0.1, learn_positions=True))
    """The signal encoder."""
    pooling: PoolingConfig = field(default_factory=MeanPoolConfig)
    """From ECG tokens to the ECG's embedding."""
    image_encoder: ImageEncoderConfig = field(default_factory=ImageEncoderConfig)
    """The image encoder."""
    projector: ProjectorConfig = field(default_factory=ProjectorConfig)
    """From either embedding to the common space."""
    temperature: float = 0.1
    """What cosine similarities are divided by."""
    image_weight: float = 0.75
    """The paper's lambda: weight of finding the image's ECG; finding the ECG's image has the rest."""
    augmentation: EcgAugmentationConfig = field(
        default_factory=lambda: EcgAugmentationConfig(probability=0.95, surrogate_probability=1.0)
    )
    """Crop and augmentation of the ECG in training; every changed ECG gets a Fourier surrogate, unlike in pre-training."""
    image_augmentation: ImageAugmentationConfig = field(default_factory=ImageAugmentationConfig)
    """Augmentation of the image in training."""

    def __post_init__(self) -> None:
        require_same_window(self.encoder, self.augmentation)

    @property
    def needs_images(self) -> bool:
        """Always: the loss compares pairs."""
        return True

    def _build(self) -> Contrastive:
        return Contrastive(self)


class Contrastive(EcgEmbedding, ComparingMethod):
    """Signal and image encoder, each with its projector, and the CLIP loss."""

    def __init__(self, config: ContrastiveConfig) -> None:
        super().__init__(config.encoder, config.pooling, partial(Projector, config.projector))
        self.config = config
        self.image_encoder = ImageEncoder(config.image_encoder)
        self.image_projector = Projector(config.projector, config.image_encoder.features)

    def embed(self, batch: Batch) -> tuple[Float[Tensor, "batch projection"], ...]:
        """Projections of ECG and image. Every row needs its MRI."""
        assert batch.cmr is not None, "the loader was not asked for images"
        ecg, cmr = self._views(batch)
        return self.project_ecg(ecg, keys=batch.keys), self.project_image(cmr)

    def compare(self, embeddings: tuple[Float[Tensor, "batch projection"], ...]) -> StepOutput:
        """The CLIP loss, and how often the nearest of the other kind is the right one."""
        ecg_projection, image_projection = embeddings
        loss = clip_loss(
            image_projection,
            ecg_projection,
            temperature=self.config.temperature,
            image_weight=self.config.image_weight,
        )
        hits = {
            "image_to_ecg_top1": hit_rate(image_projection, ecg_projection),
            "ecg_to_image_top1": hit_rate(ecg_projection, image_projection),
        }
        return StepOutput(loss, hits)

    def project_image(self, cmr: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch projection"]:
        """Images to the common space; not normalised."""
        return self.image_projector(self.image_encoder(cmr)).float()

    def project_places(self, cmr: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch row column projection"]:
        """Every cell of the images' last feature map to the common space (`shared_space.places`); not normalised."""
        return places(self.image_encoder.local(cmr), self.image_projector)

    def project_segments(self, ecg: Float[Tensor, "batch lead time"]) -> Float[Tensor, "batch lead segment projection"]:
        """Every token of ECG windows, a segment of one lead, to the common space; not normalised.

        Tokens are enlarged twofold along the time of their lead, 50 segments for 5 s, and each is pooled as if it were the
        ECG's only one. The published code enlarges the whole row of tokens, so that the end of each lead bleeds into the
        beginning of the next, and leaves out the pooling's norm, behind which the projector was trained.
        """
        leads, width = self.config.encoder.num_leads, self.config.encoder.width
        tokens = rearrange(self.ecg_encoder(ecg)[:, 1:], "batch (lead segment) width -> (batch lead) width segment", lead=leads)
        finer = interpolate(tokens, scale_factor=2, mode="linear", align_corners=False)
        alone = rearrange(finer, "lead width segment -> (lead segment) 1 width")
        # Poolings leave the first token out, which is the class token's place.
        pooled = self.ecg_pool(alone.expand(-1, 2, width))
        segments = rearrange(pooled, "(batch lead segment) width -> batch lead segment width", batch=len(ecg), lead=leads)
        return self.ecg_projector(segments).float()

    @torch.no_grad()
    def local_similarity(
        self, ecg: Float[Tensor, "batch lead time"], cmr: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch row column"]:
        """Cosine (-1..1) of an ECG's projection with the projection of every place of its image; in evaluation mode."""
        assert not self.training, "a map shows a model in evaluation mode"
        whole, local = normalize(self.project_ecg(ecg), dim=-1), normalize(self.project_places(cmr), dim=-1)
        return einsum(whole, local, "batch projection, batch row column projection -> batch row column")

    @torch.no_grad()
    def token_similarity(
        self, ecg: Float[Tensor, "batch lead time"], cmr: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch lead segment"]:
        """Cosine (-1..1) of an image's projection with the projection of every segment of its ECG; in evaluation mode."""
        assert not self.training, "a map shows a model in evaluation mode"
        whole, segments = normalize(self.project_image(cmr), dim=-1), normalize(self.project_segments(ecg), dim=-1)
        return einsum(whole, segments, "batch projection, batch lead segment projection -> batch lead segment")

    def _views(self, batch: Batch) -> tuple[Tensor, Tensor]:
        ecg, image = self.config.augmentation, self.config.image_augmentation
        if self.training:
            return augment(batch.ecg, ecg, keys=batch.keys), augment_image(batch.cmr, image, keys=batch.keys)
        return first_window(batch.ecg, ecg.crop), resize_image(batch.cmr, image.size)


def clip_loss(
    image: Float[Tensor, "batch projection"],
    ecg: Float[Tensor, "batch projection"],
    *,
    temperature: float,
    image_weight: float,
) -> Float[Tensor, ""]:
    """Cross-entropy of finding the partner among the batch; row i of both is the same subject.

    `image_weight` multiplies the direction whose anchors are images (the paper's L_img), one minus it the other.
    """
    logits = _cosines(gathered(image), gathered(ecg)) / temperature
    partner = torch.arange(len(logits), device=logits.device)
    return image_weight * cross_entropy(logits, partner) + (1 - image_weight) * cross_entropy(logits.T, partner)


@torch.no_grad()
def hit_rate(anchors: Float[Tensor, "batch projection"], others: Float[Tensor, "batch projection"]) -> Float[Tensor, ""]:
    """How often the other nearest to an anchor is its partner, in the same row."""
    similarity = _cosines(gathered(anchors), gathered(others))
    partner = torch.arange(len(similarity), device=similarity.device)
    return (similarity.argmax(dim=1) == partner).float().mean()


def _cosines(one: Float[Tensor, "batch projection"], other: Float[Tensor, "batch projection"]) -> Float[Tensor, "batch batch"]:
    with torch.autocast(one.device.type, enabled=False):
        return normalize(one.float(), dim=1) @ normalize(other.float(), dim=1).T
