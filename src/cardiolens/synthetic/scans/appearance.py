"""What a scanner and its reader make of a clean slice: coil shading, blur, noise, bands, brightness curve.

All of it follows from one generator; one setting per stack with a little of its own per slice, as in a real scan.
"""

from __future__ import annotations

import functools

import numpy as np
from jaxtyping import Float32

_POOL_PIXELS = 384
_GRAINS = (0.7, 1.4, 4.0, 8.0)


def textures(num_slices: int, size: int, rng: np.random.Generator) -> Float32[np.ndarray, "slice grain height width"]:
    """Four maps of smooth noise per slice, of unit variance, from fine to coarse."""
    pool = _texture_pool()
    corners = rng.integers(0, _POOL_PIXELS - size, (num_slices, len(_GRAINS), 2))
    return np.stack(
        [np.stack([pool[g, y : y + size, x : x + size] for g, (y, x) in enumerate(corner)]) for corner in corners.tolist()]
    )


@functools.cache
def _texture_pool() -> Float32[np.ndarray, "grain row column"]:
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(9)
    maps = [gaussian_filter(rng.standard_normal((_POOL_PIXELS, _POOL_PIXELS)), s, mode="wrap") for s in _GRAINS]
    return np.stack([m / m.std() for m in maps]).astype(np.float32)


def degrade(
    frames: Float32[np.ndarray, "slice height width"], rng: np.random.Generator
) -> Float32[np.ndarray, "slice height width"]:
    """The stack as it is stored: shaded, softened, noisy, clipped at the bright end; without unit."""
    from scipy.ndimage import gaussian_filter

    frames = frames * _shading(frames.shape, rng)
    if rng.random() < 0.06:
        frames = frames * _band(frames.shape, rng)
    noise = np.exp(rng.uniform(np.log(0.008), np.log(0.09)))
    parts = noise * rng.standard_normal((2, *frames.shape), dtype=np.float32)
    # Pixels of the scanner are as large as ours or larger: its noise is smooth on our grid.
    soft = rng.uniform(0.0, 0.9)
    if soft > 0.25:
        both = gaussian_filter(np.stack([frames + parts[0], parts[1]]), (0, 0, soft, soft))
    else:
        both = np.stack([frames + parts[0], parts[1]])
    frames = np.sqrt(both[0] ** 2 + both[1] ** 2)
    frames = frames * np.exp(0.08 * rng.standard_normal((len(frames), 1, 1))).astype(np.float32)
    top = np.quantile(frames[:, ::3, ::3], rng.uniform(0.96, 1.0))
    frames = np.clip(frames / top, 0, 1) ** np.float32(np.exp(rng.uniform(-0.35, 0.45)))
    return np.round(frames * 255).astype(np.float32) / np.float32(255)


def _shading(shape: tuple[int, ...], rng: np.random.Generator) -> Float32[np.ndarray, "1 height width"]:
    """Brightness falls off with the distance to the coil, mostly in front of the chest, which is left or up."""
    y, x = np.linspace(-1, 1, shape[1])[:, None], np.linspace(-1, 1, shape[2])[None, :]
    strength = rng.uniform(0.0, 0.65)
    angle = rng.normal(np.pi * 1.2, 0.8)
    slope = strength * (np.cos(angle) * x + np.sin(angle) * y)
    wave = 0.18 * strength * (rng.normal() * x**2 + rng.normal() * y**2 + 1.5 * rng.normal() * x * y)
    near = rng.uniform(0.0, 0.7) * np.exp(-((x - 1.2 * np.cos(angle)) ** 2 + (y - 1.2 * np.sin(angle)) ** 2) / 0.5)
    return np.exp(slope + wave + near).astype(np.float32)[None]


def _band(shape: tuple[int, ...], rng: np.random.Generator) -> Float32[np.ndarray, "1 height width"]:
    """A dark line where the field is off."""
    y, x = np.linspace(-1, 1, shape[1])[:, None], np.linspace(-1, 1, shape[2])[None, :]
    angle = rng.uniform(0, np.pi)
    away = np.cos(angle) * x + np.sin(angle) * y + 0.3 * rng.normal() * (x**2 + y**2) - rng.uniform(-0.7, 0.7)
    return (1 - rng.uniform(0.3, 0.9) * np.exp(-((away / rng.uniform(0.02, 0.06)) ** 2))).astype(np.float32)[None]
