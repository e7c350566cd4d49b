"""Contrastive learning and masked data modelling at once, of one ECG encoder, instead of one after the other.

The paper's encoder first learns to fill in ECGs and may then forget it while it learns what MRIs show. Here every step does
both: the whole window is compared with the MRI, and a fifth of its patches must do to reconstruct all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from jaxtyping import Float
from torch import Tensor

from cardiolens.batch import Batch, StepOutput
from cardiolens.configs import refuse_outside
from cardiolens.imaging.augmentation import augment_image, resize_image
from cardiolens.methods.contrastive import ContrastiveConfig, clip_loss, hit_rate
from cardiolens.methods.ecg_embedding import EcgEmbedding
from cardiolens.methods.masked_autoencoder import reconstruct_patches, reconstruction_loss
from cardiolens.methods.method import MethodConfig
from cardiolens.nn.image_encoder import ImageEncoder
from cardiolens.nn.mae_decoder import MaeDecoder, MaeDecoderConfig
from cardiolens.nn.patches import to_patches
from cardiolens.nn.projector import Projector
from cardiolens.signals.augmentation import augment, first_window


@dataclass(frozen=True)
class JointContrastiveConfig(MethodConfig):
    """Settings of both objectives together."""

    contrastive: ContrastiveConfig = field(default_factory=ContrastiveConfig)
    """Encoders, views and loss of contrastive learning; the ECG's view serves both objectives."""
    decoder: MaeDecoderConfig = field(default_factory=MaeDecoderConfig)
    """From the visible patches' tokens to all patches."""
    hidden_ratio: float = 0.8
    """Share of patches that the encoder does not see when it reconstructs."""
    ncc_weight: float = 0.1
    """Weight of the normalised cross-correlation within the reconstruction's loss."""
    masked_weight: float = 1.0
    """Weight of the reconstruction's loss; the contrastive loss has weight one."""

    def __post_init__(self) -> None:
        refuse_outside(
            self,
            {
                "hidden_ratio": (0 < self.hidden_ratio < 1, "a share between 0 and 1"),
                "masked_weight": (self.masked_weight >= 0, "0 or more"),
            },
        )

    @property
    def needs_images(self) -> bool:
        """Always: one of the losses compares pairs."""
        return True

    def _build(self) -> JointContrastive:
        return JointContrastive(self)


class JointContrastive(EcgEmbedding):
    """Signal and image encoder with their projectors, a decoder, and the sum of both losses."""

    def __init__(self, config: JointContrastiveConfig) -> None:
        paired = config.contrastive
        super().__init__(paired.encoder, paired.pooling, partial(Projector, paired.projector))
        self.config = config
        self.image_encoder = ImageEncoder(paired.image_encoder)
        self.image_projector = Projector(paired.projector, paired.image_encoder.features)
        self.decoder = MaeDecoder(config.decoder, paired.encoder)
        # The decoder reads the tokens behind it.
        self.ecg_encoder.norm.requires_grad_(True)

    def forward(self, batch: Batch) -> StepOutput:
        """The sum of the losses and both of them, and how often the nearest of the other kind is the right one."""
        assert batch.cmr is not None, "the loader was not asked for images"
        paired = self.config.contrastive
        if self.training:
            ecg = augment(batch.ecg, paired.augmentation, keys=batch.keys)
            cmr = augment_image(batch.cmr, paired.image_augmentation, keys=batch.keys)
        else:
            ecg = first_window(batch.ecg, paired.augmentation.crop)
            cmr = resize_image(batch.cmr, paired.image_augmentation.size)
        ecg_projection, image_projection = self.project_ecg(ecg, keys=batch.keys), self.project_image(cmr)
        contrastive = clip_loss(
            image_projection, ecg_projection, temperature=paired.temperature, image_weight=paired.image_weight
        )
        masked = self._masked_loss(ecg, batch)
        metrics = {
            "contrastive_loss": contrastive.detach(),
            "masked_loss": masked.detach(),
            "image_to_ecg_top1": hit_rate(image_projection, ecg_projection),
            "ecg_to_image_top1": hit_rate(ecg_projection, image_projection),
        }
        return StepOutput(contrastive + self.config.masked_weight * masked, metrics)

    def project_image(self, cmr: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch projection"]:
        """Images to the common space; not normalised."""
        return self.image_projector(self.image_encoder(cmr)).float()

    def _masked_loss(self, ecg: Float[Tensor, "batch lead time"], batch: Batch) -> Float[Tensor, ""]:
        encoder = self.config.contrastive.encoder
        predicted, _ = reconstruct_patches(
            self.ecg_encoder, self.decoder, ecg, hidden_ratio=self.config.hidden_ratio, keys=batch.keys
        )
        target = to_patches(ecg, patch=encoder.patch)
        return reconstruction_loss(predicted, target, num_leads=encoder.num_leads, ncc_weight=self.config.ncc_weight).total
