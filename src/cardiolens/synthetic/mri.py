"""Three frames of the mid-ventricular short-axis slice of a heart, as a balanced SSFP cine shows it.

The contours are those of the phenotypes: cavity radius and wall by segment at end-diastole and end-systole, between them
each segment on its own way. Frames are in order of time: end-diastole, half of systole, end-systole. The window lies
around the heart so that the published fixed window, after padding to 210 x 210, holds it.
"""

from __future__ import annotations

import functools

import numpy as np
from jaxtyping import Float, Float32

from cardiolens.synthetic.anatomy import Hearts
from cardiolens.synthetic.electrophysiology import rv_width_mm
from cardiolens.synthetic.motion import Motion
from cardiolens.synthetic.population import Person
from cardiolens.synthetic.segments import MID_SLICE_RADIUS, map_to_mid_slice
from cardiolens.synthetic.settings import SyntheticConfig
from cardiolens.types import CineStack

_ANGLES = 180
_RV_WALL_MM = 3.0
_POOL_PIXELS = 512
SLICE_SPACING_MM = 10.0


def render_cine(
    person: Person, hearts: Hearts, motion: Motion, *, config: SyntheticConfig, rng: np.random.Generator, source: str
) -> CineStack:
    """The picture of the one heart in `hearts`, with masks."""
    from cardiolens.synthetic.mri_kernels import draw_frame

    z = rng.standard_normal(34)
    size, pixel = config.frame_pixels, config.pixel_mm
    contours = _contours(hearts, motion, oval=0.03 * z[32], tilt=z[33])
    # After padding to 210 pixels the published window is centred on row 83 and column 107.
    middle = np.array([83.0, 107.0]) - (210 - size) / 2
    centre = middle * pixel + np.array([4.0 * z[0], 14.0 + 4.0 * z[1]])
    turn = (12 + 9 * z[2]) / 360
    fat_share = np.clip(0.5 + 0.06 * (person.bmi - 26) + 0.2 * z[3], 0.1, 2.0)
    angle = np.arange(_ANGLES) * 2 * np.pi / _ANGLES
    fat = fat_share * (2.0 + 3.0 * np.clip(np.sin(angle - 0.8), 0, 1) + 1.5 * np.clip(np.cos(2 * angle + z[4]), 0, 1))
    tissue = _tissues(z)
    texture = _texture(size, rng)
    blur = pixel * np.clip(0.95 + 0.12 * z[5], 0.7, 1.4)
    chest_radius = 105 + 5 * z[6]
    chest = np.array(
        [centre[0] + chest_radius * 0.52 + 3 * z[7], centre[1] - 18 + chest_radius * 0.30 + 4 * z[8], chest_radius, 14.0,
         max(6 + 1.6 * (person.bmi - 24), 4.0)]
    )  # fmt: skip
    epi_radius = contours[0][1].mean()
    liver = np.array(
        [centre[0] + epi_radius + 9 + 3 * z[9], 0.28 + 0.08 * z[10], -30 + 10 * z[11], epi_radius + 22 + 4 * z[12],
         34 + 5 * z[13], 11 + person.male + 0.8 * z[14]]
    )  # fmt: skip
    papillary_mm = np.clip(4.3 + 0.4 * (hearts.mean_wall_mm[0] - 6), 2.5, 7) * (1 + 0.12 * z[15])
    frames = np.empty((3, 1, size, size), dtype=np.float32)
    masks = np.empty((3, 1, size, size), dtype=np.uint8)
    for phase, (endo, epi, rv_outer) in enumerate(contours):
        cavity = endo.mean()
        # Lateral of the anterior and of the inferior wall; they thicken as the cavity closes around them.
        papillary = np.array(
            [[0.88 + 0.02 * z[16], 0.72 * cavity, papillary_mm], [0.60 + 0.02 * z[17], 0.72 * cavity, papillary_mm]]
        )
        drift = np.array([1.5, -0.5]) * phase / 2
        shaded = frames[phase, 0]
        draw_frame(
            shaded, masks[phase, 0], pixel, centre + drift, turn, endo, epi, rv_outer, _RV_WALL_MM + 0.4 * phase, fat, chest,
            liver, papillary, tissue, texture, blur,
        )  # fmt: skip
    frames *= _coil_shading(size, z[18:23])
    frames = _rician(frames, np.float32(config.mri_noise * 0.030 * np.exp(0.3 * z[23])), rng)
    frames *= np.float32(600.0 * np.exp(0.2 * z[24]))
    rr = 60_000 / float(hearts.heart_rate_bpm[0])
    es_ms = 330 * (rr / 1000) ** 0.35
    return CineStack(
        frames=frames,
        spacing_mm=(SLICE_SPACING_MM, pixel, pixel),
        trigger_ms=np.array([0.0, es_ms / 2, es_ms]),
        source=source,
        masks=masks,
    )


def _contours(hearts: Hearts, motion: Motion, *, oval: float, tilt: float) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Radii in mm of endocardium, epicardium and right cavity by angle, for each frame."""
    spread = map_to_mid_slice(_ANGLES)
    radius_ed = hearts.short_semi_axis_mm[0] * MID_SLICE_RADIUS
    wall_ed = spread @ hearts.wall_mm[0]
    ratio, fraction = spread @ motion.endo_ratio[0], spread @ motion.mid_fraction[0]
    half_shorter = 1 - (1 - motion.shortening[0]) * 0.5
    area = (radius_ed + wall_ed) ** 2 - radius_ed**2
    rv_ed = 1.03 * rv_width_mm(hearts)[0]
    rv_es = rv_ed * np.sqrt(hearts.rv_esv_ml[0] / hearts.rv_edv_ml[0]) * 0.98
    degrees = np.arange(_ANGLES) * 360 / _ANGLES
    offset = np.abs((degrees - 90 + 180) % 360 - 180)
    crescent = np.where(offset < 78, np.maximum(np.cos(np.radians(offset * 90 / 78)), 0) ** 0.7, 0)
    # No cavity is a perfect circle; this leaves its area as it is.
    shape = 1 + oval * np.cos(2 * np.radians(degrees) + tilt)
    phases = []
    for done, shorter, gap in (
        (np.zeros(_ANGLES), 1.0, rv_ed),
        (fraction, half_shorter, rv_ed + 0.55 * (rv_es - rv_ed)),
        (np.ones(_ANGLES), motion.shortening[0], rv_es),
    ):
        endo = radius_ed * (1 + done * (ratio - 1))
        epi = np.sqrt(endo**2 + area / shorter)
        phases.append((endo * shape, epi * shape, epi * shape + gap * crescent))
    return phases


def _tissues(z: Float[np.ndarray, " draw"]) -> Float[np.ndarray, " tissue"]:
    """Signal of blood, myocardium, fat, lung, liver, muscle, right-heart blood; left blood is one."""
    spread = np.exp(np.array([0.0, 0.20, 0.18, 0.35, 0.20, 0.20, 0.09]) * z[25:32])
    return np.array([1.0, 0.34, 1.25, 0.06, 0.45, 0.28, 0.86]) * spread


def _texture(size: int, rng: np.random.Generator) -> Float32[np.ndarray, "3 height width"]:
    pool = _texture_pool()
    row, column = rng.integers(0, _POOL_PIXELS - size, 2)
    return np.ascontiguousarray(pool[:, row : row + size, column : column + size])


@functools.cache
def _texture_pool() -> Float32[np.ndarray, "3 row column"]:
    """Smooth noise of unit variance at three grains: flow, lung vessels, organ structure."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(21)
    maps = [gaussian_filter(rng.standard_normal((_POOL_PIXELS, _POOL_PIXELS)), s, mode="wrap") for s in (2.6, 1.3, 1.1)]
    return np.stack([m / m.std() for m in maps]).astype(np.float32)


def _coil_shading(size: int, z: Float[np.ndarray, " draw"]) -> Float32[np.ndarray, "height width"]:
    """Brighter near the coil in front, which is up and to the left."""
    y, x = np.linspace(-1, 1, size)[:, None], np.linspace(-1, 1, size)[None, :]
    slope = -(0.30 + 0.08 * z[0]) * y - (0.12 + 0.08 * z[1]) * x + 0.06 * z[2] * x * y + 0.05 * z[3] * x**2 + 0.05 * z[4] * y**2
    return np.exp(slope).astype(np.float32)


def _rician(
    frames: Float32[np.ndarray, "*shape"], sigma: np.float32, rng: np.random.Generator
) -> Float32[np.ndarray, "*shape"]:
    noise = sigma * rng.standard_normal((2, *frames.shape), dtype=np.float32)
    return np.sqrt((frames + noise[0]) ** 2 + noise[1] ** 2)
