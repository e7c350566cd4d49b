"""Segmentation: a U-Net learns the ventricles of short-axis slices from masks, by cross-entropy and soft Dice."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from einops import rearrange
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from cardiolens.batch import Batch, StepOutput
from cardiolens.configs import refuse_outside
from cardiolens.methods.global_batch import gathered, mean_over_rows
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
        entropy = mean_over_rows(cross_entropy(logits, batch.cmr_mask, reduction="none"))
        loss = (1 - self.config.dice_weight) * entropy + self.config.dice_weight * soft
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

    Over all pixels of the batch, on all processes: within one slice a structure may be absent, and its overlap would be
    undefined.
    """
    wanted = rearrange(one_hot(mask, NUM_CLASSES), "batch height width label -> batch label height width")
    both, either = _over_batch((probability * wanted).sum(dim=(2, 3)), (probability + wanted).sum(dim=(2, 3)))
    return 1 - ((2 * both + 1) / (either + 1))[1:].mean()


def dice(found: Int[Tensor, "batch height width"], mask: Int[Tensor, "batch height width"]) -> Float[Tensor, " structure"]:
    """Dice overlap of LV cavity, myocardium and RV cavity over all pixels; one where both are empty."""
    labels = torch.arange(1, NUM_CLASSES, device=mask.device)
    a = rearrange(found, "batch height width -> batch 1 (height width)") == labels[:, None]
    b = rearrange(mask, "batch height width -> batch 1 (height width)") == labels[:, None]
    both, size = _over_batch((a & b).sum(dim=2), a.sum(dim=2) + b.sum(dim=2))
    return torch.where(size > 0, 2 * both / size.clamp(min=1), 1.0)


def _over_batch(
    one: Shaped[Tensor, "batch label"], other: Shaped[Tensor, "batch label"]
) -> tuple[Shaped[Tensor, " label"], Shaped[Tensor, " label"]]:
    """Sums over the rows of all processes; a quotient of them is no mean of the processes' own quotients."""
    first, second = gathered(torch.cat([one, other], dim=1)).sum(dim=0).chunk(2)
    return first, second
