"""The space in which a finished ECG model and MRI pictures are compared: cosines say who resembles whom.

The ECG's side is a projector on the vector that the model's heads read; the picture's side are encoder and projector of the
contrastive training that the model started from.
"""

from __future__ import annotations

from dataclasses import dataclass

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize

from cardiolens.nn.image_encoder import ImageEncoder, ImageEncoderConfig
from cardiolens.nn.projector import Projector, ProjectorConfig


@dataclass(frozen=True)
class SharedSpaceConfig:
    """The parts of a shared space."""

    ecg_width: int
    """Width of the vector that the ECG model's heads read."""
    image_encoder: ImageEncoderConfig
    """The image encoder."""
    projector: ProjectorConfig
    """From either embedding to the common space."""
    picture_size: int
    """Height and width, in pixels, of the pictures that the image encoder was trained on."""


class SharedSpace(nn.Module):
    """Both sides; every projection has unit length."""

    def __init__(self, config: SharedSpaceConfig) -> None:
        super().__init__()
        self.config = config
        self.ecg_projector = Projector(config.projector, config.ecg_width)
        self.image_encoder = ImageEncoder(config.image_encoder)
        self.image_projector = Projector(config.projector, config.image_encoder.features)

    def of_ecgs(self, embedding: Float[Tensor, "batch width"]) -> Float[Tensor, "batch projection"]:
        """What the ECG model's heads read, projected."""
        return normalize(self.ecg_projector(embedding), dim=-1)

    def of_pictures(self, cmr: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch projection"]:
        """Pictures of `picture_size`, 0..1."""
        return normalize(self.image_projector(self.image_encoder(cmr)).float(), dim=-1)

    def of_places(self, cmr: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch row column projection"]:
        """Every cell of the pictures' last feature map, enlarged twofold (`places`)."""
        return normalize(places(self.image_encoder.local(cmr), self.image_projector), dim=-1)


def places(
    features: Float[Tensor, "batch feature row column"], projector: nn.Module
) -> Float[Tensor, "batch row2 column2 projection"]:
    """Every cell of an image encoder's last feature map to the common space; not normalised.

    The map is enlarged twofold before it is projected, as in the published heat maps: 14 x 14 cells for 210 pixels.
    """
    cells = interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)
    return projector(rearrange(cells, "batch feature row column -> batch row column feature")).float()
