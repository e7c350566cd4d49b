"""How one scan looks: signal of the tissues, sharpness, coil shading, artefacts, and what surrounds the heart.

Medians follow balanced SSFP at 1.5 T and what 80 end-diastolic ACDC stacks show (wall over blood 0.33, right over left blood
0.84); spreads are wide on purpose, so that what is learnt here does not hang on one scanner. Nothing here moves with the
beat; the heart's contours are in `mri_geometry`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int

from cardiolens.synthetic.population import Person
from cardiolens.synthetic.settings import SyntheticConfig

POOL_PIXELS = 512
_SIGNAL = np.array([1.0, 0.33, 1.25, 0.06, 0.42, 0.27, 0.84, 0.55])
_SIGNAL_SPREAD = np.array([0.0, 0.20, 0.20, 0.35, 0.20, 0.20, 0.11, 0.30])
_NUM_NORMALS, _NUM_UNIFORMS = 64, 8
_BAND, _GHOST, _SMEAR, _HOLE = 0.05, 0.03, 0.03, 0.02
"""Share of scans with an off-resonance band, a ghost, a smear by motion, and signal lost near metal."""


@dataclass(frozen=True)
class Look:
    """Everything that one scan's pictures share. Lengths in mm, rows before columns."""

    tissue: Float[np.ndarray, " tissue"]
    """Blood, myocardium, fat, lung, liver, muscle, right-heart blood, vessels of the lung; left blood is one."""
    blur_mm: float
    centre: Float[np.ndarray, "2"]
    """Of the left ventricle at end-diastole, in the middle slice."""
    turn: float
    """Of the heart in the picture, in turns."""
    lean: Float[np.ndarray, "2"]
    """How the centre moves per mm towards the base: no plane is exactly across the long axis."""
    chest: Float[np.ndarray, "8"]
    dome: Float[np.ndarray, "4"]
    organs: Float[np.ndarray, "organ 7"]
    corner: Int[np.ndarray, "3 2"]
    """Where each map of the texture pool is read."""
    gain: Float32[np.ndarray, "height width"]
    """Coil shading, scanner units and lost signal."""
    noise: float
    """Sigma of the Rician noise in units of blood, before the gain."""
    ghost: float
    smear_pixels: int


def draw_look(
    person: Person, *, heart_radius_mm: float, right_width_mm: float, config: SyntheticConfig, rng: np.random.Generator
) -> Look:
    """The look of one scan; it draws the same number of numbers whatever they turn out to be."""
    z, u = rng.standard_normal(_NUM_NORMALS), rng.random(_NUM_UNIFORMS)
    size, pixel, spread = config.frame_pixels, config.pixel_mm, config.appearance_spread
    # After padding to 210 pixels the published window is centred on row 83 and column 107.
    middle = (np.array([83.0, 107.0]) - (210 - size) / 2) * pixel
    centre = middle + np.array([4.5 * z[0], 0.42 * right_width_mm + 4.5 * z[1]])
    signal = _SIGNAL * np.exp(spread * _SIGNAL_SPREAD * z[2:10])
    signal[1] = np.clip(signal[1], 0.15, 0.75)
    return Look(
        tissue=signal,
        blur_mm=float(pixel * np.clip(1.15 * np.exp(0.16 * spread * z[10]), 0.6, 2.2)),
        centre=centre,
        turn=float((14 + 9 * z[11]) / 360),
        lean=np.array([0.05, 0.04]) * z[12:14],
        chest=_chest(person, centre, heart_radius_mm, z[14:20]),
        dome=np.array([heart_radius_mm + 4 + 4 * z[20], 0.20 + 0.10 * z[21], -32 + 10 * z[22], 0.0035 * np.exp(0.3 * z[23])]),
        organs=_organs(heart_radius_mm, signal, person, z[24:40], u[0]),
        corner=(rng.random((3, 2)) * (POOL_PIXELS - size)).astype(np.int64),
        gain=_gain(size, spread, z[40:54], u),
        noise=float(config.mri_noise * 0.030 * np.exp(0.3 * spread * z[54])),
        ghost=float(0.05 + 0.10 * u[6]) if u[2] < _GHOST * spread else 0.0,
        smear_pixels=1 + int(u[6] > 0.6) if u[3] < _SMEAR * spread else 0,
    )


@functools.cache
def texture_pool() -> Float32[np.ndarray, "3 row column"]:
    """Smooth noise of unit variance at three grains: flow, lung vessels, organ structure."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(21)
    maps = [gaussian_filter(rng.standard_normal((POOL_PIXELS, POOL_PIXELS)), s, mode="wrap") for s in (2.8, 1.1, 1.5)]
    return np.stack([m / m.std() for m in maps]).astype(np.float32)


def finished(
    frames: Float32[np.ndarray, "phase height width"], look: Look, rng: np.random.Generator
) -> Float32[np.ndarray, "phase height width"]:
    """Frames as the scanner gives them: motion, noise, shading."""
    if look.smear_pixels:
        frames = (frames + np.roll(frames, look.smear_pixels, axis=1) + np.roll(frames, -look.smear_pixels, axis=1)) / 3
    if look.ghost:
        frames = frames + np.float32(look.ghost) * np.roll(frames, frames.shape[1] // 2, axis=1)
    noise = rng.standard_normal((2, *frames.shape), dtype=np.float32)
    noise *= np.float32(look.noise)
    noise[0] += frames
    return np.sqrt(noise[0] ** 2 + noise[1] ** 2) * look.gain


def _chest(
    person: Person, centre: Float[np.ndarray, "2"], heart_radius_mm: float, z: Float[np.ndarray, " draw"]
) -> Float[np.ndarray, "8"]:
    """The wall of the chest: an ellipse whose front lies before the right ventricle, up and to the left."""
    height, width = 92 + 5 * z[0], 116 + 7 * z[1]
    turn = np.radians(-18 + 7 * z[2])
    front = heart_radius_mm + 5 + 4 * abs(z[3])
    return np.array(
        [centre[0] - front + height, centre[1] + 22 + 6 * z[4], height, width, np.cos(turn), np.sin(turn),
         12 + 1.0 * z[5], np.clip(7 + 1.5 * (person.bmi - 24) + (0 if person.male else 4), 4, 40)]
    )  # fmt: skip


def _organs(
    radius: float, signal: Float[np.ndarray, " tissue"], person: Person, z: Float[np.ndarray, " draw"], chance: float
) -> Float[np.ndarray, "organ 7"]:
    """Spine, stomach, spleen and descending aorta: row, column, half height, half width, signal, texture, border."""
    blood, _, fat, lung, _, muscle, _, _ = signal
    stomach = lung if chance < 0.5 else (muscle if chance < 0.8 else 0.8 * fat)
    spleen = 1.1 * muscle * np.exp(0.2 * z[11])
    aorta = 11 + person.male + 0.8 * z[0]
    row, column = radius + 26 + 4 * z[1], 30 + 5 * z[2]
    back = np.array([row + 30, column + 26])
    return np.array(
        [
            [radius + 46 + 7 * z[3], 4 + 9 * z[4], 22 + 4 * z[5], 30 + 5 * z[6], stomach, 0.18, 2.0],
            [radius + 44 + 6 * z[7], 62 + 6 * z[8], 16 + 3 * z[9], 24 + 4 * z[10], spleen, 0.10, 1.5],
            [*back, 30, 34, muscle, 0.25, 3.0],
            [*back, 19, 19, 1.4 * muscle * np.exp(0.2 * z[12]), 0.15, 1.5],
            [row, column, aorta + 2, aorta + 2, muscle, 0.1, 1.5],
            [row, column, aorta, aorta, 0.95 * blood * np.exp(0.1 * z[13]), 0.03, 1.0],
        ]
    )


def _gain(
    size: int, spread: float, z: Float[np.ndarray, " draw"], u: Float[np.ndarray, " chance"]
) -> Float32[np.ndarray, "height width"]:
    """Brighter near the coil in front, which is up and to the left; darker where the field is off or metal is near."""
    y, x = np.linspace(-1, 1, size)[:, None], np.linspace(-1, 1, size)[None, :]
    slope = -(0.30 + 0.09 * spread * z[0]) * y - (0.12 + 0.09 * spread * z[1]) * x
    slope = slope + spread * (0.06 * z[2] * x * y + 0.06 * z[3] * x**2 + 0.06 * z[4] * y**2)
    gain = 600.0 * np.exp(slope + 0.2 * z[5])
    if u[1] < _BAND * spread:
        across = y * np.cos(2 * z[6]) + x * np.sin(2 * z[6]) - 0.3 * z[7]
        gain = gain * (1 - (0.5 + 0.4 * u[5]) * np.exp(-((across / 0.06) ** 2)))
    if u[4] < _HOLE * spread:
        gain = gain * (1 - np.exp(-((y + 0.6 + 0.1 * z[8]) ** 2 + (x + 0.2 * z[9]) ** 2) / 0.03))
    return gain.astype(np.float32)
