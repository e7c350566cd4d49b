"""Segments lie where the reference pipeline puts them, and maps onto finer grids keep their values."""

import numpy as np

from cardiolens.synthetic.segments import (
    ANGLE_DEGREES,
    BESIDE_SEPTUM,
    CAVITY_SHARE,
    LEVEL,
    LEVEL_RADIUS,
    LEVEL_VOLUME,
    NORMAL_THICKNESS,
    NUM_SEGMENTS,
    SEPTUM,
    TERRITORY_SEGMENTS,
    WALL_SHARE,
    map_to_mid_slice,
    map_to_rings,
    territory_map,
)


def test_shares_of_cavity_and_wall_sum_to_one():
    np.testing.assert_allclose([CAVITY_SHARE.sum(), WALL_SHARE.sum(), LEVEL_VOLUME.sum()], 1, atol=2e-3)


def test_thirds_of_the_truncated_ellipsoid_have_the_volume_and_radius_assumed_of_them():
    height = np.linspace(np.cos(np.radians(110)), np.cos(np.radians(10)), 30_001)
    area = np.pi * (1 - height**2)
    thirds = np.array_split(area, 3)
    np.testing.assert_allclose([part.sum() / area.sum() for part in thirds], LEVEL_VOLUME, atol=3e-3)
    np.testing.assert_allclose([np.sqrt(part.mean() / np.pi) for part in thirds], LEVEL_RADIUS, atol=3e-3)


def test_every_segment_belongs_to_one_coronary_artery():
    assert sorted(number for numbers in TERRITORY_SEGMENTS.values() for number in numbers) == list(range(1, NUM_SEGMENTS + 1))
    laid = territory_map({"lad": np.array([0.2]), "lcx": np.array([0.5]), "rca": np.array([0.9])})[0]
    assert (laid[7], laid[10], laid[9]) == (0.2, 0.5, 0.9)


def test_the_septum_lies_at_ninety_degrees_and_has_neighbours():
    assert (np.abs(ANGLE_DEGREES[SEPTUM > 0] - 90) <= 30).all()
    assert not (SEPTUM * BESIDE_SEPTUM).any()
    assert NORMAL_THICKNESS[(SEPTUM > 0) & (LEVEL < 2)].min() > NORMAL_THICKNESS[LEVEL == 2].max()


def test_maps_keep_constants_and_put_every_segment_in_its_place():
    rings, middle = map_to_rings(12, 24), map_to_mid_slice(180)
    np.testing.assert_allclose(rings.sum(axis=-1), 1)
    np.testing.assert_allclose(middle.sum(axis=-1), 1)
    for segment in range(6, 12):
        angle = int(ANGLE_DEGREES[segment] % 360) // 2
        assert middle[angle].argmax() == segment
    for segment in range(NUM_SEGMENTS):
        ring = {0: 10, 1: 6, 2: 1}[int(LEVEL[segment])]
        assert rings[ring, int(ANGLE_DEGREES[segment] % 360) // 15].argmax() == segment
