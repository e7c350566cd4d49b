"""A segmenter as files, and what it does to a short-axis stack: masks of both ventricles on the scanner's own grid.

The folder holds `model.safetensors`, `config.json` and `MODEL_CARD.md`; `config.json` carries the SHA-256 of the weights.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from cardiolens.atomic import full_disk_named, sha256, write_atomically
from cardiolens.bundles.weights import read_safetensors, write_safetensors
from cardiolens.configs import from_json, refuse_outside, to_json
from cardiolens.errors import BadBundle, BadImage, BadOption, BadWeights
from cardiolens.imaging.mask_cleanup import clean_masks
from cardiolens.imaging.stack_grid import Window, cut_out, heart_middle, put_back, with_neighbours
from cardiolens.nn.unet import UNet, UNetConfig
from cardiolens.types import CineStack

SCHEMA_VERSION = 1
WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "MODEL_CARD.md"
_MOST_CONFIG_BYTES = 1 << 20
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
        frames = _stretched(cine)
        _, row_mm, column_mm = cine.spacing_mm
        scale = (self.config.pixel_mm / row_mm, self.config.pixel_mm / column_mm)
        heart = self._around_heart(frames, scale)
        windows = [heart.zoomed(zoom) for zoom in self.config.zooms]
        height, width = frames.shape[-2:]
        masks = np.empty(frames.shape, dtype=np.uint8)
        for phase, mask in zip(frames, masks, strict=True):
            native = sum(put_back(self._average(cut_out(phase, w)), w, height=height, width=width) for w in windows)
            # Outside the window every chance is zero, and the first of equals is the background.
            mask[:] = native.argmax(axis=1)
        return clean_masks(masks, pixel_mm2=row_mm * column_mm)

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

    def _average(self, slices: Float32[np.ndarray, "slice height width"]) -> Float32[np.ndarray, "slice label height width"]:
        return np.mean([self._chances(slices, range(len(slices)), turn) for turn in self.config.turns_deg], axis=0)

    def _chances(
        self, slices: Float32[np.ndarray, "slice height width"], wanted: range, turn_deg: float = 0.0
    ) -> Float32[np.ndarray, "wanted label height width"]:
        """Probability of each label in the wanted slices, seen turned, in pieces of a bounded size."""
        shown = torch.from_numpy(with_neighbours(slices, wanted))
        with torch.inference_mode():
            parts = (self.net(_turned(part, turn_deg)).float().softmax(dim=1) for part in shown.split(_SLICES_AT_ONCE))
            return torch.cat([_turned(part, -turn_deg) for part in parts]).numpy()


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


def read_segmenter(path: Path) -> Segmenter:
    """The segmenter in folder `path`, checked, on the CPU; nothing in the folder is ever executed.

    Raises:
        BadBundle: a file is missing or changed, the schema is unknown, or the weights are those of another network.
    """
    config = _read_config(path / CONFIG)
    weights = path / WEIGHTS
    try:
        found = sha256(weights)
    except OSError:
        _refuse(path, f"no {WEIGHTS}", f"a segmenter of {WEIGHTS}, {CONFIG} and {CARD}")
    if found != config.weights_sha256:
        _refuse(weights, f"a file with SHA-256 {found[:12]}…", f"{config.weights_sha256[:12]}… as {CONFIG} says")
    try:
        state = read_safetensors(weights)
        net = UNet(config.unet)
        net.load_state_dict(state, strict=True)
    except BadWeights as error:
        raise BadBundle(path, found=f"{WEIGHTS} with {error.found}", expected=error.expected, remedy=_REMEDY) from error
    except RuntimeError as error:
        _refuse(weights, f"tensors of another network ({error})", f"those that {CONFIG} describes")
    if broken := [name for name, tensor in state.items() if not torch.isfinite(tensor).all()]:
        _refuse(weights, f"values in {broken[0]} that are not finite", "finite weights")
    return Segmenter(config, net.eval())


def write_segmenter(path: Path, segmenter: Segmenter, *, card: str) -> Segmenter:
    """Write a segmenter into folder `path` in half precision, its description last, and give what was read back.

    Raises:
        BadWeights: a weight is not finite in half precision.
        NoSpace: the device is full; an older segmenter in the folder is refused from then on, not half used.
    """
    with full_disk_named(path):
        path.mkdir(parents=True, exist_ok=True)
    write_safetensors(path / WEIGHTS, segmenter.net.state_dict(), half=True)
    write_atomically(path / CARD, card.encode())
    config = replace(segmenter.config, weights_sha256=sha256(path / WEIGHTS))
    write_atomically(path / CONFIG, (json.dumps(to_json(config), indent=1, ensure_ascii=False) + "\n").encode())
    return read_segmenter(path)


def shipped_segmenter_path() -> Path:
    """The folder of the segmenter that comes with the package, trained on procedural scans.

    Raises:
        BadBundle: this installation has none.
    """
    path = Path(__file__).parent / "shipped_segmenter"
    if not (path / CONFIG).is_file():
        _refuse("cardiolens", "no shipped segmenter in this installation", "its folder bundles/shipped_segmenter")
    return path


_REMEDY = "fetch or write the segmenter again"


def _read_config(file: Path) -> SegmenterConfig:
    try:
        size = file.stat().st_size
        raw = file.read_bytes() if size <= _MOST_CONFIG_BYTES else b""
    except OSError:
        _refuse(file.parent, f"no {CONFIG}", f"a segmenter of {WEIGHTS}, {CONFIG} and {CARD}")
    try:
        stored = json.loads(raw)
        version = stored.get("schema_version")
    except (ValueError, RecursionError, AttributeError) as error:
        _refuse(file, f"no description of a segmenter ({error})", "the file that this program wrote")
    if version != SCHEMA_VERSION:
        _refuse(file, f"schema version {version}", f"version {SCHEMA_VERSION}")
    try:
        return from_json(SegmenterConfig, stored, source=file)
    except BadOption as error:
        _refuse(file, error.found, error.expected)


def _refuse(source: str | Path, found: str, expected: str) -> NoReturn:
    raise BadBundle(source, found=found[:300], expected=expected, remedy=_REMEDY)
