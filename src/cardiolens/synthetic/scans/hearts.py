"""One heart at one moment, drawn from a family of shapes: what size its cavities and wall have.

The families are those that a segmenter must not fail on. Their ranges are defaults that contain published group means
(ACDC: dilated 285 mL and ejection fraction 18 %, hypertrophic 182 g, infarcted 31 %) and go well beyond; they describe no
population.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from jaxtyping import Float

MUSCLE_G_PER_ML = 1.05
ANGLES = 72
TURN = np.arange(ANGLES) * (2 * np.pi / ANGLES)
"""Angles of every contour table: 0 lateral, a quarter turn inferior, half a turn septal, in the frame of the heart."""
_THINNEST_MM = 2.5
_LEVELS = (np.arange(24) + 0.5) / 24


class Family(IntEnum):
    """What kind of heart."""

    NORMAL = 0
    DILATED = 1
    HYPERTROPHIC = 2
    INFARCTED = 3
    RIGHT_LOADED = 4


@dataclass(frozen=True)
class _Range:
    """Medians and spreads of one family; log-normal but for the ejection fractions, which are normal."""

    edv_ml: tuple[float, float]
    ef: tuple[float, float]
    mass_g: tuple[float, float]
    slimness: tuple[float, float]
    """Length over diameter of the cavity at end-diastole."""
    rv_width_mm: tuple[float, float]
    rv_ef: tuple[float, float]


_RANGES = {
    Family.NORMAL: _Range((135.0, 0.30), (0.60, 0.09), (92.0, 0.28), (1.7, 0.13), (34.0, 0.22), (0.55, 0.10)),
    Family.DILATED: _Range((260.0, 0.28), (0.22, 0.11), (155.0, 0.30), (1.45, 0.13), (33.0, 0.30), (0.40, 0.15)),
    Family.HYPERTROPHIC: _Range((120.0, 0.32), (0.70, 0.12), (170.0, 0.33), (1.65, 0.15), (30.0, 0.25), (0.60, 0.12)),
    Family.INFARCTED: _Range((165.0, 0.38), (0.33, 0.12), (108.0, 0.28), (1.6, 0.14), (30.0, 0.28), (0.55, 0.13)),
    Family.RIGHT_LOADED: _Range((110.0, 0.32), (0.56, 0.12), (88.0, 0.30), (1.65, 0.14), (50.0, 0.22), (0.35, 0.15)),
}
_SHARE = (0.28, 0.16, 0.22, 0.18, 0.16)


@dataclass(frozen=True)
class Heart:
    """Sizes of one heart at end-diastole or end-systole. Heights run from the mitral plane (0) towards the apex, in mm."""

    family: Family
    systolic: bool
    length_mm: float
    """From the mitral plane to the tip of the cavity."""
    radius_mm: float
    """Of the cavity where it is widest."""
    blunt: float
    """Exponent of the cavity's outline: 2 is an ellipsoid, more is a cylinder with a round end."""
    base_taper: float
    wall_mm: float
    """Mean thickness before the factors by angle and level."""
    wall_by_angle: Float[np.ndarray, " angle"]
    apex_wall: float
    """Share of the wall's thickness that is left, or gained, at the apex."""
    ring: Float[np.ndarray, " angle"]
    """Relative deviation of the cavity from a circle."""
    scar: tuple[float, float, float, float, float]
    """Centre (angle, level), half widths (angle, level), and strength 0..1; strength 0 is none."""
    rv_width_mm: float
    """From the septum to the free wall at the widest level."""
    rv_share: float
    """Linear size of the right ventricle over that at end-diastole."""

    def cavity_mm(self, level: Float[np.ndarray, " slice"]) -> Float[np.ndarray, " slice"]:
        """Mean radius of the cavity at each level, 0 base to 1 tip; 0 beyond."""
        inside = np.clip(level, 0, 1)
        narrower = 1 - self.base_taper * np.clip(1 - inside / 0.35, 0, 1) ** 2
        return self.radius_mm * np.sqrt(1 - inside**self.blunt) * narrower

    def scar_at(self, level: Float[np.ndarray, " slice"]) -> Float[np.ndarray, "slice angle"]:
        """Strength of the scar, 0..1."""
        angle, middle, half_angle, half_level, strength = self.scar
        away = np.abs((TURN - angle + np.pi) % (2 * np.pi) - np.pi) / half_angle
        return strength * np.exp(-(((level[:, None] - middle) / half_level) ** 4) - away[None] ** 4)

    def wall_at(self, level: Float[np.ndarray, " slice"]) -> Float[np.ndarray, "slice angle"]:
        """Thickness of the wall in the plane of a slice, mm."""
        by_level = 1 + (self.apex_wall - 1) * np.clip(level, 0, 1) ** 2
        thin = 1 - 0.55 * self.scar_at(level)
        upright = self.wall_mm * by_level[:, None] * self.wall_by_angle[None] * thin
        return np.maximum(upright, _THINNEST_MM) * self._obliquity(level)[:, None]

    def _obliquity(self, level: Float[np.ndarray, " slice"]) -> Float[np.ndarray, " slice"]:
        # A slice cuts the tapering wall at an angle and shows it thicker than it is.
        step = 0.02
        slope = (self.cavity_mm(level + step) - self.cavity_mm(level - step)) / (2 * step * self.length_mm)
        return np.minimum(np.sqrt(1 + slope**2), 1.6)


def draw_heart(rng: np.random.Generator) -> Heart:
    """A heart of a random family, at end-diastole or end-systole; the wall keeps its volume between the two."""
    family = Family(int(rng.choice(len(_SHARE), p=_SHARE)))
    sizes = _RANGES[family]
    systolic = bool(rng.random() < 0.5)
    edv = float(np.clip(_log_normal(rng, sizes.edv_ml), 40, 450))
    ef = float(np.clip(rng.normal(*sizes.ef), 0.05, 0.92))
    mass = float(np.clip(_log_normal(rng, sizes.mass_g), 40, 380))
    slimness = float(np.clip(_log_normal(rng, sizes.slimness), 1.1, 2.5))
    blunt, base_taper = float(rng.uniform(1.9, 4.0)), float(rng.uniform(0.0, 0.18))
    fullness = float(np.mean(_with(blunt, base_taper).cavity_mm(_LEVELS) ** 2))
    radius = (edv * 1000 / (2 * np.pi * slimness * fullness)) ** (1 / 3)
    length = 2 * slimness * radius
    if systolic:
        length *= 1 - float(np.clip(rng.normal(0.28, 0.07), 0.1, 0.5)) * ef
        radius = np.sqrt(edv * (1 - ef) * 1000 / (np.pi * length * fullness))
    scar = _draw_scar(rng) if family is Family.INFARCTED else (0.0, 0.0, 1.0, 1.0, 0.0)
    width = float(np.clip(_log_normal(rng, sizes.rv_width_mm), 15, 75))
    rv_ef = float(np.clip(rng.normal(*sizes.rv_ef), 0.05, 0.85))
    apical = family is Family.HYPERTROPHIC and rng.random() < 0.15
    heart = Heart(
        family=family,
        systolic=systolic,
        length_mm=float(length),
        radius_mm=float(radius),
        blunt=blunt,
        base_taper=base_taper,
        wall_mm=1.0,
        wall_by_angle=_draw_wall_by_angle(rng, family),
        apex_wall=float(rng.uniform(1.0, 1.8) if apical else rng.uniform(0.45, 0.95)),
        ring=_draw_ring(rng, family, systolic),
        scar=scar,
        rv_width_mm=width,
        rv_share=float(np.sqrt(1 - rv_ef)) if systolic else 1.0,
    )
    return _with_wall_volume(heart, mass * 1000 / MUSCLE_G_PER_ML)


def _with(blunt: float, base_taper: float) -> Heart:
    """A heart of radius one, to measure an outline by."""
    ones = np.ones(ANGLES)
    return Heart(
        Family.NORMAL, False, 1.0, 1.0, blunt, base_taper, 1.0, ones, 1.0, 0 * ones, (0.0, 0.0, 1.0, 1.0, 0.0), 1.0, 1.0
    )


def _with_wall_volume(heart: Heart, wanted_mm3: float) -> Heart:
    """The heart whose wall has this volume: the thickness is the root of a quadratic, with an apical cap."""
    cavity = heart.cavity_mm(_LEVELS)[:, None] * (1 + heart.ring)
    # Of a wall so thick that nothing in it is held at the least thickness.
    shape = replace(heart, wall_mm=100.0).wall_at(_LEVELS) / 100
    # The cap below the cavity is about half a ball, or half a cylinder, of the wall's own radius: cubic, so iterate.
    cap = 2 / 3 * np.pi * float(shape[-1].mean() * shape[-1].mean() * heart.apex_wall)
    a = np.pi * float((shape**2).mean()) * heart.length_mm
    b = 2 * np.pi * float((cavity * shape).mean()) * heart.length_mm
    low, high = 0.5, 60.0
    for _ in range(40):
        thickness = (low + high) / 2
        volume = (a + cap * thickness) * thickness**2 + b * thickness
        low, high = (thickness, high) if volume < wanted_mm3 else (low, thickness)
    return replace(heart, wall_mm=thickness)


def _draw_wall_by_angle(rng: np.random.Generator, family: Family) -> Float[np.ndarray, " angle"]:
    shape = _waves(rng, orders=(1, 2, 3), scale=0.08)
    if family is Family.HYPERTROPHIC and rng.random() < 0.7:
        centre, width = rng.uniform(0.6 * np.pi, 1.5 * np.pi), rng.uniform(0.5, 1.1)
        away = (TURN - centre + np.pi) % (2 * np.pi) - np.pi
        shape = shape + rng.uniform(0.2, 1.3) * np.exp(-((away / width) ** 2))
    shape = np.clip(1 + shape, 0.5, 3.0)
    return shape / shape.mean()


def _draw_ring(rng: np.random.Generator, family: Family, systolic: bool) -> Float[np.ndarray, " angle"]:
    ring = _waves(rng, orders=(2,), scale=0.06) + _waves(rng, orders=(3, 4), scale=0.035 if systolic else 0.018)
    flat = rng.uniform(0.05, 0.4) if family is Family.RIGHT_LOADED and rng.random() < 0.75 else rng.uniform(0.0, 0.1)
    away = np.abs(TURN - np.pi + rng.normal(0, 0.25)) / rng.uniform(0.6, 1.0)
    return np.clip(ring - flat * np.exp(-(away**2)), -0.5, 0.5)


def _draw_scar(rng: np.random.Generator) -> tuple[float, float, float, float, float]:
    return (
        float(rng.uniform(0, 2 * np.pi)),
        float(rng.uniform(0.3, 1.0)),
        float(rng.uniform(0.4, 1.2)),
        float(rng.uniform(0.2, 0.5)),
        float(rng.uniform(0.2, 1.0)),
    )


def _waves(rng: np.random.Generator, *, orders: tuple[int, ...], scale: float) -> Float[np.ndarray, " angle"]:
    wave = np.zeros(ANGLES)
    for order in orders:
        wave += scale * rng.normal() * np.cos(order * TURN + rng.uniform(0, 2 * np.pi)) / np.sqrt(len(orders))
    return wave


def _log_normal(rng: np.random.Generator, median_and_sigma: tuple[float, float]) -> float:
    median, sigma = median_and_sigma
    return float(median * np.exp(sigma * rng.normal()))
