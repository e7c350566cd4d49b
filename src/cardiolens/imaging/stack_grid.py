"""Between a scanner's grid and the segmenter's: square pixels of a fixed size around the heart, and slices with neighbours."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from einops import rearrange
from jaxtyping import Float, Float32, Int


@dataclass(frozen=True)
class Window:
    """A square of `pixels` x `pixels` new pixels around a place in the old picture."""

    middle: tuple[float, float]
    """Row and column in old pixels, counted from the outer edge of the first."""
    scale: tuple[float, float]
    """Old pixels per new pixel, by row and column."""
    pixels: int

    def zoomed(self, factor: float) -> Window:
        """As many pixels around the same place, `factor` times as large."""
        return replace(self, scale=(self.scale[0] * factor, self.scale[1] * factor))

    def sampled_at(self, axis: int) -> Float[np.ndarray, " new"]:
        """Places of the new pixels' centres, in old pixels from the centre of the first."""
        return self.middle[axis] + (np.arange(self.pixels) + 0.5 - self.pixels / 2) * self.scale[axis] - 0.5

    def found_at(self, axis: int, size: int) -> Float[np.ndarray, " old"]:
        """Places of the `size` old pixels' centres, in new pixels from the centre of the first."""
        return (np.arange(size) + 0.5 - self.middle[axis]) / self.scale[axis] + self.pixels / 2 - 0.5


def cut_out(
    frames: Float[np.ndarray, "*frame height width"], window: Window
) -> Float32[np.ndarray, "*frame new_height new_width"]:
    """The window's pixels by linear interpolation; outside the picture zero. Finer pictures are averaged first."""
    flat = np.asarray(frames, dtype=np.float32).reshape(-1, *frames.shape[-2:])
    for axis in (1, 2):
        if window.scale[axis - 1] > 1.5:
            flat = _averaged(flat, axis, window.scale[axis - 1])
        flat = _interpolated(flat, axis, window.sampled_at(axis - 1))
    return flat.reshape(*frames.shape[:-2], window.pixels, window.pixels)


def put_back(
    maps: Float32[np.ndarray, "*map new_height new_width"], window: Window, *, height: int, width: int
) -> Float32[np.ndarray, "*map height width"]:
    """Maps on the window's grid at the pixels of the picture it was cut from; outside the window zero."""
    flat = maps.reshape(-1, *maps.shape[-2:])
    for axis, size in ((1, height), (2, width)):
        flat = _interpolated(flat, axis, window.found_at(axis - 1, size))
    return flat.reshape(*maps.shape[:-2], height, width)


def with_neighbours(
    frames: Float[np.ndarray, "slice height width"], wanted: range
) -> Float[np.ndarray, "wanted 3 height width"]:
    """Some slices, each between the one above it and the one below; beyond an end the last slice stands for its neighbour."""
    middle: Int[np.ndarray, " wanted"] = np.asarray(wanted)
    around = np.stack([np.maximum(middle - 1, 0), middle, np.minimum(middle + 1, len(frames) - 1)], axis=1)
    return frames[around]


def _interpolated(flat: np.ndarray, axis: int, at: np.ndarray) -> np.ndarray:
    old = flat.shape[axis]
    low = np.floor(at).astype(int)
    share = np.expand_dims((at - low).astype(np.float32), 2 - axis)
    # One row of nothing on either side, on which everything outside falls.
    padded = np.pad(flat, [(1, 1) if a == axis else (0, 0) for a in range(3)])
    first, second = np.clip(low, -1, old) + 1, np.clip(low + 1, -1, old) + 1
    return np.take(padded, first, axis) * (1 - share) + np.take(padded, second, axis) * share


def _averaged(flat: np.ndarray, axis: int, pixels: float) -> np.ndarray:
    from scipy.ndimage import gaussian_filter1d

    return gaussian_filter1d(flat, pixels / 3, axis=axis)


def heart_middle(heart: Float[np.ndarray, "frame height width"], *, reach: int) -> tuple[int, int]:
    """Row and column around which a square of twice `reach` pixels holds most of the heart's probability.

    Far from the middle of the picture the same probability counts less: scans are centred on the heart.
    """
    from scipy.ndimage import uniform_filter

    total = heart.sum(axis=0)
    rows, columns = (np.linspace(-1, 1, size) for size in total.shape)
    prior = np.exp(-0.5 * ((rows[:, None] / 0.6) ** 2 + (columns[None] / 0.6) ** 2))
    gathered = uniform_filter(total * prior, 2 * reach + 1, mode="constant")
    row, column = np.unravel_index(int(gathered.argmax()), total.shape)
    near = np.zeros_like(total)
    square = slice(max(row - reach, 0), row + reach + 1), slice(max(column - reach, 0), column + reach + 1)
    near[square] = (total * prior)[square]
    if near.sum() <= 0:
        return total.shape[0] // 2, total.shape[1] // 2
    weights = rearrange(near, "row column -> row column") / near.sum()
    return round(float((weights.sum(axis=1) * np.arange(len(rows))).sum())), round(
        float((weights.sum(axis=0) * np.arange(len(columns))).sum())
    )
