"""The lattice is one closed wall, placed where the anatomy says."""

import numpy as np
import pytest

from cardiolens.synthetic import wall
from cardiolens.synthetic.wall_kernels import activation_ms, node_weights

SPEEDS = {"left_speed": 1.0, "right_speed": 1.0, "along": 1.0, "across": 1.0}


@pytest.fixture(scope="module")
def position():
    return wall.place_wall(short_semi_axis_mm=26.0, long_semi_axis_mm=66.0, wall_mm=np.full(16, 6.0), rv_width_mm=26.0)


def weights(position, electrode, viability=None, layer_mm=2.0):
    grid = wall.lattice()
    viability = np.ones(wall.NUM_NODES) if viability is None else viability
    layer = np.full(wall.NUM_NODES, layer_mm)
    return node_weights(
        position, grid.edges, grid.edge_axis, grid.edge_thin, grid.angle_step, grid.ring_step, layer, viability, electrode,
        30.0, 100.0, 1.0,
    )  # fmt: skip


def test_every_node_is_reached_from_any_other(position):
    grid = wall.lattice()
    layer = np.full(wall.NUM_NODES, 2.0)
    args = (position, grid.links, grid.link_kind, grid.link_layers, layer, np.ones(wall.NUM_NODES))
    time = activation_ms(*args, np.array([0]), np.zeros(1), *SPEEDS.values())
    assert time[0] == 0
    assert time.max() < 400


def test_the_wave_obeys_the_speed_of_every_link(position):
    grid = wall.lattice()
    layer = np.full(wall.NUM_NODES, 2.0)
    args = (position, grid.links, grid.link_kind, grid.link_layers, layer, np.ones(wall.NUM_NODES))
    time = activation_ms(*args, np.array([100, 900]), np.array([0.0, 5.0]), *SPEEDS.values())
    a, b = grid.links.T
    distance = np.sqrt(((position[a] - position[b]) ** 2).sum(axis=1))
    cost = np.where(grid.link_kind == 3, 1.4 * distance, np.maximum(distance, 2.0 * grid.link_layers))
    assert (np.abs(time[a] - time[b]) <= cost + 1e-6).all()


def test_the_wall_has_the_thickness_that_was_asked_for(position):
    lv = position[: wall.NUM_LV].reshape(wall.LAYERS, wall.RINGS, wall.ANGLES, 3)
    equator = np.abs(wall.POLAR_DEGREES - 90).argmin()
    across = np.sqrt(((lv[-1, equator] - lv[0, equator]) ** 2).sum(axis=-1))
    np.testing.assert_allclose(across, 6.0, rtol=0.02)


def test_a_wall_of_one_potential_is_silent(position):
    seen = weights(position, np.array([[100.0, 0, 0], [0, 80.0, 40]]))
    np.testing.assert_allclose(seen.sum(axis=0), 0, atol=1e-9 * np.abs(seen).sum())


def test_a_dead_wall_carries_no_current(position):
    viability = np.ones(wall.NUM_NODES)
    viability[: wall.NUM_LV] = 0
    seen = weights(position, np.array([[100.0, 0, 0]]), viability)
    assert np.abs(seen[: wall.NUM_LV]).max() == 0
    assert np.abs(seen[wall.NUM_LV :]).max() > 0


def test_a_front_through_a_thicker_wall_is_louder():
    loudness = []
    for thickness in (5.0, 10.0):
        position = wall.place_wall(
            short_semi_axis_mm=26.0, long_semi_axis_mm=66.0, wall_mm=np.full(16, thickness), rv_width_mm=26.0
        )
        half = np.zeros(wall.NUM_NODES)
        half[: wall.NUM_LV] = np.tile(np.arange(wall.ANGLES) < wall.ANGLES // 2, wall.LAYERS * wall.RINGS)
        seen = weights(position, np.array([[0.0, 150.0, 0.0]]), layer_mm=thickness / (wall.LAYERS - 1))
        loudness.append(abs(seen[:, 0] @ half))
    assert 1.6 < loudness[1] / loudness[0] < 2.6
