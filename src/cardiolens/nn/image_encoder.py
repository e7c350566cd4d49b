"""The image encoder: a ResNet over the three cardiac phases as channels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import reduce
from jaxtyping import Float
from torch import Tensor, nn

from cardiolens.nn.resnet import ResNetSizes, last_feature_map, make_resnet


@dataclass(frozen=True)
class ImageEncoderConfig(ResNetSizes):
    """Sizes of the image encoder."""

    channels: int = 3
    """Channels of the image: end-systole, mid phase, end-diastole."""


class ImageEncoder(nn.Module):
    """MONAI's 2-D ResNet without its last layer, laid out like torchvision's so that published weights fit."""

    def __init__(self, config: ImageEncoderConfig) -> None:
        super().__init__()
        self.config = config
        resnet = make_resnet(config, channels=config.channels, kernel=7, stride=2, dims=2)
        self.resnet = resnet.to(memory_format=torch.channels_last)

    def forward(self, cmr: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch feature"]:
        """The mean of the last feature map over the image."""
        return reduce(self.local(cmr), "batch feature row column -> batch feature", "mean")

    def local(self, cmr: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch feature row column"]:
        """The last feature map, 1/32 of the image's size: what the encoder sees where."""
        # Convolutions are faster with the channels of a pixel side by side, most of all in bf16.
        return last_feature_map(self.resnet, cmr.contiguous(memory_format=torch.channels_last))
