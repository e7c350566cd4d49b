"""Pictures of one heart as a balanced SSFP cine shows it, with masks: one slice in three phases, or a stack in many.

Every picture is cut from the same geometry, so the three-channel picture is the middle slice of the stack. In a stack
each slice is another breath-hold, so slices do not lie exactly over each other; the middle slice is where the picture is.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, UInt8

from cardiolens.synthetic.anatomy import Hearts
from cardiolens.synthetic.motion import Motion, end_systole_ms
from cardiolens.synthetic.mri_appearance import Look, draw_look, finished, texture_pool
from cardiolens.synthetic.mri_geometry import NUM_ANGLES, SLICE_SPACING_MM, HeartShape, Sections, shape_heart
from cardiolens.synthetic.population import Person
from cardiolens.synthetic.settings import SyntheticConfig
from cardiolens.types import CineStack

_RV_WALL_MM = 2.8
_PAPILLARY_TURNS = np.array([0.88, 0.60])
"""Between lateral and anterior, and between lateral and inferior."""
_BREATH_HOLD_MM = 2.3
"""Spread in each direction: one slice in ten is more than 5 mm off."""
_TWIST_LEVELS = np.array([1 / 6, 1 / 2, 5 / 6])
_ANGLE = np.arange(NUM_ANGLES) * (2 * np.pi / NUM_ANGLES)
_AWAY_FROM_SEPTUM = 0.55 - 0.45 * np.sin(_ANGLE)


@dataclass(frozen=True)
class Scan:
    """One heart on the table: its shape, the look of the scan, and what is drawn but has no label."""

    shape: HeartShape
    look: Look
    fat_mm: Float[np.ndarray, " angle"]
    trabeculae: Float[np.ndarray, " angle"]
    papillary_mm: Float[np.ndarray, "2"]
    papillary_turns: Float[np.ndarray, "2"]
    twist_degrees: Float[np.ndarray, " level"]
    """From apex to base."""
    atrium_mm: float
    """Radius of the left atrium at end-systole."""


def render_cine(
    person: Person, hearts: Hearts, motion: Motion, *, config: SyntheticConfig, rng: np.random.Generator, source: str
) -> CineStack:
    """End-diastole, half of the stroke volume ejected, and end-systole of the middle slice."""
    scan = prepare_scan(person, hearts, motion, config=config, rng=rng)
    systole = end_systole_ms(float(hearts.heart_rate_bpm[0]))
    cuts = [scan.shape.cut(fraction) for fraction in (0.0, 0.5, 1.0)]
    frames, masks = _slice_frames(scan, cuts, (0.0, 0.5, 1.0), scan.shape.middle, np.zeros(2), config)
    return _stack([finished(frames, scan.look, rng)], [masks], np.array([0.0, systole / 2, systole]), config, source)


def render_stack(
    person: Person,
    hearts: Hearts,
    motion: Motion,
    *,
    times_ms: Float[np.ndarray, " phase"],
    fractions: Float[np.ndarray, " phase"],
    middle_only: bool,
    config: SyntheticConfig,
    rng: np.random.Generator,
    stack_rng: np.random.Generator,
    source: str,
) -> CineStack:
    """All slices from above the base to below the apex, or the middle one, at `times_ms` after the R wave.

    `fractions` of the stroke volume have been ejected by then. `rng` in the state in which `render_cine` takes it gives the
    same heart; `stack_rng` draws breath-holds and noise.
    """
    scan = prepare_scan(person, hearts, motion, config=config, rng=rng)
    cuts = [scan.shape.cut(float(fraction)) for fraction in fractions]
    held = _BREATH_HOLD_MM * config.appearance_spread * stack_rng.standard_normal((len(scan.shape.heights_mm), 2))
    held[scan.shape.middle] = 0
    frames, masks = [], []
    for k in [scan.shape.middle] if middle_only else range(len(held)):
        drawn, labels = _slice_frames(scan, cuts, [float(f) for f in fractions], k, held[k], config)
        frames.append(finished(drawn, scan.look, stack_rng))
        masks.append(labels)
    return _stack(frames, masks, times_ms, config, source)


def prepare_scan(person: Person, hearts: Hearts, motion: Motion, *, config: SyntheticConfig, rng: np.random.Generator) -> Scan:
    """Everything about the pictures but their noise."""
    z, rough = rng.standard_normal(24), rng.standard_normal(NUM_ANGLES)
    spread = config.appearance_spread
    load = np.clip(person.right_heart_load - 1, 0, 2)
    septum = np.exp(-0.5 * ((np.degrees(_ANGLE) - 90) / 32) ** 2)
    outline = 1 + spread * (0.03 * z[0] * np.cos(2 * _ANGLE + z[1]) + 0.012 * z[2] * np.cos(3 * _ANGLE + z[3]))
    rv_outline = 1 + spread * (0.08 * z[4] * np.cos(_ANGLE + z[5]) + 0.05 * z[6] * np.cos(4 * _ANGLE + z[7]))
    shape = shape_heart(
        hearts, motion, outline=outline - 0.06 * load * septum, rv_outline=rv_outline, offset_mm=float(0.7 * z[8])
    )
    radius = float(hearts.short_semi_axis_mm[0] + hearts.mean_wall_mm[0])
    look = draw_look(person, heart_radius_mm=radius, right_width_mm=shape.rv_width_mm[0], config=config, rng=rng)
    share = np.clip(0.6 + 0.06 * (person.bmi - 26) + 0.2 * spread * z[9], 0.1, 2.0)
    # Most lies in front of the right ventricle and in the grooves, least on the free left wall.
    fat = share * (1.0 + 4.0 * np.clip(np.sin(_ANGLE - 0.3), 0, 1) + 1.2 * np.clip(np.cos(2 * _ANGLE + z[10]), 0, 1))
    fat *= np.maximum(0.7 + 2.2 * _smoothing(6.0) @ rough, 0)
    muscle = np.clip(4.0 + 0.4 * (hearts.mean_wall_mm[0] - 6), 2.5, 7)
    return Scan(
        shape=shape,
        look=look,
        fat_mm=fat,
        trabeculae=np.maximum(_smoothing(1.5) @ rough * 2.6, 0),
        papillary_mm=muscle * np.exp(0.12 * z[11:13]),
        papillary_turns=_PAPILLARY_TURNS + 0.02 * z[13:15],
        twist_degrees=motion.twist_degrees[0, ::-1],
        atrium_mm=float(np.cbrt(750 / np.pi * hearts.la_volume_ml[0])),
    )


def _slice_frames(
    scan: Scan,
    cuts: list[Sections],
    fractions: tuple[float, ...] | list[float],
    k: int,
    held_mm: Float[np.ndarray, "2"],
    config: SyntheticConfig,
) -> tuple[Float32[np.ndarray, "phase height width"], UInt8[np.ndarray, "phase height width"]]:
    """Slice `k` at every cut, without noise, and its labels; `held_mm` is how far its breath-hold is off."""
    from cardiolens.synthetic.mri_kernels import draw_heart, draw_surroundings

    look, size = scan.look, config.frame_pixels
    height = float(scan.shape.heights_mm[k] - scan.shape.heights_mm[scan.shape.middle])
    centre = look.centre + held_mm + look.lean * height
    surroundings = np.empty((size, size), dtype=np.float32)
    pool = texture_pool()
    # Towards the apex the diaphragm rises beside the heart and the spine is further away.
    rise = np.array([0.40 * height, 0.0, 0.0, 0.0])
    draw_surroundings(
        surroundings, config.pixel_mm, centre, look.chest, look.dome + rise, look.organs, look.tissue, pool, look.corner,
        look.blur_mm,
    )  # fmt: skip
    frames = np.empty((len(cuts), size, size), dtype=np.float32)
    masks = np.zeros((len(cuts), size, size), dtype=np.uint8)
    for phase, (cut, fraction) in enumerate(zip(cuts, fractions, strict=True)):
        if not cut.epi[k].any():
            frames[phase] = surroundings
            continue
        grain = look.corner.copy()
        # Blood flows: its texture is another one in every phase.
        grain[0] = (grain[0] + phase * np.array([37, 53])) % (pool.shape[1] - size)
        draw_heart(
            frames[phase], masks[phase], surroundings, config.pixel_mm, centre + np.array([1.5, -0.5]) * fraction, look.turn,
            _drawn_contours(scan, cut, k, fraction), np.array([look.blur_mm, cut.endo_blur_mm[k], cut.epi_blur_mm[k]]),
            float(cut.ventricle_share[k]), bool(cut.in_ventricle[k]), _papillary(scan, cut, k, fraction),
            _atria(scan, fraction), look.tissue, pool, grain,
        )  # fmt: skip
    return frames, masks


def _drawn_contours(scan: Scan, cut: Sections, k: int, fraction: float) -> Float[np.ndarray, "contour angle"]:
    """The contours of slice `k` and those that have no label: trabeculae, right wall, fat."""
    endo, epi, rv = cut.endo[k], cut.epi[k], cut.rv[k]
    # The apex is the roughest and the septum smooth, and all is rougher where the cavity has closed around it.
    rough = np.clip(0.20 - 0.18 * cut.level[k], 0.02, 0.20) * (1 + 0.3 * fraction) * _AWAY_FROM_SEPTUM
    shift = 11 * k + round(_twist(scan, cut, k, fraction) * NUM_ANGLES)
    free = endo * np.maximum(1 - rough * np.roll(scan.trabeculae, shift), 0.4)
    right_wall = rv + _RV_WALL_MM * np.minimum((rv - epi) / 3, 1) * (1 + 0.15 * fraction)
    hull = np.maximum(right_wall, _smoothing(3.0) @ right_wall)
    return np.stack([endo, free, epi, rv, cut.rv_cavity[k], right_wall, hull + scan.fat_mm])


def _papillary(scan: Scan, cut: Sections, k: int, fraction: float) -> Float[np.ndarray, "muscle 4"]:
    """Both muscles where slice `k` cuts them: thickest below the middle, merging with the wall further down."""
    level = cut.level[k]
    presence = np.sin(np.pi * np.clip((level - 0.18) / 0.55, 0, 1)) ** 0.5
    turns = scan.papillary_turns + _twist(scan, cut, k, fraction)
    cavity = np.interp(turns % 1 * NUM_ANGLES, np.arange(NUM_ANGLES + 1), np.append(cut.endo[k], cut.endo[k, 0]))
    across = np.minimum(scan.papillary_mm * presence, 0.42 * cavity)
    along = np.minimum(1.25 * across, 0.5 * cavity)
    from_wall = np.where(level < 0.4, 0.5 * along, 0.9 * along + 0.8 * (1 - fraction))
    shown = presence > 0.3
    return np.stack([turns, cavity - from_wall, along, across], axis=1) if shown else np.zeros((0, 4))


def _atria(scan: Scan, fraction: float) -> Float[np.ndarray, "2 4"]:
    """Left atrium, which fills while the ventricle ejects, and aortic root."""
    radius = scan.atrium_mm * (0.80 + 0.20 * fraction)
    return np.array([[-10.0, 8.0, radius, 0.95], [12.0, -11.0, 13.5, 1.0]])


def _twist(scan: Scan, cut: Sections, k: int, fraction: float) -> float:
    """Turn of slice `k` against end-diastole, in turns."""
    return float(np.interp(cut.level[k], _TWIST_LEVELS, scan.twist_degrees)) / 360 * fraction


@functools.cache
def _smoothing(width: float) -> Float[np.ndarray, "angle angle"]:
    """Averages over neighbouring angles, Gaussian of `width` angles."""
    apart = np.arange(NUM_ANGLES)
    apart = np.abs((apart[:, None] - apart + NUM_ANGLES // 2) % NUM_ANGLES - NUM_ANGLES // 2)
    weights = np.exp(-0.5 * (apart / width) ** 2)
    return weights / weights.sum(axis=1, keepdims=True)


def _stack(
    frames: list[Float32[np.ndarray, "phase height width"]],
    masks: list[UInt8[np.ndarray, "phase height width"]],
    times_ms: Float[np.ndarray, " phase"],
    config: SyntheticConfig,
    source: str,
) -> CineStack:
    return CineStack(
        frames=np.stack(frames, axis=1),
        spacing_mm=(SLICE_SPACING_MM, config.pixel_mm, config.pixel_mm),
        trigger_ms=times_ms,
        source=source,
        masks=np.stack(masks, axis=1),
    )
