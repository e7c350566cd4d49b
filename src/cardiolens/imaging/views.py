"""From a cine stack to the picture the image encoder sees: three phases of the middle slice, cropped to the heart.

Channels are end-systole, mid, end-diastole, as in the published code; values 0..255 by minimum and maximum over all three.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, UInt8

from cardiolens.configs import Kinds
from cardiolens.errors import BadImage, BadOption
from cardiolens.types import CineStack

Box = tuple[int, int, int, int]
"""First row, row after the last, first column, column after the last; may reach beyond the frame."""


class Crop(Kinds, ABC):
    """Which part of the slice is shown."""

    @abstractmethod
    def box(self, cine: CineStack, slice_index: int) -> Box:
        """The shown part in pixels of the frame; what lies outside the frame is black."""


@dataclass(frozen=True)
class MaskBox(Crop):
    """A square around everything labelled in any phase of the slice."""

    margin: float = 0.15
    """Room on every side, as a share of the longer side of the labelled box. 0 to 2."""

    def __post_init__(self) -> None:
        if not 0 <= self.margin <= 2:
            raise BadOption("margin", found=str(self.margin), expected="0 to 2", remedy="choose a value in this range")

    def box(self, cine: CineStack, slice_index: int) -> Box:
        if cine.masks is None:
            raise BadImage(
                cine.source, found="no masks", expected="masks to find the heart by", remedy="segment it or use PublishedWindow"
            )
        labelled = (cine.masks[:, slice_index] > 0).any(axis=0)
        if not labelled.any():
            raise BadImage(
                cine.source,
                found=f"no heart in the masks of slice {slice_index}",
                expected="a labelled ventricle in the middle slice",
                remedy="check the segmentation",
            )
        rows, columns = np.flatnonzero(labelled.any(axis=1)), np.flatnonzero(labelled.any(axis=0))
        longer = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
        side = round(longer * (1 + 2 * self.margin))
        top = round((rows[0] + rows[-1] + 1 - side) / 2)
        left = round((columns[0] + columns[-1] + 1 - side) / 2)
        return top, top + side, left, left + side


@dataclass(frozen=True)
class PublishedWindow(Crop):
    """The fixed window of the published code: rows 44-121 and columns 68-145 of the frame zero-padded to 210 x 210."""

    padded: int = 210

    def box(self, cine: CineStack, slice_index: int) -> Box:
        height, width = cine.frames.shape[2:]
        # The published code truncates shares of the padded size: .21, .325 and .375 of 210.
        first_row, first_column, side = int(0.21 * self.padded), int(0.325 * self.padded), int(0.375 * self.padded)
        top, left = first_row - (self.padded - height) // 2, first_column - (self.padded - width) // 2
        return top, top + side, left, left + side


@dataclass(frozen=True)
class ViewConfig:
    """How a cine becomes a picture."""

    size: int = 210
    """Height and width of the picture in pixels; at least 8."""
    crop: Crop = field(default_factory=MaskBox)

    def __post_init__(self) -> None:
        if self.size < 8:
            raise BadOption("size", found=str(self.size), expected="8 or more", remedy="choose a larger picture")


_DEFAULT = ViewConfig()


def picture(
    cine: CineStack, *, ed: int, mid: int, es: int, config: ViewConfig = _DEFAULT
) -> UInt8[np.ndarray, "3 height width"]:
    """End-systole, mid and end-diastole of the middle slice, cropped to the heart and scaled to `config.size`.

    Raises:
        BadImage: a phase is missing, the picture has no contrast, or masks are needed and absent.
    """
    num_phases, num_slices = cine.frames.shape[:2]
    for phase in (ed, mid, es):
        if not 0 <= phase < num_phases:
            raise BadImage(
                cine.source,
                found=f"phase {phase} asked of {num_phases}",
                expected=f"0 to {num_phases - 1}",
                remedy="choose another phase",
            )
    middle = num_slices // 2
    shown = cut(cine.frames[[es, mid, ed], middle], config.crop.box(cine, middle))
    resized = resize_bilinear(shown, config.size)
    low, high = float(resized.min()), float(resized.max())
    if not np.isfinite([low, high]).all() or high <= low:
        raise BadImage(
            cine.source,
            found="no contrast around the heart",
            expected="a picture with bright and dark",
            remedy="check the scan",
        )
    return np.round((resized - low) * (255 / (high - low))).astype(np.uint8)


def cut(frames: Float[np.ndarray, "phase height width"], box: Box) -> Float[np.ndarray, "phase rows columns"]:
    """The part of each frame inside `box`, black where the box reaches beyond the frame."""
    top, bottom, left, right = box
    height, width = frames.shape[1:]
    out = np.zeros((len(frames), bottom - top, right - left), dtype=frames.dtype)
    rows, columns = slice(max(top, 0), min(bottom, height)), slice(max(left, 0), min(right, width))
    if rows.start < rows.stop and columns.start < columns.stop:
        out[:, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = frames[:, rows, columns]
    return out


def resize_bilinear(frames: Float[np.ndarray, "phase rows columns"], size: int) -> Float[np.ndarray, "phase size size"]:
    """Each frame at `size` x `size`, linear between pixel centres and constant beyond the outermost."""
    return _stretched(_stretched(frames, 1, size), 2, size)


def _stretched(frames: Float[np.ndarray, "phase rows columns"], axis: int, size: int) -> Float[np.ndarray, "phase _ _"]:
    # Two pixels and their shares, not a matrix product: that would round differently with another number of threads.
    old = frames.shape[axis]
    at = np.clip((np.arange(size) + 0.5) * old / size - 0.5, 0, old - 1)
    low = np.minimum(at.astype(int), max(old - 2, 0))
    share = np.expand_dims((at - low).astype(frames.dtype), 2 - axis)
    return np.take(frames, low, axis) * (1 - share) + np.take(frames, np.minimum(low + 1, old - 1), axis) * share
