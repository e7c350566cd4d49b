"""Solve the template torso once and store what the generator reads: `python scripts/solve_torso.py`, about two minutes.

The torso is an elliptical cylinder with rounded ends (the ends of neck, arms and legs conduct nothing) that holds two
lungs, the region of the heart and great vessels as one well-conducting body, and a ring of fat. For every electrode place
it stores the potential that a current injected there raises where a heart can lie. The SHA-256 that this prints belongs
into `cardiolens/synthetic/lead_field.py`.

Conductivities are textbook values (blood .6, muscle of the heart .2-.3, lung .05-.08, fat .04, trunk about .2 S/m); shapes
are generator defaults.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from scipy.ndimage import binary_erosion, map_coordinates

from cardiolens.synthetic.lead_field import FIELD_FILE, TEMPLATE_HALF_DEPTH_MM, TEMPLATE_HALF_WIDTH_MM
from cardiolens.synthetic.volume_conductor import injected_potentials

SPACING_MM = 8.0
TOP_MM, BOTTOM_MM, ROUNDING_MM = 170.0, -405.0, 80.0

TRUNK, LUNG, HEART, FAT = 0.22, 0.08, 0.30, 0.05
LUNGS = (((-76.0, 8.0, 10.0), (60.0, 84.0, 125.0)), ((80.0, 14.0, 10.0), (58.0, 82.0, 120.0)))
"""Centres and semi-axes in mm."""
DIAPHRAGM_MM = -95.0
HEART_CENTRE_MM, HEART_SEMI_AXES_MM = (18.0, -30.0, -35.0), (62.0, 56.0, 62.0)
MEDIASTINUM_HALF_WIDTH_MM = 26.0

CHEST_DEGREES = np.arange(-27.0, 118.0, 9.0)
CHEST_HEIGHT_MM = np.arange(-90.0, 51.0, 20.0)
STORED_MM = tuple(np.arange(low, high + 1, 10.0) for low, high in ((-90, 120), (-95, 65), (-155, 75)))
"""Where a heart or an atrium can lie in the template."""


def main() -> None:
    """Solve and write."""
    axes = [np.arange(low, high, SPACING_MM) for low, high in _extent()]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    conductivity = torso_conductivity(grid)
    inside = conductivity > 0
    limbs = [(-150.0, 0.0, 85.0), (150.0, 0.0, 85.0), (92.0, -10.0, -335.0)]
    sources = [_spread(grid, inside, np.array(place), 40.0) for place in limbs]
    for degrees in np.radians(CHEST_DEGREES):
        for height in CHEST_HEIGHT_MM:
            skin = np.array([TEMPLATE_HALF_WIDTH_MM * np.sin(degrees), -TEMPLATE_HALF_DEPTH_MM * np.cos(degrees), height])
            sources.append(_spread(grid, inside, skin, 12.0))
    places = np.meshgrid(*STORED_MM, indexing="ij")
    index = [(place - axis[0]) / SPACING_MM for place, axis in zip(places, axes, strict=True)]
    stored = []
    for source in sources:
        potential = injected_potentials(conductivity, source[None], spacing_mm=SPACING_MM)[0]
        stored.append(map_coordinates(potential, index, order=1))
    fields = np.stack(stored)
    fields -= fields.mean(axis=(1, 2, 3), keepdims=True)
    scale = np.abs(fields).max(axis=(1, 2, 3)) / 32767
    target = Path(__file__).parents[1] / "src/cardiolens/synthetic" / FIELD_FILE
    np.savez_compressed(
        target,
        fields=np.round(fields / scale[:, None, None, None]).astype(np.int16),
        volt_per_ampere=scale.astype(np.float32),
        chest_degrees=CHEST_DEGREES,
        chest_height_mm=CHEST_HEIGHT_MM,
        origin_mm=np.array([axis[0] for axis in STORED_MM]),
        spacing_mm=np.array(10.0),
    )
    print(f"{target}: {target.stat().st_size / 1e6:.2f} MB, SHA-256 {hashlib.sha256(target.read_bytes()).hexdigest()}")


def torso_conductivity(grid: np.ndarray) -> np.ndarray:
    """S/m at places (..., 3) in mm; zero outside."""
    x, y, z = np.moveaxis(grid, -1, 0)
    up = np.clip(z - (TOP_MM - ROUNDING_MM), 0, None) + np.clip((BOTTOM_MM + ROUNDING_MM) - z, 0, None)
    taper = np.sqrt(np.clip(1 - (up / ROUNDING_MM) ** 2, 0, None))
    across = (x / TEMPLATE_HALF_WIDTH_MM) ** 2 + (y / TEMPLATE_HALF_DEPTH_MM) ** 2
    inside = across < taper**2
    conductivity = np.where(inside, TRUNK, 0.0)
    chest_wall = across < (taper - 0.17) ** 2
    for centre, semi_axes in LUNGS:
        lung = _ellipsoid(grid, centre, semi_axes) & (np.abs(x) > MEDIASTINUM_HALF_WIDTH_MM) & (z > DIAPHRAGM_MM) & chest_wall
        conductivity[lung] = LUNG
    conductivity[_ellipsoid(grid, HEART_CENTRE_MM, HEART_SEMI_AXES_MM) & inside] = HEART
    vessels = (np.abs(x) < MEDIASTINUM_HALF_WIDTH_MM) & (np.abs(y) < 40) & (z > -10) & (z < 90)
    conductivity[vessels & inside] = HEART
    ring = inside & ~binary_erosion(inside)
    conductivity[ring] = FAT
    return conductivity


def _extent() -> list[tuple[float, float]]:
    pad = 2 * SPACING_MM
    half = (TEMPLATE_HALF_WIDTH_MM + pad, TEMPLATE_HALF_DEPTH_MM + pad)
    return [(-half[0], half[0]), (-half[1], half[1]), (BOTTOM_MM - pad, TOP_MM + pad)]


def _ellipsoid(grid: np.ndarray, centre: tuple[float, ...], semi_axes: tuple[float, ...]) -> np.ndarray:
    return (((grid - np.array(centre)) / np.array(semi_axes)) ** 2).sum(axis=-1) < 1


def _spread(grid: np.ndarray, inside: np.ndarray, place: np.ndarray, width_mm: float) -> np.ndarray:
    """A smooth patch of skin; a limb is as wide as its root, a chest electrode as a voxel."""
    skin = inside & ~binary_erosion(inside)
    weight = np.exp(-0.5 * ((grid - place) ** 2).sum(axis=-1) / width_mm**2) * skin
    return weight / weight.sum()


if __name__ == "__main__":
    main()
