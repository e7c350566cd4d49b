"""Segmentation: a U-Net learns the ventricles of short-axis slices from masks, by cross-entropy and soft Dice."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from cardiolens.batch import Batch, StepOutput
from cardiolens.configs import refuse_outside
from cardiolens.methods.method import Method, MethodConfig, ParameterGroup, Selection, grouped_by_decay
from cardiolens.nn.unet import NUM_CLASSES, UNet, UNetConfig


@dataclass(frozen=True)
class SegmentationConfig(MethodConfig):
    """Settings of segmentation."""

    unet: UNetConfig = field(default_factory=UNetConfig)
    """The network, which outlives the method."""
    dice_weight: float = 0.5
    """Weight of the Dice loss, 0 to 1; the cross-entropy has the rest."""

    def __post_init__(self) -> None:
        refuse_outside(self, {"dice_weight": (0 <= self.dice_weight <= 1, "0 to 1")})

    @property
    def needs_images(self) -> bool:
        """Nothing else is looked at."""
        return True

    def _build(self) -> Segmentation:
        return Segmentation(self)


class Segmentation(Method):
    """The network with its loss. Batches carry `cmr` (slice and neighbours as channels) and `cmr_mask`."""

    def __init__(self, config: SegmentationConfig) -> None:
        super().__init__()
        self.config = config
        self.unet = UNet(config.unet).to(memory_format=torch.channels_last)

    @property
    def selects_by(self) -> Selection:
        """The mean Dice overlap of the three structures."""
        return Selection("dice", higher_is_better=True)

    def forward(self, batch: Batch) -> StepOutput:
        """Loss, and the Dice overlap of each structure over the pixels of the whole batch."""
        assert batch.cmr is not None, "the source gives no pictures"
        assert batch.cmr_mask is not None, "the source gives no masks"
        logits = self.unet(batch.cmr).float()
        soft = soft_dice_loss(logits.softmax(dim=1), batch.cmr_mask)
        loss = (1 - self.config.dice_weight) * cross_entropy(logits, batch.cmr_mask) + self.config.dice_weight * soft
        overlaps = dice(logits.detach().argmax(dim=1), batch.cmr_mask)
        metrics = dict(zip(("dice_lv", "dice_myocardium", "dice_rv"), overlaps, strict=True))
        return StepOutput(loss, {"dice": overlaps.mean()} | metrics)

    def parameter_groups(self, weight_decay: float) -> list[ParameterGroup]:
        """Kernels decay; biases, norms and slopes do not."""
        return grouped_by_decay(self.named_parameters(), weight_decay=weight_decay)


def soft_dice_loss(
    probability: Float[Tensor, "batch label height width"], mask: Int[Tensor, "batch height width"]
) -> Float[Tensor, ""]:
    """One minus the mean overlap of the structures, background left out.

    Over all pixels of the batch: within one slice a structure may be absent, and its overlap would be undefined.
    """
    wanted = rearrange(one_hot(mask, NUM_CLASSES), "batch height width label -> batch label height width")
    both = (probability * wanted).sum(dim=(0, 2, 3))
    either = probability.sum(dim=(0, 2, 3)) + wanted.sum(dim=(0, 2, 3))
    return 1 - ((2 * both + 1) / (either + 1))[1:].mean()


def dice(found: Int[Tensor, "batch height width"], mask: Int[Tensor, "batch height width"]) -> Float[Tensor, " structure"]:
    """Dice overlap of LV cavity, myocardium and RV cavity over all pixels; one where both are empty."""
    labels = torch.arange(1, NUM_CLASSES, device=mask.device)
    a = rearrange(found, "batch height width -> 1 (batch height width)") == labels[:, None]
    b = rearrange(mask, "batch height width -> 1 (batch height width)") == labels[:, None]
    size = a.sum(dim=1) + b.sum(dim=1)
    return torch.where(size > 0, 2 * (a & b).sum(dim=1) / size.clamp(min=1), 1.0)
