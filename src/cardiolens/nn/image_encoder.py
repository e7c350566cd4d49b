"""The image encoder: a ResNet over the three cardiac phases as channels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import reduce
from jaxtyping import Float
from torch import Tensor, nn


@dataclass(frozen=True)
class ImageEncoderConfig:
    """Sizes of the image encoder; the defaults make a ResNet-50."""

    channels: int = 3
    """Channels of the image: end-systole, mid phase, end-diastole."""
    blocks: tuple[int, ...] = (3, 4, 6, 3)
    """Residual blocks per stage; four stages."""
    widths: tuple[int, ...] = (64, 128, 256, 512)
    """Channels per stage, before a bottleneck's expansion by four."""
    bottleneck: bool = True
    """Three convolutions per block, the last expanding by four, instead of two."""

    def __post_init__(self) -> None:
        if len(self.blocks) != 4 or len(self.widths) != 4:
            raise ValueError(f"a ResNet has four stages, not {len(self.blocks)} and {len(self.widths)}")

    @property
    def features(self) -> int:
        """Numbers per image in the output."""
        return self.widths[-1] * (4 if self.bottleneck else 1)


class ImageEncoder(nn.Module):
    """MONAI's 2-D ResNet without its last layer, laid out like torchvision's so that published weights fit."""

    def __init__(self, config: ImageEncoderConfig) -> None:
        # Imported here, for one who only predicts from ECGs should not wait for it.
        from monai.networks.nets import ResNet

        super().__init__()
        self.config = config
        self.resnet = ResNet(
            block="bottleneck" if config.bottleneck else "basic",
            layers=list(config.blocks),
            block_inplanes=list(config.widths),
            spatial_dims=2,
            n_input_channels=config.channels,
            conv1_t_size=7,
            conv1_t_stride=2,
            feed_forward=False,
            bias_downsample=False,
        ).to(memory_format=torch.channels_last)

    def forward(self, cmr: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch feature"]:
        """The mean of the last feature map over the image."""
        return reduce(self.local(cmr), "batch feature row column -> batch feature", "mean")

    def local(self, cmr: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch feature row column"]:
        """The last feature map, 1/32 of the image's size: what the encoder sees where."""
        resnet = self.resnet
        # Convolutions are faster with the channels of a pixel side by side, most of all in bf16.
        pixels = cmr.contiguous(memory_format=torch.channels_last)
        stem = resnet.maxpool(resnet.act(resnet.bn1(resnet.conv1(pixels))))
        return resnet.layer4(resnet.layer3(resnet.layer2(resnet.layer1(stem))))
