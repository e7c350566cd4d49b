"""The heart of the phenotypes as contours in planes across its long axis, at any level and any moment of the beat.

Left cavity: a truncated ellipsoid whose segments move inward on their own ways; wall: incompressible, closed below the
apex; right cavity: a crescent on the septum, widest at the base, reaching higher in front (outflow tract) than behind
(tricuspid valve). The valve plane descends while the apex stays. A volume of the phenotypes is what contours of a stack
sum to, as in a hospital: so radii, wall and right cavity get one factor each that makes the stack's sums exact.

Contours are radii in mm from the long axis by angle: 0 anterior, a quarter turn septal. Heights are mm above the valve
plane at end-diastole, so slices of the ventricle have negative ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from cardiolens.synthetic.anatomy import DENSITY_G_PER_ML, Hearts
from cardiolens.synthetic.motion import Motion
from cardiolens.synthetic.segments import map_to_rings

NUM_ANGLES = 120
SLICE_SPACING_MM = 10.0
SLICE_THICKNESS_MM = 8.0
_NUM_RINGS = 16
_BASE = -np.cos(np.radians(110))
"""Height of the valve plane over the ellipsoid's centre, in long semi-axes."""
_CAP_SHARE = 0.65
"""Thickness of the apex as a share of the mean wall."""
_APEX_INWARD = 0.08
"""Share of the long-axis shortening that the apex contributes."""
_USUAL_HALFWAY = 0.55
"""What `Motion.mid_fraction` is where conduction is normal."""
_SMALLEST_RATIO = 0.12
"""A cavity never closes altogether."""
_RV_APEX = 0.15
"""Where the right cavity begins, as a share of the left one's length."""
_RV_DESCENT = 1.25
"""How far the tricuspid plane descends against the mitral one."""
_CLOSURE_MM = 8.0
"""Height over which the right cavity ends at its valves, which lie oblique to the slices."""
_LARGEST_BLUR_MM = 14.0
_ANGLE = np.arange(NUM_ANGLES) * (360 / NUM_ANGLES)

Rings = Float[np.ndarray, "ring angle"]
Contours = Float[np.ndarray, "slice angle"]
PerSlice = Float[np.ndarray, " slice"]


@dataclass(frozen=True)
class Sections:
    """A stack of slices at one moment."""

    endo: Contours
    epi: Contours
    """Zero where the plane lies below the apex."""
    rv: Contours
    """Outer border of the blood on the right side, ventricle or atrium; equals `epi` where there is none."""
    rv_cavity: Contours
    """Outer border of the right ventricle's cavity alone."""
    level: PerSlice
    """0 at the left cavity's apex, 1 at the valve plane; beyond in slices outside."""
    ventricle_share: PerSlice
    """How much of the slice's thickness lies below the mitral plane."""
    endo_blur_mm: PerSlice
    """By how much the cavity's radius differs between both faces of the slice."""
    epi_blur_mm: PerSlice

    @property
    def in_ventricle(self) -> Bool[np.ndarray, " slice"]:
        """Whether the slice's middle plane cuts the left ventricle: only then are its cavity and wall labelled."""
        return (self.ventricle_share >= 0.5) & (self.epi.max(axis=1) > 0)


@dataclass(frozen=True)
class HeartShape:
    """One heart, ready to be cut. Made by `shape_heart`."""

    short_mm: float
    long_mm: float
    cap_mm: float
    wall_mm: Rings
    endo_ratio: Rings
    pace: Rings
    """Exponent on the way a segment has gone: above 1 it is late."""
    outline: Float[np.ndarray, " angle"]
    """Relative radius by angle: no heart is a perfect circle."""
    rv_outline: Float[np.ndarray, " angle"]
    length_ratio: float
    """Length at end-systole over that at end-diastole."""
    heights_mm: PerSlice
    """Middle planes of the stack, from above the base to below the apex."""
    way: Float[np.ndarray, " step"]
    ejected: Float[np.ndarray, " step"]
    """Share of the stroke volume that has left when a usual segment has gone `way`."""
    endo_factor: tuple[float, float] = (1.0, 1.0)
    """At end-diastole and end-systole."""
    wall_factor: float = 1.0
    rv_width_mm: tuple[float, float] = (1.0, 1.0)

    @property
    def middle(self) -> int:
        """The slice of the three-channel picture."""
        return len(self.heights_mm) // 2

    @property
    def descent_mm(self) -> float:
        """Way of the valve plane to end-systole."""
        return _descent_mm(self.long_mm, self.length_ratio)

    def cut(self, fraction: float) -> Sections:
        """All slices when `fraction` of the stroke volume has been ejected."""
        way = float(np.interp(fraction, self.ejected, self.way))
        stretch = 1 - (1 - self.length_ratio) * way
        above_plane = self.heights_mm + self.descent_mm * way
        axial = _BASE * self.long_mm + above_plane / stretch
        level = 1 + above_plane / stretch / (self.long_mm * (1 + _BASE))
        inside = np.minimum(axial, _BASE * self.long_mm)
        wall, ratio, pace = (_at_levels(rings, level) for rings in (self.wall_mm, self.endo_ratio, self.pace))

        endo_unit = np.sqrt(np.maximum(1 - (inside / self.long_mm) ** 2, 0))[:, None]
        outer_mm = self.long_mm + self.cap_mm
        epi_unit = np.sqrt(np.maximum(1 - (inside / outer_mm) ** 2, 0))[:, None]
        endo_ed = self.short_mm * endo_unit * self.outline
        wall_area = np.maximum(((self.short_mm + wall) * epi_unit * self.outline) ** 2 - endo_ed**2, 0)
        moved = 1 - way**pace * (1 - ratio)
        endo = endo_ed * moved * _between(self.endo_factor, way)
        epi = np.sqrt(endo**2 + self.wall_factor * wall_area / stretch)

        gap = _between(self.rv_width_mm, way) * self._rv_gap(level) * (epi > 0)
        closed = self._rv_closure(way)
        return Sections(
            endo=endo,
            epi=epi,
            rv=epi + gap,
            rv_cavity=epi + gap * closed,
            level=level,
            ventricle_share=np.clip(0.5 - above_plane / SLICE_THICKNESS_MM, 0, 1),
            endo_blur_mm=_blur_mm(inside / self.long_mm, self.short_mm / self.long_mm / stretch) * moved.mean(axis=1),
            epi_blur_mm=_blur_mm(inside / outer_mm, self.short_mm / outer_mm / stretch),
        )

    def _rv_gap(self, level: PerSlice) -> Contours:
        """Width of the right side by slice and angle, relative to its widest."""
        up = np.clip((level - _RV_APEX) / (1 - _RV_APEX), 0, 1)[:, None]
        offset = (_ANGLE - 90 + 180) % 360 - 180
        # It reaches further round in front, towards the outflow tract, and the more the higher.
        half = np.where(offset < 0, 56 + 32 * up, 54 + 24 * up)
        profile = np.maximum(1 - np.abs(offset / half) ** 2.2, 0) ** 0.85
        return up**0.6 * profile * self.rv_outline

    def _rv_closure(self, way: float) -> Contours:
        """1 below the tricuspid and pulmonary valves, 0 above, by slice and angle."""
        front = np.cos(np.radians(_ANGLE - 20))
        valve = 3.0 + 9.0 * front - _RV_DESCENT * self.descent_mm * way
        return np.clip(0.5 + (valve - self.heights_mm[:, None]) / _CLOSURE_MM, 0, 1)


def shape_heart(
    hearts: Hearts,
    motion: Motion,
    *,
    outline: Float[np.ndarray, " angle"],
    rv_outline: Float[np.ndarray, " angle"],
    offset_mm: float,
    row: int = 0,
) -> HeartShape:
    """The heart of subject `row`; `outline` and `rv_outline` are relative radii, `offset_mm` moves the stack a little up."""
    long_mm = float(hearts.long_semi_axis_mm[row])
    mean_wall = float(hearts.mean_wall_mm[row])
    spread = map_to_rings(_NUM_RINGS, NUM_ANGLES)
    segments = np.stack([hearts.wall_mm[row], motion.endo_ratio[row], motion.mid_fraction[row]], axis=1)
    wall, ratio, halfway = np.moveaxis(spread @ segments, -1, 0)
    shape = HeartShape(
        short_mm=float(hearts.short_semi_axis_mm[row]),
        long_mm=long_mm,
        cap_mm=_CAP_SHARE * mean_wall,
        wall_mm=wall,
        endo_ratio=np.maximum(ratio, _SMALLEST_RATIO),
        pace=np.log(halfway) / np.log(_USUAL_HALFWAY),
        outline=outline / np.sqrt((outline**2).mean()),
        rv_outline=rv_outline,
        length_ratio=float(motion.shortening[row]),
        heights_mm=_plan_heights(long_mm, _CAP_SHARE * mean_wall, float(motion.shortening[row]), offset_mm),
        way=np.linspace(0, 1, 9),
        ejected=np.linspace(0, 1, 9),
    )
    shape = replace(shape, ejected=_ejected(shape))
    return _fitted(shape, hearts, motion, row)


def _plan_heights(long_mm: float, cap_mm: float, length_ratio: float, offset_mm: float) -> PerSlice:
    """From above the valve plane down to one slice below the apex, an odd number, so that the middle one is in the middle.

    A stack cannot have the valve plane half-way between two slices both at end-diastole and at end-systole; it is planned
    so that each misses by about as much.
    """
    descent = _descent_mm(long_mm, length_ratio)
    missing = (descent + SLICE_SPACING_MM / 2) % SLICE_SPACING_MM - SLICE_SPACING_MM / 2
    first = SLICE_SPACING_MM / 2 - float(np.clip(0.4 * missing + offset_mm, -2.5, 2.5))
    length = long_mm * (1 + _BASE) + cap_mm
    below = int(np.ceil((first + length) / SLICE_SPACING_MM))
    return first + SLICE_SPACING_MM * np.arange(below % 2, -below - 1, -1)


def _descent_mm(long_mm: float, length_ratio: float) -> float:
    return (1 - _APEX_INWARD) * (1 - length_ratio) * long_mm * (1 + _BASE)


def _ejected(shape: HeartShape) -> Float[np.ndarray, " step"]:
    """Share of the stroke volume ejected at each step of `way`, by rings of equal height."""
    axial = np.linspace(-1, _BASE, _NUM_RINGS)
    area = (1 - axial**2)[:, None] * shape.outline**2
    volume = np.array(
        [
            (1 - (1 - shape.length_ratio) * way) * (area * (1 - way**shape.pace * (1 - shape.endo_ratio)) ** 2).sum()
            for way in shape.way
        ]
    )
    return np.maximum.accumulate((volume[0] - volume) / (volume[0] - volume[-1]))


def _fitted(shape: HeartShape, hearts: Hearts, motion: Motion, row: int) -> HeartShape:
    """The same shape with factors by which the stack's areas sum to the volumes and the mass of the phenotypes."""
    ends = (0.0, 1.0)
    cavities = [_stack_ml(cut.endo**2, cut.in_ventricle) for cut in map(shape.cut, ends)]
    wanted = (hearts.lv_edv_ml[row], motion.lv_esv_ml[row])
    shape = replace(shape, endo_factor=tuple(float(np.sqrt(w / c)) for w, c in zip(wanted, cavities, strict=True)))
    end_diastole = shape.cut(0.0)
    wall_ml = _stack_ml(end_diastole.epi**2 - end_diastole.endo**2, end_diastole.in_ventricle)
    shape = replace(shape, wall_factor=float(hearts.lv_mass_g[row] / DENSITY_G_PER_ML / wall_ml))
    widths = []
    for fraction, volume_ml in zip(ends, (hearts.rv_edv_ml[row], hearts.rv_esv_ml[row]), strict=True):
        cut = shape.cut(fraction)
        gap = cut.rv_cavity - cut.epi
        linear, square = _stack_ml(2 * cut.epi * gap), _stack_ml(gap**2)
        widths.append(float((np.sqrt(linear**2 + 4 * square * volume_ml) - linear) / (2 * square)))
    return replace(shape, rv_width_mm=tuple(widths))


def _stack_ml(squares: Contours, counted: Bool[np.ndarray, " slice"] | None = None) -> float:
    """Volume between contours whose squared radii differ by `squares`, over the counted slices, in mL."""
    areas = np.pi * squares.mean(axis=1)
    return float((areas if counted is None else areas[counted]).sum() * SLICE_SPACING_MM / 1000)


def _at_levels(rings: Rings, level: PerSlice) -> Contours:
    at = np.clip(level, 0, 1) * (len(rings) - 1)
    low = np.minimum(at.astype(int), len(rings) - 2)
    share = (at - low)[:, None]
    return rings[low] * (1 - share) + rings[low + 1] * share


def _blur_mm(axial: PerSlice, roundness: float) -> PerSlice:
    """Change of an ellipsoid's radius through a slice at `axial` long semi-axes from its centre; steep near the apex."""
    steep = np.abs(axial) / np.sqrt(np.maximum(1 - axial**2, 0.09)) * roundness
    return np.minimum(steep * SLICE_THICKNESS_MM, _LARGEST_BLUR_MM)


def _between(ends: tuple[float, float], way: float) -> float:
    return ends[0] + way * (ends[1] - ends[0])
