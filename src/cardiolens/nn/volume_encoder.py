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

from cardiolens.nn.resnet import ResNetSizes, last_feature_map, make_resnet


@dataclass(frozen=True)
class VolumeEncoderConfig(ResNetSizes):
    """Sizes of the volume encoder."""


class VolumeEncoder(nn.Module):
    """MONAI's 3-D ResNet without its last layer, whose first axis keeps its length."""

    def __init__(self, config: VolumeEncoderConfig) -> None:
        super().__init__()
        self.config = config
        resnet = make_resnet(config, channels=1, kernel=(3, 7, 7), stride=(1, 2, 2), dims=3)
        self.resnet = resnet.to(memory_format=torch.channels_last_3d)
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
        # Convolutions are faster with the channels of a voxel side by side.
        voxels = rearrange(mri, "batch depth rows columns -> batch 1 depth rows columns")
        return last_feature_map(self.resnet, voxels.contiguous(memory_format=torch.channels_last_3d))
