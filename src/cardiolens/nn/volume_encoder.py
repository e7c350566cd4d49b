"""The encoder of stacks of pictures: a 3-D ResNet over slices or phases, rows and columns.

Rows and columns shrink as in the 2-D ResNet, 32-fold. The slices or phases are far fewer and stay as many as they are: the
dozen slices of a heart, a centimetre apart, would be one after four halvings. Each of them so reaches the embedding, which is
the mean over all cells of the last feature map. The second paper's code (dual-phase-contrastive-learning@e5cfb9d) keeps
them, too, and weighs them by a learnt layer for one fixed number of slices in place of the mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn


@dataclass(frozen=True)
class VolumeEncoderConfig:
    """Sizes of the volume encoder; the defaults make a 3-D ResNet-50."""

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
        """Numbers per stack in the output."""
        return self.widths[-1] * (4 if self.bottleneck else 1)


class VolumeEncoder(nn.Module):
    """MONAI's 3-D ResNet without its last layer, whose first axis keeps its length."""

    def __init__(self, config: VolumeEncoderConfig) -> None:
        # Imported here, for one who only predicts from ECGs should not wait for it.
        from monai.networks.nets import ResNet

        super().__init__()
        self.config = config
        self.resnet = ResNet(
            block="bottleneck" if config.bottleneck else "basic",
            layers=list(config.blocks),
            block_inplanes=list(config.widths),
            spatial_dims=3,
            n_input_channels=1,
            conv1_t_size=(3, 7, 7),
            conv1_t_stride=(1, 2, 2),
            feed_forward=False,
            bias_downsample=False,
        ).to(memory_format=torch.channels_last_3d)
        # MONAI halves all axes or none.
        for layer in self.resnet.modules():
            if isinstance(layer, nn.Conv3d) and layer.stride == (2, 2, 2):
                layer.stride = (1, 2, 2)
        self.resnet.maxpool = nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))

    def forward(self, mri: Float[Tensor, "batch depth rows columns"]) -> Float[Tensor, "batch feature"]:
        """The mean of the last feature map over the stack, whose depth is slices or phases; any number of them."""
        return reduce(self.local(mri), "batch feature depth row column -> batch feature", "mean")

    def local(self, mri: Float[Tensor, "batch depth rows columns"]) -> Float[Tensor, "batch feature depth row column"]:
        """The last feature map: 1/32 of the height and width of every slice or phase."""
        resnet = self.resnet
        # Convolutions are faster with the channels of a voxel side by side.
        voxels = rearrange(mri, "batch depth rows columns -> batch 1 depth rows columns")
        voxels = voxels.contiguous(memory_format=torch.channels_last_3d)
        stem = resnet.maxpool(resnet.act(resnet.bn1(resnet.conv1(voxels))))
        return resnet.layer4(resnet.layer3(resnet.layer2(resnet.layer1(stem))))
