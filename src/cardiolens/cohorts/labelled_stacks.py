"""A user's labelled short-axis stacks as a training loop wants them: batches of slices with neighbours, varied every time.

Takes the place of a cohort's loader, as `synthetic.scans.source` does. Each stack is cut to the segmenter's pixels once, with
room around the heart; turns, zooms, shifts, mirrors and contrast are drawn per slice on whole batches and follow from the
seed, so a run that stops and resumes sees the same slices.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from cardiolens.batch import Batch
from cardiolens.configs import refuse_outside
from cardiolens.errors import BadImage, BadOption
from cardiolens.imaging.stack_grid import Window, cut_out, with_neighbours
from cardiolens.keyed_random import normal, sample_keys, uniform
from cardiolens.types import CineStack

_BRIGHT = 0.995
_ROOM = 1.5
"""How much larger than the network's view a stored slice is, so that turning and shifting it shows no edge."""


@dataclass(frozen=True)
class SliceVariation:
    """How much a slice is varied in training; all zero shows it as it is."""

    turn_deg: float = 30.0
    """Largest turn either way."""
    zoom: float = 0.15
    """Largest change of size, as a share."""
    shift: float = 0.1
    """Largest shift, as a share of the view."""
    mirror: bool = True
    """Whether half of the slices are mirrored."""
    gamma: float = 0.4
    """Largest change of the logarithm of contrast's exponent."""
    noise: float = 0.05
    """Largest standard deviation of noise, as a share of the brightness range."""

    def __post_init__(self) -> None:
        refuse_outside(
            self,
            {
                "turn_deg": (0 <= self.turn_deg <= 180, "0 to 180"),
                "zoom": (0 <= self.zoom <= 0.5, "0 to 0.5"),
                "shift": (0 <= self.shift <= 0.25, "0 to 0.25"),
                "gamma": (0 <= self.gamma <= 1, "0 to 1"),
                "noise": (0 <= self.noise <= 1, "0 to 1"),
            },
        )


AS_IT_IS = SliceVariation(turn_deg=0.0, zoom=0.0, shift=0.0, mirror=False, gamma=0.0, noise=0.0)


class LabelledStacks:
    """Every slice of every labelled phase, once per epoch in an order of its own."""

    def __init__(
        self,
        stacks: Sequence[CineStack],
        *,
        pixel_mm: float,
        pixels: int,
        batch_size: int,
        seed: int,
        variation: SliceVariation,
    ) -> None:
        self._pixels, self._batch_size, self._seed, self._variation = pixels, batch_size, seed, variation
        shown, labels = zip(*(self._slices(stack, pixel_mm) for stack in stacks), strict=True) if stacks else ((), ())
        if sum(map(len, shown)) < batch_size:
            raise BadOption(
                "stacks",
                found=f"{sum(map(len, shown))} labelled slices in {len(stacks)} stacks",
                expected=f"at least a batch of {batch_size}",
                remedy="label more stacks, or choose a smaller --batch-size",
            )
        self._shown, self._labels = torch.from_numpy(np.concatenate(shown)), torch.from_numpy(np.concatenate(labels))

    def __len__(self) -> int:
        """Batches per epoch."""
        return len(self._shown) // self._batch_size

    def epoch(self, epoch: int, *, shuffle: bool, start_batch: int = 0) -> Generator[Batch, None, None]:
        """The batches of one epoch from `start_batch` on."""
        order = np.arange(len(self._shown))
        if shuffle:
            np.random.default_rng((self._seed, epoch)).shuffle(order)
        for number in range(start_batch, len(self)):
            rows = order[number * self._batch_size : (number + 1) * self._batch_size]
            keys = torch.from_numpy(sample_keys(seed=self._seed, epoch=epoch if shuffle else 0, rows=rows))
            yield self._batch(torch.from_numpy(rows), keys)

    def _batch(self, rows: Int[Tensor, " batch"], keys: Int[Tensor, " batch"]) -> Batch:
        places = _places(keys, self._variation, room=self._pixels / self._shown.shape[-1])
        grid = affine_grid(places, [len(rows), 3, self._pixels, self._pixels], align_corners=False)
        shown = grid_sample(self._shown[rows].float(), grid, align_corners=False)
        labels = grid_sample(self._labels[rows][:, None].float(), grid, mode="nearest", align_corners=False)[:, 0]
        exponent = torch.exp(self._variation.gamma * _signed(keys, "gamma"))[:, None, None, None]
        shown = shown.clamp(0, 1) ** exponent
        spread = self._variation.noise * uniform(keys, "noise size")[:, None, None, None]
        if self._variation.noise:
            shown = shown + spread * normal(keys, "noise", 3, self._pixels, self._pixels)
        nothing = torch.zeros(len(rows), 0)
        return Batch(ecg=nothing[:, None], ecg_scale=nothing, keys=keys, cmr=shown, cmr_mask=labels.long())

    def _slices(self, stack: CineStack, pixel_mm: float) -> tuple[np.ndarray, np.ndarray]:
        """Slices with neighbours and their labels, of the phases that are labelled, around the labelled heart."""
        if stack.masks is None or not (stack.masks > 0).any():
            raise BadImage(stack.source, found="no labels", expected="labelled ventricles", remedy="leave the stack out")
        low, high = float(stack.frames.min()), float(np.quantile(stack.frames, _BRIGHT))
        heart = (stack.masks > 0).any(axis=(0, 1))
        rows, columns = np.flatnonzero(heart.any(axis=1)), np.flatnonzero(heart.any(axis=0))
        middle = ((rows[0] + rows[-1] + 1) / 2, (columns[0] + columns[-1] + 1) / 2)
        window = Window(middle, tuple(pixel_mm / side for side in stack.spacing_mm[1:]), math.ceil(self._pixels * _ROOM))
        shown, labels = [], []
        for frames, masks in zip(stack.frames, stack.masks, strict=True):
            if not (masks > 0).any():
                continue
            bright = np.clip((cut_out(frames, window) - low) / max(high - low, 1e-6), 0, 1).astype(np.float16)
            shown.append(with_neighbours(bright, range(len(bright))))
            chances = cut_out(np.stack([masks == label for label in range(4)]).astype(np.float32), window)
            labels.append(chances[1:].argmax(axis=0) + 1)
            labels[-1][chances[1:].max(axis=0) < 0.5] = 0
        return np.concatenate(shown), np.concatenate(labels).astype(np.uint8)


def num_labelled_slices(stacks: Sequence[CineStack]) -> int:
    """Slices of all phases that hold any label."""
    return sum(
        int((stack.masks > 0).any(axis=(1, 2, 3)).sum()) * stack.frames.shape[1] for stack in stacks if stack.masks is not None
    )


def _places(keys: Int[Tensor, " batch"], variation: SliceVariation, *, room: float) -> Float[Tensor, "batch 2 3"]:
    """Where each view lies in its stored slice, for `affine_grid`."""
    turn = math.radians(variation.turn_deg) * _signed(keys, "turn")
    size = room * (1 + variation.zoom * _signed(keys, "zoom"))
    mirror = torch.where(uniform(keys, "mirror") < 0.5, -1.0, 1.0) if variation.mirror else torch.ones(len(keys))
    places = torch.zeros(len(keys), 2, 3)
    places[:, 0, 0], places[:, 0, 1] = mirror * size * torch.cos(turn), -size * torch.sin(turn)
    places[:, 1, 0], places[:, 1, 1] = mirror * size * torch.sin(turn), size * torch.cos(turn)
    for axis, name in enumerate(("right", "down")):
        places[:, axis, 2] = 2 * room * variation.shift * _signed(keys, name)
    return places


def _signed(keys: Int[Tensor, " batch"], stream: str) -> Float[Tensor, " batch"]:
    return 2 * uniform(keys, stream) - 1
