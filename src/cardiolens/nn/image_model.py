"""The model that answers for one MRI picture: image encoder and heads. The reference that an ECG model is held against."""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor, nn

from cardiolens.nn.heads import HeadConfig, Heads
from cardiolens.nn.image_encoder import ImageEncoder, ImageEncoderConfig


@dataclass(frozen=True)
class ImageModelConfig:
    """The parts of an image model."""

    encoder: ImageEncoderConfig = field(default_factory=ImageEncoderConfig)
    """The image encoder."""
    heads: tuple[HeadConfig, ...] = ()
    """What is predicted from it."""
    size: int = 210
    """Height and width, in pixels, of the pictures that it was trained on."""


class ImageModel(nn.Module):
    """Picture to scores by head: log odds of a disease, standardised values of phenotypes."""

    def __init__(self, config: ImageModelConfig) -> None:
        super().__init__()
        self.config = config
        self.image_encoder = ImageEncoder(config.encoder)
        self.heads = Heads(config.heads, config.encoder.features)

    def forward(self, cmr: Float[Tensor, "batch channel height width"]) -> dict[str, Float[Tensor, "batch output"]]:
        """Scores of pictures of the size that it was trained on."""
        return self.heads(self.image_encoder(cmr))
