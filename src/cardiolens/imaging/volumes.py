"""From a cine stack to arrays of one size for all: end-diastolic and end-systolic volumes, and the middle slice in motion.

Unlike the three-channel picture, which is scaled to the heart, every array here shows the same number of millimetres, so
that a large heart looks large. Values 0..255, from the darkest to what all but the brightest half per cent stay under.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from cardiolens.errors import BadImage, BadOption
from cardiolens.imaging.views import Box, MaskBox, cut, resize_bilinear
from cardiolens.types import CineStack

_BRIGHTEST_SHARE = 0.005


@dataclass(frozen=True)
class VolumeConfig:
    """The grid of volumes and cines."""

    slices: int = 12
    """Slices of a volume at the stack's own spacing, the middle one in place `slices // 2`; 1 to 64."""
    phases: int = 25
    """Phases of a cine, spread evenly over the beat; 1 to 200."""
    size: int = 96
    """Height and width in pixels; 8 to 512."""
    side_mm: float = 168.0
    """Height and width of what is shown, around the labelled heart of the middle slice; 50 to 500."""

    def __post_init__(self) -> None:
        ranges = {"slices": (1, 64), "phases": (1, 200), "size": (8, 512), "side_mm": (50, 500)}
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise BadOption(name, found=str(value), expected=f"{low} to {high}", remedy="choose a value in this range")


_DEFAULT = VolumeConfig()


def volumes(cine: CineStack, *, ed: int, es: int, config: VolumeConfig = _DEFAULT) -> UInt8[np.ndarray, "2 slice height width"]:
    """End-diastole and end-systole of all slices; places beyond the stack are black.

    Raises:
        BadImage: a phase is missing, the picture has no contrast, or there are no masks to find the heart by.
    """
    num_phases, num_slices = cine.frames.shape[:2]
    for phase in (ed, es):
        if not 0 <= phase < num_phases:
            raise BadImage(
                cine.source,
                found=f"phase {phase} asked of {num_phases}",
                expected=f"0 to {num_phases - 1}",
                remedy="choose another phase",
            )
    box = _box(cine, config)
    first = num_slices // 2 - config.slices // 2
    kept = range(max(first, 0), min(first + config.slices, num_slices))
    shown = np.zeros((2, config.slices, config.size, config.size), dtype=np.float32)
    for place, phase in enumerate((ed, es)):
        frames = cine.frames[phase, kept.start : kept.stop].astype(np.float32)
        shown[place, kept.start - first : kept.stop - first] = resize_bilinear(cut(frames, box), config.size)
    return _as_bytes(cine, shown)


def slice_cine(cine: CineStack, config: VolumeConfig = _DEFAULT) -> UInt8[np.ndarray, "phase height width"]:
    """The middle slice at `config.phases` moments spread evenly over the beat.

    Raises:
        BadImage: the picture has no contrast, or there are no masks to find the heart by.
    """
    num_phases, num_slices = cine.frames.shape[:2]
    phases = np.round(np.arange(config.phases) * num_phases / config.phases).astype(int) % num_phases
    frames = cine.frames[phases, num_slices // 2].astype(np.float32)
    return _as_bytes(cine, resize_bilinear(cut(frames, _box(cine, config)), config.size))


def _box(cine: CineStack, config: VolumeConfig) -> Box:
    top, bottom, left, right = MaskBox().box(cine, cine.frames.shape[1] // 2)
    rows, columns = (round(config.side_mm / spacing) for spacing in cine.spacing_mm[1:])
    top, left = round((top + bottom - rows) / 2), round((left + right - columns) / 2)
    return top, top + rows, left, left + columns


def _as_bytes(cine: CineStack, shown: Float[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape"]:
    low, high = float(shown.min()), float(np.quantile(shown, 1 - _BRIGHTEST_SHARE))
    if not np.isfinite([low, high]).all() or high <= low:
        raise BadImage(
            cine.source,
            found="no contrast around the heart",
            expected="a picture with bright and dark",
            remedy="check the scan",
        )
    return np.round(np.clip((shown - low) * (255 / (high - low)), 0, 255)).astype(np.uint8)
