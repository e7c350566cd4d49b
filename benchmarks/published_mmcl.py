"""The published multimodal contrastive model and its loss restated in plain PyTorch, as the measure for `mmcl_step.py`.

It computes what the published code computes, in its way: a ResNet of `torch.nn` layers in PyTorch's own memory layout, a
ViT whose attention is an explicit softmax, the mean of its patch tokens, two-layer projectors, and the CLIP loss at a fixed
temperature. Parameters carry the published names, so the same weights load into both. The top-k accuracies and the linear
classifier that the published code computes along with every step are left out.
"""

from __future__ import annotations

import torch
from einops import rearrange
from published_mdm import PublishedBlock
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from cardiolens.methods.contrastive import ContrastiveConfig
from cardiolens.nn.image_encoder import ImageEncoderConfig
from cardiolens.nn.positions import sine_cosine_positions
from cardiolens.nn.projector import ProjectorConfig
from cardiolens.nn.vit import SignalEncoderConfig


class PublishedBottleneck(nn.Module):
    """Three convolutions, the last four times as wide, beside a way round them."""

    def __init__(self, channels: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride > 1 or channels != 4 * width:
            passed_by = nn.Conv2d(channels, 4 * width, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(passed_by, nn.BatchNorm2d(4 * width))

    def forward(self, pixels: Tensor) -> Tensor:
        inner = self.relu(self.bn1(self.conv1(pixels)))
        inner = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(inner)))))
        return self.relu(inner + (pixels if self.downsample is None else self.downsample(pixels)))


def published_image_encoder(config: ImageEncoderConfig) -> nn.Sequential:
    """The ResNet without its last layer, its parts numbered as published; it ends in the mean over the image."""
    first = config.widths[0]
    parts = [nn.Conv2d(config.channels, first, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(first)]
    parts += [nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2, padding=1)]
    channels = first
    for stage, (blocks, width) in enumerate(zip(config.blocks, config.widths, strict=True)):
        layer = nn.Sequential()
        for block in range(blocks):
            layer.append(PublishedBottleneck(channels, width, stride=2 if stage and not block else 1))
            channels = 4 * width
        parts.append(layer)
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1))


class PublishedSignalEncoder(nn.Module):
    """The ViT over patches, the mean of its patch tokens and a norm; the last norm of pre-training stays unused."""

    def __init__(self, config: SignalEncoderConfig) -> None:
        super().__init__()
        grid = {"num_leads": config.num_leads, "num_segments": config.num_segments}
        patch = (1, config.patch)
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(1, config.width, patch, stride=patch)})
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, config.width))
        self.pos_embed = nn.Parameter(sine_cosine_positions(**grid, width=config.width))
        drop_path = torch.linspace(0, config.drop_path, config.depth).tolist()
        self.blocks = nn.ModuleList(PublishedBlock(config.width, config.heads, drop_path=rate) for rate in drop_path)
        self.norm = nn.LayerNorm(config.width, eps=1e-6)
        self.fc_norm = nn.LayerNorm(config.width, eps=1e-6)

    def forward(self, ecg: Tensor) -> Tensor:
        embedded = rearrange(self.patch_embed["proj"](ecg[:, None]), "b width lead time -> b (lead time) width")
        first = (self.cls_token + self.pos_embed[:, :1]).expand(len(ecg), -1, -1)
        tokens = torch.cat([first, embedded + self.pos_embed[:, 1:]], dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        return self.fc_norm(tokens[:, 1:].mean(dim=1))


class PublishedProjector(nn.Module):
    """Linear, ReLU, linear."""

    def __init__(self, config: ProjectorConfig, features: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(features, config.hidden), nn.ReLU(), nn.Linear(config.hidden, config.width))

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features)


class PublishedMmcl(nn.Module):
    """Both encoders, each with its projector, and the loss; sizes, temperature and weight are those of our settings."""

    def __init__(self, config: ContrastiveConfig) -> None:
        super().__init__()
        self.temperature, self.image_weight = config.temperature, config.image_weight
        self.encoder_imaging = published_image_encoder(config.image_encoder)
        self.projection_head_imaging = PublishedProjector(config.projector, config.image_encoder.features)
        self.encoder_ecg = PublishedSignalEncoder(config.encoder)
        self.projection_head_ecg = PublishedProjector(config.projector, config.encoder.width)

    def forward(self, ecg: Tensor, cmr: Tensor) -> Tensor:
        """The loss of one batch of pairs."""
        image = normalize(self.projection_head_imaging(self.encoder_imaging(cmr).flatten(1)), dim=1)
        signal = normalize(self.projection_head_ecg(self.encoder_ecg(ecg)), dim=1)
        logits = image @ signal.T / self.temperature
        partner = torch.arange(len(ecg))
        other_way = cross_entropy(logits.T, partner)
        return self.image_weight * cross_entropy(logits, partner) + (1 - self.image_weight) * other_way
