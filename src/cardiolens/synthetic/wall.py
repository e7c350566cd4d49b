"""The excitable wall as a lattice of nodes: the left ventricle around a truncated ellipsoid and the right free wall.

Left ventricle: 4 layers (0 endocardium, 3 epicardium) x 12 rings (0 apex) x 24 angles. Right ventricle: 2 layers x 9
rings x 11 angles, a crescent over the septum. Positions are in the heart's own axes (anterior, septal, towards base) in mm.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cardiolens.synthetic.segments import map_to_rings

LAYERS, RINGS, ANGLES = 4, 12, 24
RV_LAYERS, RV_RINGS, RV_ANGLES = 2, 9, 11
NUM_LV = LAYERS * RINGS * ANGLES
NUM_RV = RV_LAYERS * RV_RINGS * RV_ANGLES
NUM_NODES = NUM_LV + NUM_RV

POLAR_DEGREES = np.linspace(13, 108, RINGS)
_RV_POLAR_DEGREES = np.linspace(34, 108, RV_RINGS)
_RV_HALF_ANGLE_DEGREES = 75.0
_RV_WALL_MM = 3.0
_ANGLE_RADIANS = np.arange(ANGLES) * 2 * np.pi / ANGLES


@dataclass(frozen=True)
class Lattice:
    """What every heart's lattice shares: who is whose neighbour, and which edges carry current.

    `links` are pairs along which activation spreads (26 neighbours), with `link_layers` the number of layers crossed and
    `link_kind` 0 muscle, 1 left endocardium, 2 right endocardium, 3 where the ventricles meet. `edges` are the
    orthogonal pairs that act as dipoles, with `edge_axis` 0 layer, 1 ring, 2 angle.
    """

    links: Int[np.ndarray, "link 2"]
    link_kind: Int[np.ndarray, " link"]
    link_layers: Int[np.ndarray, " link"]
    edges: Int[np.ndarray, "edge 2"]
    edge_axis: Int[np.ndarray, " edge"]
    edge_thin: Float[np.ndarray, " edge"]
    """Half for edges within a surface layer, whose muscle lies on one side only."""
    angle_step: Int[np.ndarray, "node 2"]
    """Neighbours before and after in angle; the cross-section of an edge follows from them."""
    ring_step: Int[np.ndarray, "node 2"]


@functools.cache
def lattice() -> Lattice:
    """The one lattice of this project."""
    lv = np.arange(NUM_LV).reshape(LAYERS, RINGS, ANGLES)
    rv = NUM_LV + np.arange(NUM_RV).reshape(RV_LAYERS, RV_RINGS, RV_ANGLES)
    within = [*_neighbours(lv, wraps=True), *_neighbours(rv, wraps=False)]
    pairs = [*within, *_hinges(lv, rv)]
    links = np.array([(a, b) for a, b, _ in pairs])
    crossed = np.array([c for _, _, c in pairs])
    on_left_endo = (links < RINGS * ANGLES).all(axis=1)
    first_rv, last_rv = NUM_LV, NUM_LV + RV_RINGS * RV_ANGLES
    # The right side of the septum is right endocardium.
    right_endo = np.zeros(NUM_NODES, dtype=bool)
    right_endo[first_rv:last_rv] = True
    right_endo[lv[-1][np.ix_(_RV_POLAR_DEGREES[0] <= POLAR_DEGREES, np.abs(np.degrees(_ANGLE_RADIANS) - 90) <= 60)]] = True
    on_right_endo = right_endo[links].all(axis=1)
    edges, axis, thin = [], [], []
    for grid, wraps in ((lv, True), (rv, False)):
        for ax in range(3):
            a, b = grid, np.roll(grid, -1, axis=ax)
            if not (wraps and ax == 2):
                keep = [slice(None)] * 3
                keep[ax] = slice(0, -1)
                a, b = a[tuple(keep)], b[tuple(keep)]
            half = np.ones(a.shape)
            if ax != 0:
                half[0], half[-1] = 0.5, 0.5
            edges.append(np.stack([a.ravel(), b.ravel()], axis=1))
            axis.append(np.full(a.size, ax))
            thin.append(half.ravel())
    return Lattice(
        links=links,
        link_kind=np.select([np.arange(len(pairs)) >= len(within), on_left_endo, on_right_endo], [3, 1, 2], 0),
        link_layers=crossed,
        edges=np.concatenate(edges),
        edge_axis=np.concatenate(axis),
        edge_thin=np.concatenate(thin),
        angle_step=np.concatenate([_steps(lv, 2, wraps=True), _steps(rv, 2, wraps=False)]),
        ring_step=np.concatenate([_steps(lv, 1, wraps=False), _steps(rv, 1, wraps=False)]),
    )


def place_wall(
    *,
    short_semi_axis_mm: float,
    long_semi_axis_mm: float,
    wall_mm: Float[np.ndarray, " segment"],
    rv_width_mm: float,
) -> Float[np.ndarray, "node 3"]:
    """Node positions; the origin is the centre of the ellipsoid and `rv_width_mm` the widest gap of the right cavity."""
    polar = np.radians(POLAR_DEGREES)
    thickness = map_to_rings(RINGS, ANGLES) @ wall_mm
    depth = np.linspace(0, 1, LAYERS)[:, None, None] * thickness
    radial = (short_semi_axis_mm + depth) * np.sin(polar)[:, None]
    axial = -(long_semi_axis_mm + 0.65 * depth) * np.cos(polar)[:, None]
    lv = np.stack([radial * np.cos(_ANGLE_RADIANS), radial * np.sin(_ANGLE_RADIANS), axial], axis=-1)

    rv_polar = np.radians(_RV_POLAR_DEGREES)
    offset = np.linspace(-_RV_HALF_ANGLE_DEGREES, _RV_HALF_ANGLE_DEGREES, RV_ANGLES)
    angle = np.radians(90 + offset)
    # The crescent closes where it meets the left ventricle and narrows towards the apex.
    gap = rv_width_mm * np.maximum(np.cos(np.radians(offset * 90 / 78)), 0) ** 0.6 * np.sin(rv_polar)[:, None] ** 1.5
    septum = short_semi_axis_mm + wall_mm[[1, 2, 7, 8, 13]].mean()
    rv_radial = septum * np.sin(rv_polar)[:, None] + gap + np.array([0, _RV_WALL_MM])[:, None, None]
    rv_axial = np.broadcast_to(-(long_semi_axis_mm + 4) * np.cos(rv_polar)[:, None], rv_radial.shape)
    rv = np.stack([rv_radial * np.cos(angle), rv_radial * np.sin(angle), rv_axial], axis=-1)
    return np.concatenate([lv.reshape(-1, 3), rv.reshape(-1, 3)])


def _neighbours(grid: np.ndarray, *, wraps: bool) -> list[tuple[int, int, int]]:
    pairs = []
    layers, rings, angles = grid.shape
    steps = [step for step in itertools.product((0, 1), (-1, 0, 1), (-1, 0, 1)) if step > (0, 0, 0)]
    for k, i, j in np.ndindex(grid.shape):
        for across, up, round_ in steps:
            kk, ii, jj = k + across, i + up, j + round_
            if wraps:
                jj %= angles
            if 0 <= kk < layers and 0 <= ii < rings and 0 <= jj < angles:
                pairs.append((int(grid[k, i, j]), int(grid[kk, ii, jj]), across))
    return pairs


def _hinges(lv: np.ndarray, rv: np.ndarray) -> list[tuple[int, int, int]]:
    """Where the right free wall meets the left ventricle, in front and behind, and at the apex."""
    ring = np.abs(POLAR_DEGREES[:, None] - _RV_POLAR_DEGREES).argmin(axis=0)
    offset = np.linspace(-_RV_HALF_ANGLE_DEGREES, _RV_HALF_ANGLE_DEGREES, RV_ANGLES)
    column = np.round((90 + offset) / 360 * ANGLES).astype(int) % ANGLES
    sides = [(int(rv[k, i, j]), int(lv[-1, ring[i], column[j]]), 0) for k in (0, 1) for i in range(RV_RINGS) for j in (0, -1)]
    tip = [(int(rv[k, 0, j]), int(lv[-1, ring[0], column[j]]), 0) for k in (0, 1) for j in range(RV_ANGLES)]
    return sides + tip


def _steps(grid: np.ndarray, axis: int, *, wraps: bool) -> np.ndarray:
    before, after = np.roll(grid, 1, axis=axis), np.roll(grid, -1, axis=axis)
    if not wraps:
        first, last = [slice(None)] * 3, [slice(None)] * 3
        first[axis], last[axis] = slice(0, 1), slice(-1, None)
        before[tuple(first)], after[tuple(last)] = grid[tuple(first)], grid[tuple(last)]
    return np.stack([before.ravel(), after.ravel()], axis=1)
