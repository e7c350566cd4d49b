"""What a slice at a given height cuts through: contours of both ventricles, in mm, in the frame of the heart.

x points lateral (the right ventricle lies at negative x), y inferior; heights run from the mitral plane towards the apex.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from cardiolens.synthetic.scans.hearts import ANGLES, TURN, Family, Heart

_SMALLEST_CAVITY_MM = 1.5
_FAR_MM = 1000.0


@dataclass(frozen=True)
class RightVentricle:
    """Shape of the right ventricle: a rounded body behind the septum, of which the left ventricle takes a bite."""

    top_mm: float
    """Height of the tricuspid plane on the axis."""
    tip_mm: float
    """Height where it ends."""
    valve_tilt: float
    """How much deeper the valve stands inferiorly than anteriorly, mm per mm: outflow tract above, atrium below."""
    embrace: float
    """How far it reaches round the left ventricle, as a share of that one's radius."""
    tall: float
    """Half its height over the left ventricle's radius."""
    squareness: float
    offset: float
    """How far its middle lies inferior, as a share of the left ventricle's radius."""
    drift: float
    """The same from base to apex."""
    taper: float
    ring: Float[np.ndarray, " angle"]
    wall_mm: float


@dataclass(frozen=True)
class Sections:
    """The slices of one stack, row by row."""

    height_mm: Float[np.ndarray, " slice"]
    endo_mm: Float[np.ndarray, "slice angle"]
    """0 where there is no cavity."""
    epi_mm: Float[np.ndarray, "slice angle"]
    """0 where there is no left ventricle."""
    endo_blur_mm: Float[np.ndarray, " slice"]
    """How far the cavity's border moves through the thickness of the slice: it is seen that much softer."""
    rv_mm: Float[np.ndarray, "slice angle"]
    """Radius about `rv_centre_mm`; 0 where there is no right ventricle."""
    rv_centre_mm: Float[np.ndarray, "slice axis"]
    rv_ends_at_mm: Float[np.ndarray, " slice"]
    """y below which the right-sided cavity is an atrium, not a ventricle."""
    above_base: Bool[np.ndarray, " slice"]
    """The slice lies above the mitral plane."""


def draw_right_ventricle(heart: Heart, rng: np.random.Generator) -> RightVentricle:
    """A right ventricle beside `heart`; at end-systole its base has come down further than the left one's."""
    loaded = heart.family is Family.RIGHT_LOADED
    reach = rng.uniform(0.85, 1.12) if loaded else rng.uniform(0.6, 0.98)
    squareness = rng.uniform(1.8, 2.8)
    ring = sum(
        (rng.normal(0, scale) * np.cos(order * TURN + rng.uniform(0, 2 * np.pi)) for order, scale in ((3, 0.07), (4, 0.04))),
        np.zeros(ANGLES),
    )
    return RightVentricle(
        top_mm=float(max(rng.normal(12.0 if heart.systolic else 3.0, 7.0), -2.0)),
        tip_mm=float(reach * heart.length_mm),
        valve_tilt=float(rng.uniform(0.01, 0.15)),
        embrace=float(rng.uniform(0.4, 1.3)),
        tall=float(rng.uniform(0.9, 1.5)),
        squareness=float(squareness),
        offset=float(rng.normal(0.02, 0.16)),
        drift=float(rng.normal(0.1, 0.2)),
        taper=float(rng.uniform(0.35, 1.05)),
        ring=ring,
        wall_mm=float(rng.uniform(1.8, 6.5) if loaded else rng.uniform(1.5, 4.5)),
    )


def cross_sections(
    heart: Heart, right: RightVentricle, height_mm: Float[np.ndarray, " slice"], *, thickness_mm: float
) -> Sections:
    """The contours at these heights."""
    level = height_mm / heart.length_mm
    above = height_mm < 0
    cavity = heart.cavity_mm(level)
    bulge = 1 + 0.25 * heart.scar_at(level) * (1.0 if heart.systolic else 0.4)
    endo = cavity[:, None] * (1 + heart.ring) * bulge
    wall = heart.wall_at(level)
    # Below the cavity's tip the wall closes like a cap.
    depth = np.clip(height_mm - heart.length_mm, 0, None) / np.maximum(wall.mean(axis=1), 1.0)
    cap = np.sqrt(np.clip(1 - depth**2, 0, None))[:, None]
    epi = (endo + wall) * cap
    endo = np.where((cavity < _SMALLEST_CAVITY_MM)[:, None], 0.0, endo)
    epi[above | (epi.mean(axis=1) < 2.5)] = 0.0
    endo[above] = 0.0
    half = thickness_mm / 2 / heart.length_mm
    travel = np.abs(heart.cavity_mm(np.minimum(level + half, 1.0)) - heart.cavity_mm(level - half))
    rv, centre, ends = _right_sections(heart, right, height_mm, outer=(endo + wall).mean(axis=1))
    return Sections(height_mm, endo, epi, np.minimum(travel, 6.0), rv, centre, ends, above)


def _right_sections(
    heart: Heart, right: RightVentricle, height_mm: Float[np.ndarray, " slice"], *, outer: Float[np.ndarray, " slice"]
) -> tuple[Float[np.ndarray, "slice angle"], Float[np.ndarray, "slice axis"], Float[np.ndarray, " slice"]]:
    widest = float(heart.radius_mm + heart.wall_mm)
    along = np.clip((height_mm - right.top_mm) / max(right.tip_mm - right.top_mm, 10.0), 0, 1)
    fades = np.sqrt(1 - along**2.2) * (1 - 0.25 * along)
    width = heart.rv_width_mm * heart.rv_share * fades
    half_tall = widest * right.tall * heart.rv_share**0.5 * np.clip(1 - right.taper * along**1.5, 0.02, 1) + 0.25 * width
    # Towards the apex the left ventricle gets smaller and the right one slides behind it.
    edge = 0.35 * widest + 0.65 * outer
    half_wide = (width + right.embrace * edge) / 2 * np.where(along < 1, 1, 0)
    centre = np.stack([-(edge + width) + half_wide, (right.offset + right.drift * along) * widest], axis=1)
    cos, sin = np.abs(np.cos(TURN)), np.abs(np.sin(TURN))
    power = right.squareness
    flatness = (cos[None] / np.maximum(half_wide, 0.1)[:, None]) ** power + (
        sin[None] / np.maximum(half_tall, 0.1)[:, None]
    ) ** power
    radius = flatness ** (-1 / power) * (1 + right.ring)
    ends = (height_mm - right.top_mm) / right.valve_tilt
    # Readers draw no right ventricle where they draw no left one above the base; it is outflow tract or atrium to them.
    ends[height_mm < 0] = -_FAR_MM
    gone = (along >= 0.995) | (ends < -0.9 * half_tall) | (half_wide < 2.0)
    radius[gone] = 0.0
    return radius, centre, ends
