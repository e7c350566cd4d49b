"""The 16 segments of the left ventricle in short-axis views: places, territories, shares, and maps onto finer grids.

Angles are in degrees round the long axis: 0 anterior, 90 septal, 180 inferior, -90 lateral, as the reference pipeline for
UK Biobank counts them. Levels are thirds of the length from base to apex.
"""

from __future__ import annotations

import functools

import numpy as np
from jaxtyping import Float

NUM_SEGMENTS = 16
LEVEL = np.array([0] * 6 + [1] * 6 + [2] * 4)
"""0 basal, 1 mid, 2 apical."""
ANGLE_DEGREES = np.array([0, 60, 120, 180, -120, -60] * 2 + [0, 90, 180, -90], dtype=float)

TERRITORY_SEGMENTS = {"lad": (1, 2, 7, 8, 13, 14), "lcx": (5, 6, 11, 12, 16), "rca": (3, 4, 9, 10, 15)}
"""AHA numbers, from 1."""

# Of a truncated ellipsoid between polar angles 10 and 110 degrees, cut into thirds of its length.
LEVEL_VOLUME = np.array([0.431, 0.392, 0.177])
LEVEL_RADIUS = np.array([0.985, 0.938, 0.633])
"""Root-mean-square cavity radius of each level as a share of the ellipsoid's short semi-axis."""
MID_SLICE_RADIUS = 0.947

_COUNT = np.array([6, 6, 4])
CAVITY_SHARE = LEVEL_VOLUME[LEVEL] / _COUNT[LEVEL]
"""Share of the cavity volume in front of each segment; sums to one."""
WALL_SHARE = (LEVEL_RADIUS / LEVEL_RADIUS.sum())[LEVEL] / _COUNT[LEVEL]
"""Share of the endocardial contour points of each segment; sums to one."""
NORMAL_THICKNESS = np.array([1.0, 1.1, 1.12, 1.0, 0.98, 0.98, 0.98, 1.06, 1.08, 0.98, 0.95, 0.95, 0.92, 0.95, 0.9, 0.9])
"""Wall thickness of each segment relative to the mean."""
NORMAL_EXCURSION = np.array([0.98, 0.88, 0.86, 1.0, 1.1, 1.08, 1.0, 0.92, 0.9, 1.02, 1.1, 1.08, 1.02, 0.98, 1.02, 1.06])
"""Inward motion of the endocardium of each segment, as a share of its radius, relative to the mean."""


SEPTUM = np.isin(np.arange(1, NUM_SEGMENTS + 1), [2, 3, 8, 9, 14]).astype(float)
"""One for each segment of the septum."""
BESIDE_SEPTUM = np.isin(np.arange(1, NUM_SEGMENTS + 1), [1, 4, 7, 10, 13, 15]).astype(float)
"""One for each anterior or inferior segment."""


@functools.cache
def map_to_rings(num_rings: int, num_angles: int) -> Float[np.ndarray, "ring angle segment"]:
    """Smooth weights that spread values per segment over rings from apex (first) to base and angles from 0 degrees up.

    Weights of every place sum to one.
    """
    level = np.interp(np.arange(num_rings), [0, num_rings - 1], [2.5, -0.5])
    angle = np.arange(num_angles) * 360 / num_angles
    return _weights(level[:, None, None], angle[None, :, None])


@functools.cache
def map_to_mid_slice(num_angles: int) -> Float[np.ndarray, "angle segment"]:
    """Smooth weights that spread values per segment round the mid-ventricular slice."""
    angle = np.arange(num_angles) * 360 / num_angles
    return _weights(np.full((1, 1, 1), 1.0), angle[None, :, None])[0]


def territory_map(extent: dict[str, Float[np.ndarray, " subject"]]) -> Float[np.ndarray, "subject segment"]:
    """Extent per coronary territory laid onto its segments."""
    segments = np.zeros((len(extent["lad"]), NUM_SEGMENTS))
    for territory, numbers in TERRITORY_SEGMENTS.items():
        segments[:, np.array(numbers) - 1] = extent[territory][:, None]
    return segments


def _weights(level: np.ndarray, angle: np.ndarray) -> np.ndarray:
    apart = np.abs((angle - ANGLE_DEGREES + 180) % 360 - 180)
    width = np.array([30.0, 30.0, 40.0])[LEVEL]
    weights = np.exp(-0.5 * (apart / width * 1.4) ** 2) * np.exp(-0.5 * ((level - LEVEL) / 0.45) ** 2)
    return weights / weights.sum(axis=-1, keepdims=True)
