"""What a segmenter does to a short-axis stack: masks of both ventricles on the scanner's own grid, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from cardiolens.configs import refuse_outside
from cardiolens.errors import BadImage
from cardiolens.imaging.mask_cleanup import clean_masks
from cardiolens.imaging.segmented import Agreement, Segmented
from cardiolens.imaging.stack_grid import Window, cut_out, heart_middle, put_back, with_neighbours
from cardiolens.nn.unet import NUM_CLASSES, UNet, UNetConfig
from cardiolens.progress import QUIET, Progress
from cardiolens.types import CineStack

_SLICES_AT_ONCE = 32
_BRIGHT = 0.995
_FINEST_MM, _COARSEST_MM = 0.3, 5.0


@dataclass(frozen=True)
class SegmenterConfig:
    """The input contract of a segmenter, and where it comes from."""

    name: str
    schema_version: int
    unet: UNetConfig
    pixel_mm: float
    """Side of the pixels it was trained on."""
    pixels: int
    """Height and width of what it looks at."""
    training: str
    """What it was trained on, in words."""
    weights_sha256: str
    """Digest of the weight file."""
    turns_deg: tuple[float, ...] = (-14.0, 0.0, 14.0)
    """Turns under which the heart is looked at; the answers are averaged."""
    zooms: tuple[float, ...] = (0.93, 1.08)
    """Factors on the size of the pixels, likewise."""

    def __post_init__(self) -> None:
        refuse_outside(
            self,
            {
                "pixel_mm": (0.3 <= self.pixel_mm <= 5, "0.3 to 5"),
                "pixels": (16 <= self.pixels <= 1024 and self.pixels % self.unet.divisor == 0, "16 to 1024, divisible"),
                "turns_deg": (1 <= len(self.turns_deg) <= 9, "1 to 9 turns"),
                "zooms": (1 <= len(self.zooms) <= 9 and all(0.5 <= z <= 2 for z in self.zooms), "1 to 9 factors, 0.5 to 2"),
            },
        )


Masks = UInt8[np.ndarray, "phase slice height width"]


@dataclass(frozen=True)
class Segmenter:
    """A network and how to feed it."""

    config: SegmenterConfig
    net: UNet

    def segment(self, cine: CineStack) -> UInt8[np.ndarray, "phase slice height width"]:
        """Labels on the grid of the stack: 0 background, 1 LV cavity, 2 myocardium, 3 RV cavity.

        The heart is found first; then a square around it is labelled slice by slice, each with its neighbours, under small
        turns and zooms whose answers are averaged. Slices run from base to apex or the other way round. Pixels outside the
        square are background.

        Raises:
            BadImage: the stack has no contrast, values that are not finite, or pixels of no sensible size.
        """
        _, row_mm, column_mm = cine.spacing_mm
        views = self._views(cine)
        masks = np.stack([views.consensus(phase)[0] for phase in range(len(cine.frames))])
        return clean_masks(masks, pixel_mm2=row_mm * column_mm)

    def segment_beat(self, cine: CineStack, choose: Callable[[Masks], Sequence[int]], progress: Progress = QUIET) -> Segmented:
        """Every phase at a glance, and the phases that `choose` picks from those labels with care, as `segment` does.

        Between the careful passes of a phase lies its agreement: what each pass and their average have in common, a
        measure of how sure the network is.

        Raises:
            BadImage: as `segment`.
        """
        _, row_mm, column_mm = cine.spacing_mm
        views = self._views(cine)
        with progress.task("segmenting", total=len(cine.frames), unit="phases") as task:
            masks = []
            for phase in range(len(cine.frames)):
                masks.append(views.glance(phase))
                task.advance()
        quick = clean_masks(np.stack(masks), pixel_mm2=row_mm * column_mm)
        chosen = tuple(choose(quick))
        agreement = {}
        for phase in sorted(set(chosen)):
            masks[phase], agreement[phase] = views.consensus(phase)
        cleaned = clean_masks(np.stack(masks), pixel_mm2=row_mm * column_mm)
        return Segmented(cleaned, chosen, agreement)

    def _views(self, cine: CineStack) -> _Views:
        frames = _stretched(cine)
        _, row_mm, column_mm = cine.spacing_mm
        heart = self._around_heart(frames, (self.config.pixel_mm / row_mm, self.config.pixel_mm / column_mm))
        return _Views(self, frames, heart)

    def _around_heart(self, frames: Float32[np.ndarray, "phase slice height width"], scale: tuple[float, float]) -> Window:
        height, width = frames.shape[-2:]
        step = self.net.config.divisor
        whole = int(np.ceil(max(height / scale[0], width / scale[1]) / step)) * step
        overview = Window((height / 2, width / 2), scale, whole)
        every_other = range(0, frames.shape[1], 2)
        heart = np.concatenate([1 - self._chances(cut_out(phase, overview), every_other)[:, 0] for phase in frames[[0, -1]]])
        row, column = heart_middle(heart, reach=self.config.pixels // 3)
        place = tuple(
            middle + (at + 0.5 - whole / 2) * step_px
            for middle, at, step_px in zip(overview.middle, (row, column), scale, strict=True)
        )
        return Window(place, scale, self.config.pixels)

    def _chances(
        self, slices: Float32[np.ndarray, "slice height width"], wanted: range, turn_deg: float = 0.0
    ) -> Float32[np.ndarray, "wanted label height width"]:
        """Probability of each label in the wanted slices, seen turned, in pieces of a bounded size."""
        shown = torch.from_numpy(with_neighbours(slices, wanted))
        with torch.inference_mode():
            parts = (self.net(_turned(part, turn_deg)).float().softmax(dim=1) for part in shown.split(_SLICES_AT_ONCE))
            return torch.cat([_turned(part, -turn_deg) for part in parts]).numpy()


@dataclass(frozen=True)
class _Views:
    """One stack, ready to be looked at phase by phase around its heart."""

    segmenter: Segmenter
    frames: Float32[np.ndarray, "phase slice height width"]
    heart: Window

    def glance(self, phase: int) -> UInt8[np.ndarray, "slice height width"]:
        """Labels of one upright pass."""
        return self._chances(phase, 1.0, 0.0).argmax(axis=1).astype(np.uint8)

    def consensus(self, phase: int) -> tuple[UInt8[np.ndarray, "slice height width"], Agreement]:
        """Labels of the average over all turns and zooms, and how far the passes agree with it."""
        config = self.segmenter.config
        passes = [self._chances(phase, zoom, turn) for zoom in config.zooms for turn in config.turns_deg]
        # Outside the window every chance is zero, and the first of equals is the background.
        labels = np.sum(passes, axis=0).argmax(axis=1).astype(np.uint8)
        overlaps = np.array([_dice(one.argmax(axis=1), labels) for one in passes])
        return labels, Agreement(*overlaps.mean(axis=0).tolist())

    def _chances(self, phase: int, zoom: float, turn_deg: float) -> Float32[np.ndarray, "slice label height width"]:
        window = self.heart.zoomed(zoom)
        slices = cut_out(self.frames[phase], window)
        chances = self.segmenter._chances(slices, range(len(slices)), turn_deg)
        return put_back(chances, window, height=self.frames.shape[2], width=self.frames.shape[3])


def _dice(found: np.ndarray, wanted: np.ndarray) -> list[float]:
    """Overlap of each structure over the whole stack; one where neither shows it."""
    overlaps = []
    for label in range(1, NUM_CLASSES):
        a, b = found == label, wanted == label
        total = int(a.sum() + b.sum())
        overlaps.append(2 * float((a & b).sum()) / total if total else 1.0)
    return overlaps


def _turned(
    pictures: Float[Tensor, "batch channel height width"], degrees: float
) -> Float[Tensor, "batch channel height width"]:
    if not degrees:
        return pictures
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turn = torch.tensor([[cos, -sin, 0.0], [sin, cos, 0.0]]).expand(len(pictures), 2, 3)
    return grid_sample(pictures, affine_grid(turn, pictures.shape, align_corners=False), align_corners=False)


def _stretched(cine: CineStack) -> Float32[np.ndarray, "phase slice height width"]:
    """Brightness from 0 to 1, with the brightest half per cent cut off as in the training scans."""
    low, high = float(cine.frames.min()), float(np.quantile(cine.frames, _BRIGHT))
    in_plane = cine.spacing_mm[1:]
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        raise BadImage(
            cine.source,
            found=f"brightness from {low:g} to {high:g}",
            expected="a picture with bright and dark",
            remedy="check the scan",
        )
    if not all(_FINEST_MM <= side <= _COARSEST_MM for side in in_plane):
        raise BadImage(
            cine.source,
            found=f"pixels of {in_plane[0]:g} x {in_plane[1]:g} mm",
            expected=f"{_FINEST_MM:g} to {_COARSEST_MM:g} mm",
            remedy="correct the spacing",
        )
    return np.clip((cine.frames - low) / (high - low), 0, 1).astype(np.float32)
