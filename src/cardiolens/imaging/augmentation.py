"""Random views of a heart's picture: flip, rotation and resized crop in one warp, then colour jitter; whole batches at once.

Every picture has its own draws, made from its key alone. Two things differ from the published code, on purpose: flip,
rotation and crop read the picture once, bilinearly, where the published code reads it twice (rotation by nearest pixel);
and brightness, contrast and saturation follow in this order where the published code shuffles them per picture. They
commute but for clipping and the grey that contrast draws to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from einops import rearrange, reduce
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample, interpolate

from cardiolens import keyed_random
from cardiolens.configs import refuse_outside

_CROP_TRIES = 10
# ITU-R 601, as torchvision weighs red, green and blue: here end-systole, mid and end-diastole.
_GREY_WEIGHTS = (0.2989, 0.587, 0.114)


@dataclass(frozen=True)
class ImageAugmentationConfig:
    """How strongly a picture is changed. The defaults are the paper's."""

    size: int = 210
    """Height and width of the view, in pixels."""

    probability: float = 0.95
    """Share of pictures that are changed; the others are only resized."""

    flip: float = 0.5
    """Share of the changed pictures that are mirrored, left to right."""

    rotation_degrees: float = 45.0
    """Largest angle, either way."""

    rotation_probability: float = 0.5
    """Share of the changed pictures that are rotated; the published code rotates all."""

    brightness: float = 0.5
    """Largest relative change of brightness."""

    contrast: float = 0.5
    """Largest relative change of contrast."""

    saturation: float = 0.25
    """Largest relative change of saturation, which here mixes the three phases; the published code has 0.5."""

    crop_scale: tuple[float, float] = (0.6, 1.0)
    """Least and largest share of the area that is kept."""

    crop_ratio: tuple[float, float] = (3 / 4, 4 / 3)
    """Least and largest width over height of what is kept."""

    def __post_init__(self) -> None:
        ranges = {"size": (self.size >= 1, "1 or more"), "rotation_degrees": (0 <= self.rotation_degrees <= 180, "0 to 180")}
        for field in ("probability", "flip", "rotation_probability"):
            ranges[field] = (0 <= getattr(self, field) <= 1, "a share from 0 to 1")
        for field in ("brightness", "contrast", "saturation"):
            ranges[field] = (0 <= getattr(self, field) <= 1, "a relative change from 0 to 1")
        ranges["crop_scale"] = (0 < self.crop_scale[0] <= self.crop_scale[1] <= 1, "least and largest share, above 0, up to 1")
        ranges["crop_ratio"] = (0 < self.crop_ratio[0] <= self.crop_ratio[1] < math.inf, "least and largest ratio, above 0")
        refuse_outside(self, ranges)


def augment_image(
    cmr: Float[Tensor, "batch channel height width"],
    config: ImageAugmentationConfig,
    *,
    keys: Int[Tensor, " batch"],
    view: str = "",
) -> Float[Tensor, "batch channel size size"]:
    """A random view of each picture, in 0..1 as the pictures are.

    Picture i's view follows from `keys[i]` alone; another `view` is an independent one.
    """
    stream = f"{view} cmr"
    turned = keyed_random.uniform(keys, f"{stream} rotate") < config.rotation_probability
    angle = math.radians(config.rotation_degrees) * (2 * keyed_random.uniform(keys, f"{stream} angle") - 1)
    warped = warp(
        cmr,
        config.size,
        flipped=keyed_random.uniform(keys, f"{stream} flip") < config.flip,
        radians=torch.where(turned, angle, 0.0),
        crop=_random_crop(cmr, config, keys, f"{stream} crop"),
    )
    brightness, contrast, saturation = (
        1 + most * (2 * keyed_random.uniform(keys, f"{stream} {name}") - 1)
        for name, most in (("brightness", config.brightness), ("contrast", config.contrast), ("saturation", config.saturation))
    )
    changed = jitter_colour(warped, brightness=brightness, contrast=contrast, saturation=saturation)
    if config.probability == 1:
        return changed
    chosen = keyed_random.uniform(keys, f"{stream} change") < config.probability
    return torch.where(_per_picture(chosen), changed, resize_image(cmr, config.size))


def resize_image(cmr: Float[Tensor, "batch channel height width"], size: int) -> Float[Tensor, "batch channel size size"]:
    """The whole picture at another size: the view of validation. Bilinear; block means first where it shrinks by half."""
    if cmr.shape[2:] == (size, size):
        return cmr
    return interpolate(_shrunk(cmr, size), size=(size, size), mode="bilinear", align_corners=False)


def warp(
    cmr: Float[Tensor, "batch channel height width"],
    size: int,
    *,
    flipped: Bool[Tensor, " batch"],
    radians: Float[Tensor, " batch"],
    crop: Float[Tensor, "batch 4"],
) -> Float[Tensor, "batch channel size size"]:
    """Mirror left to right where `flipped`, rotate counter-clockwise about the centre, then enlarge the `crop` to the view.

    `crop` is left, top, width and height as shares of the picture's; what lies outside the picture is black. The picture
    is read once, bilinearly.
    """
    source = _shrunk(cmr, size)
    aspect = source.shape[3] / source.shape[2]
    left, top, width, height = crop.unbind(dim=1)
    # From the view back to the picture, in coordinates -1..1: first undo the crop, then the rotation, then the mirror.
    centre_x, centre_y = 2 * left + width - 1, 2 * top + height - 1
    cosine, sine = torch.cos(radians), torch.sin(radians)
    mirror = torch.where(flipped, -1.0, 1.0)
    row_x = torch.stack([cosine * width, -sine / aspect * height, cosine * centre_x - sine / aspect * centre_y], dim=1)
    row_y = torch.stack([sine * aspect * width, cosine * height, sine * aspect * centre_x + cosine * centre_y], dim=1)
    back = torch.stack([rearrange(mirror, "batch -> batch 1") * row_x, row_y], dim=1)
    grid = affine_grid(back.to(source.dtype), [len(source), source.shape[1], size, size], align_corners=False)
    return grid_sample(source, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def jitter_colour(
    cmr: Float[Tensor, "batch 3 height width"],
    *,
    brightness: Float[Tensor, " batch"],
    contrast: Float[Tensor, " batch"],
    saturation: Float[Tensor, " batch"],
) -> Float[Tensor, "batch 3 height width"]:
    """Scale each picture, then its distance from its mean grey, then each pixel's distance from its own grey, by these factors.

    As torchvision defines the three, the phases standing for red, green and blue; clipped to 0..1 after each.
    """
    bright = (cmr * _per_picture(brightness)).clamp(0, 1)
    mean_grey = reduce(_grey(bright), "batch 1 height width -> batch 1 1 1", "mean")
    contrasted = torch.lerp(mean_grey, bright, _per_picture(contrast)).clamp(0, 1)
    return torch.lerp(_grey(contrasted), contrasted, _per_picture(saturation)).clamp(0, 1)


def _random_crop(
    cmr: Float[Tensor, "batch channel height width"], config: ImageAugmentationConfig, keys: Int[Tensor, " batch"], stream: str
) -> Float[Tensor, "batch 4"]:
    """A box of random area, ratio and place; one that would not fit is drawn again, and in the end cut to fit."""
    aspect = cmr.shape[3] / cmr.shape[2]
    area, log_ratio = keyed_random.uniform(keys, f"{stream} shape", 2, _CROP_TRIES).unbind(dim=1)
    area = config.crop_scale[0] + (config.crop_scale[1] - config.crop_scale[0]) * area
    shortest, longest = (math.log(ratio) for ratio in config.crop_ratio)
    ratio = torch.exp(shortest + (longest - shortest) * log_ratio)
    shape = torch.stack([torch.sqrt(area * ratio / aspect), torch.sqrt(area / ratio * aspect)], dim=2)
    first_fitting = (shape <= 1).all(dim=2).to(torch.int8).argmax(dim=1)
    shape = shape[torch.arange(len(keys), device=keys.device), first_fitting].clamp(max=1)
    place = keyed_random.uniform(keys, f"{stream} place", 2) * (1 - shape)
    return torch.cat([place, shape], dim=1)


def _shrunk(cmr: Float[Tensor, "batch channel height width"], size: int) -> Float[Tensor, "batch channel rows columns"]:
    """Means over square blocks, as large as leave `size` pixels: skipping pixels would turn fine texture into noise."""
    height, width = cmr.shape[2:]
    most = max(min(height, width) // size, 1)
    block = [block for block in range(1, most + 1) if height % block == 0 and width % block == 0][-1]
    return avg_pool2d(cmr, block) if block > 1 else cmr


def _grey(cmr: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 1 height width"]:
    red, green, blue = cmr.split(1, dim=1)
    return _GREY_WEIGHTS[0] * red + _GREY_WEIGHTS[1] * green + _GREY_WEIGHTS[2] * blue


def _per_picture(values: Tensor) -> Tensor:
    return rearrange(values, "batch -> batch 1 1 1")
