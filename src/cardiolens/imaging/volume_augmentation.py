"""Random views of volumes and cines: mirror, rotation, crop and brightness, the same for all slices and phases of a heart.

A heart's slices, its two phases or its cine are one object: moved apart they would be another heart. Crops are square, for
volumes show every heart at the same number of millimetres per pixel in both directions. Every heart has its own draws, made
from its key alone; validation looks at volumes as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from einops import rearrange, reduce
from jaxtyping import Float, Int
from torch import Tensor

from cardiolens import keyed_random
from cardiolens.configs import refuse_outside
from cardiolens.imaging.augmentation import warp


@dataclass(frozen=True)
class VolumeAugmentationConfig:
    """How strongly a heart's volumes are changed.

    The defaults are those of the second paper's code (dual-phase-contrastive-learning@e5cfb9d), which mirrors and does
    nothing else; there each volume is mirrored by itself, end-diastole and end-systole of a heart included.
    """

    probability: float = 1.0
    """Share of hearts that are changed; the others stay as they are."""

    flip: float = 0.5
    """Share of the changed hearts that are mirrored, left to right."""

    rotation_degrees: float = 0.0
    """Largest angle, either way, about the axis through the slices."""

    crop_scale: tuple[float, float] = (1.0, 1.0)
    """Least and largest share of a slice's area that is kept and enlarged."""

    brightness: float = 0.0
    """Largest relative change of brightness."""

    contrast: float = 0.0
    """Largest relative change of contrast, about the mean over all slices and phases."""

    def __post_init__(self) -> None:
        ranges = {"rotation_degrees": (0 <= self.rotation_degrees <= 180, "0 to 180")}
        for field in ("probability", "flip"):
            ranges[field] = (0 <= getattr(self, field) <= 1, "a share from 0 to 1")
        for field in ("brightness", "contrast"):
            ranges[field] = (0 <= getattr(self, field) <= 1, "a relative change from 0 to 1")
        ranges["crop_scale"] = (0 < self.crop_scale[0] <= self.crop_scale[1] <= 1, "least and largest share, above 0, up to 1")
        refuse_outside(self, ranges)


def augment_volumes(
    mri: Float[Tensor, "batch view depth size size"],
    config: VolumeAugmentationConfig,
    *,
    keys: Int[Tensor, " batch"],
    view: str = "",
) -> Float[Tensor, "batch view depth size size"]:
    """A random view of each heart, in 0..1 as its pictures are; all of a heart's pictures are changed alike.

    Heart i's view follows from `keys[i]` alone; another `view` is an independent one.
    """

    def uniform(name: str, *shape: int) -> Tensor:
        return keyed_random.uniform(keys, f"{view} volumes {name}", *shape)

    # Folded into channels, all pictures of a heart are read at the same places.
    pictures = rearrange(mri, "batch view depth rows columns -> batch (view depth) rows columns")
    least, largest = config.crop_scale
    side = rearrange((least + (largest - least) * uniform("area")).sqrt(), "batch -> batch 1")
    changed = warp(
        pictures,
        pictures.shape[-1],
        flipped=uniform("flip") < config.flip,
        radians=math.radians(config.rotation_degrees) * (2 * uniform("angle") - 1),
        crop=torch.cat([uniform("place", 2) * (1 - side), side, side], dim=1),
    )
    brightness, contrast = (
        _per_heart(1 + most * (2 * uniform(name) - 1))
        for name, most in (("brightness", config.brightness), ("contrast", config.contrast))
    )
    bright = (changed * brightness).clamp(0, 1)
    mean = reduce(bright, "batch picture rows columns -> batch 1 1 1", "mean")
    changed = torch.lerp(mean, bright, contrast).clamp(0, 1)
    if config.probability < 1:
        changed = torch.where(_per_heart(uniform("change") < config.probability), changed, pictures)
    return rearrange(changed, "batch (view depth) rows columns -> batch view depth rows columns", view=mri.shape[1])


def _per_heart(values: Tensor) -> Tensor:
    return rearrange(values, "batch -> batch 1 1 1")
