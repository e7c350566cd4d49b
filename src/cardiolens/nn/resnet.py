"""What residual networks of pictures and of stacks share: MONAI's ResNet without its last layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jaxtyping import Float
from torch import Tensor

if TYPE_CHECKING:
    from monai.networks.nets import ResNet


@dataclass(frozen=True)
class ResNetSizes:
    """Sizes of a ResNet; the defaults make a ResNet-50."""

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
        """Numbers per picture or stack in the output."""
        return self.widths[-1] * (4 if self.bottleneck else 1)


def make_resnet(
    sizes: ResNetSizes, *, channels: int, kernel: int | Sequence[int], stride: int | Sequence[int], dims: int
) -> ResNet:
    """The network of `dims` spatial dimensions; `kernel` and `stride` are the first convolution's."""
    # Imported here, for one who only predicts from ECGs should not wait for it.
    from monai.networks.nets import ResNet

    return ResNet(
        block="bottleneck" if sizes.bottleneck else "basic",
        layers=list(sizes.blocks),
        block_inplanes=list(sizes.widths),
        spatial_dims=dims,
        n_input_channels=channels,
        conv1_t_size=kernel,
        conv1_t_stride=stride,
        feed_forward=False,
        bias_downsample=False,
    )


def last_feature_map(resnet: ResNet, pixels: Float[Tensor, "batch channel *space"]) -> Float[Tensor, "batch feature *place"]:
    """What the last stage makes of the input, before it is averaged over all places."""
    stem = resnet.maxpool(resnet.act(resnet.bn1(resnet.conv1(pixels))))
    return resnet.layer4(resnet.layer3(resnet.layer2(resnet.layer1(stem))))
