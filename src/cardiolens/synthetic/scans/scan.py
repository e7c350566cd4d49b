"""One scan: consecutive short-axis slices of one heart, with masks, from a seed and an index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

from cardiolens.configs import refuse_outside
from cardiolens.synthetic.scans.appearance import degrade, textures
from cardiolens.synthetic.scans.hearts import Family, draw_heart
from cardiolens.synthetic.scans.scenery import (
    draw_fat,
    draw_grain,
    draw_organs,
    draw_papillary_muscles,
    draw_surroundings,
    draw_tissue,
)
from cardiolens.synthetic.scans.sections import cross_sections, draw_right_ventricle

_WARP_KNOTS = 17
_STREAM = 90
"""Keeps these draws apart from those of `synthetic.draws` for the same seed and index."""


@dataclass(frozen=True)
class ScanConfig:
    """Size and sampling of scans."""

    pixels: int = 128
    """Height and width; 32 to 512."""
    pixel_mm: float = 1.5
    """Side of a pixel; 0.5 to 4."""
    num_slices: int = 6
    """Slices drawn of a stack, in a row somewhere between the atria and below the apex; 3 to 30."""
    warp_mm: float = 2.6
    """Standard deviation of the smooth deformation per axis; 0 to 8."""

    def __post_init__(self) -> None:
        refuse_outside(
            self,
            {
                "pixels": (32 <= self.pixels <= 512, "32 to 512"),
                "pixel_mm": (0.5 <= self.pixel_mm <= 4, "0.5 to 4"),
                "num_slices": (3 <= self.num_slices <= 30, "3 to 30"),
                "warp_mm": (0 <= self.warp_mm <= 8, "0 to 8"),
            },
        )


@dataclass(frozen=True)
class Scan:
    """Slices from base to apex. `frames` lie in 0..1; masks hold 0, 1 LV cavity, 2 myocardium, 3 RV cavity."""

    frames: Float32[np.ndarray, "slice height width"]
    masks: UInt8[np.ndarray, "slice height width"]
    spacing_mm: float
    """From slice to slice."""
    family: Family
    systolic: bool
    targets: range
    """The slices to train on. The others are there as neighbours; at an end of its stack a slice has only one."""


def draw_scan(*, seed: int, index: int, config: ScanConfig) -> Scan:
    """Scan `index` of `seed`: the same bits whatever is drawn before it or beside it."""
    from cardiolens.synthetic.scans.scan_kernels import draw_slice

    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, index, _STREAM])))
    heart = draw_heart(rng)
    right = draw_right_ventricle(heart, rng)
    spacing = float(rng.choice([rng.uniform(5, 8), rng.uniform(8, 10), 10.0, rng.uniform(10, 12)]))
    first = float(rng.uniform(-32, 7))
    bottom = max(heart.length_mm + heart.wall_mm, right.tip_mm) + float(rng.uniform(-6, 16))
    whole = max(int((bottom - first) / spacing) + 1, config.num_slices)
    start = int(rng.integers(0, whole - config.num_slices + 1))
    height = first + spacing * (start + np.arange(config.num_slices))
    sections = cross_sections(heart, right, height, thickness_mm=0.7 * spacing)
    tissue, grain, fat = draw_tissue(rng), draw_grain(heart, rng), draw_fat(rng)
    chest, liver = draw_surroundings(sections, heart, right, rng)
    organs = draw_organs(sections, heart, tissue, rng)
    muscles = draw_papillary_muscles(sections, heart, rng)
    poses = _poses(height - 0.45 * heart.length_mm, heart.rv_width_mm * heart.rv_share, rng)
    warps = _warps(config, rng)
    texture = textures(config.num_slices, config.pixels, rng)
    blur = float(rng.uniform(1.0, 3.2))
    shape = (config.num_slices, config.pixels, config.pixels)
    frames, masks = np.empty(shape, np.float32), np.empty(shape, np.uint8)
    signals = _signals_by_slice(tissue, sections.endo_mm.mean(axis=1), systolic=heart.systolic, rng=rng)
    for k in range(config.num_slices):
        draw_slice(
            frames[k], masks[k], config.pixel_mm, warps[k], poses[k], sections.endo_mm[k], sections.epi_mm[k],
            sections.endo_blur_mm[k], sections.rv_mm[k], sections.rv_centre_mm[k], sections.rv_ends_at_mm[k], right.wall_mm,
            fat, chest[k], liver[k], organs[k], muscles[k], signals[k], grain, texture[k], blur,
        )  # fmt: skip
    return Scan(
        frames=degrade(frames, rng),
        masks=masks,
        spacing_mm=spacing,
        family=heart.family,
        systolic=heart.systolic,
        targets=_targets(start, whole, config.num_slices, rng),
    )


def _targets(start: int, whole: int, drawn: int, rng: np.random.Generator) -> range:
    """Two fewer than were drawn, so that every scan gives as many; at an end of the stack they begin with its last slice."""
    first = [1]
    if start == 0:
        first.append(0)
    if start + drawn == whole:
        first.append(2)
    begin = int(rng.choice(first[1:] or first))
    return range(begin, begin + drawn - 2)


def _poses(below_middle_mm: np.ndarray, rv_width_mm: float, rng: np.random.Generator) -> np.ndarray:
    """Place, turn and turn of the surroundings, by slice: a tilted axis, and each breath-hold a little off."""
    turn = rng.normal(0.35, 0.6) if rng.random() < 0.93 else rng.uniform(-np.pi, np.pi)
    middle = np.array([0.35 * rv_width_mm * np.cos(turn), 0.35 * rv_width_mm * np.sin(turn)]) + rng.normal(0, 11, 2)
    axis = rng.normal(0, 0.2, 2)
    held = rng.normal(0, rng.uniform(0.3, 2.2), (len(below_middle_mm), 2))
    place = middle + axis * below_middle_mm[:, None] + held
    turns = np.full((len(place), 2), (turn, rng.normal(0, 0.22)))
    return np.concatenate([place, turns], axis=1)


def _warps(config: ScanConfig, rng: np.random.Generator) -> np.ndarray:
    """Smooth displacements in mm, slowly changing from slice to slice, by a few waves of 50 to 160 mm."""
    side = config.pixels * config.pixel_mm
    place = np.linspace(0, side, _WARP_KNOTS)
    num_waves = 7
    length, angle = rng.uniform(50, 160, num_waves), rng.uniform(0, 2 * np.pi, num_waves)
    phase = rng.uniform(0, 2 * np.pi, (2, num_waves)) + np.arange(config.num_slices)[:, None, None] * rng.normal(
        0, 0.35, (2, num_waves)
    )
    size = config.warp_mm * rng.uniform(0.2, 1.4) * np.sqrt(2 / num_waves) * rng.normal(1, 0.3, (2, num_waves))
    along = 2 * np.pi / length * np.cos(angle) * place[:, None], 2 * np.pi / length * np.sin(angle) * place[:, None]
    inside = along[0][:, None] + along[1][None]
    return (size[:, None, None] * np.sin(inside[None, None] + phase[:, :, None, None])).sum(axis=-1)


def _signals_by_slice(tissue: np.ndarray, cavity_mm: np.ndarray, *, systolic: bool, rng: np.random.Generator) -> np.ndarray:
    """Tissue signals of each slice: a nearly closed cavity holds little blood and looks like muscle."""
    signals = np.repeat(tissue[None], len(cavity_mm), axis=0)
    closing = np.clip(1 - cavity_mm / rng.uniform(6, 14), 0, 1) * rng.uniform(0, 0.95) * (1.0 if systolic else 0.6)
    signals[:, 0] -= closing * (signals[:, 0] - signals[:, 1])
    if systolic:
        signals[:, 0] *= rng.uniform(0.85, 1.0)
        signals[:, [0, 2]] *= rng.uniform(0.8, 1.0)
    return signals
