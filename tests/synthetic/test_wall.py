"""The lattice is one closed wall, placed where the anatomy says."""

import numpy as np
import pytest

from cardiolens.synthetic import wall
from cardiolens.synthetic.wall_kernels import activation_ms, interpolate, node_weights, spread_over_time

SPEEDS = {"left_speed": 1.0, "right_speed": 1.0, "along": 1.0, "across": 1.0}


@pytest.fixture(scope="module")
def position():
    return wall.place_wall(short_semi_axis_mm=26.0, long_semi_axis_mm=66.0, wall_mm=np.full(16, 6.0), rv_width_mm=26.0)


def weights(position, electrode_mm, viability=None, layer_mm=2.0):
    """Of one electrode far away in an infinite medium."""
    grid = wall.lattice()
    viability = np.ones(wall.NUM_NODES) if viability is None else viability
    layer = np.full(wall.NUM_NODES, layer_mm)
    field = 1 / np.sqrt(((position - np.array(electrode_mm)) ** 2).sum(axis=1))[:, None]
    return node_weights(
        position, grid.edges, grid.edge_axis, grid.edge_thin, grid.angle_step, grid.ring_step, layer, viability, 1.0, field
    )[:, 0]


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
    seen = weights(position, (100.0, 0, 0))
    assert abs(seen.sum()) < 1e-9 * np.abs(seen).sum()


def test_an_electrode_sees_a_front_that_comes_towards_it_as_positive(position):
    excited = position[:, 1] < 0
    assert weights(position, (0.0, 200.0, 0.0)) @ excited > 0
    assert weights(position, (0.0, -200.0, 0.0)) @ excited < 0


def test_a_dead_wall_carries_no_current(position):
    viability = np.ones(wall.NUM_NODES)
    viability[: wall.NUM_LV] = 0
    seen = weights(position, (100.0, 0, 0), viability)
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
        seen = weights(position, (0.0, 150.0, 0.0), layer_mm=thickness / (wall.LAYERS - 1))
        loudness.append(abs(seen @ half))
    assert 1.6 < loudness[1] / loudness[0] < 2.6


def test_nodes_read_a_linear_field_exactly():
    axes = np.meshgrid(np.arange(4.0), np.arange(5.0), np.arange(6.0), indexing="ij")
    stored = np.stack([axes[0] + 2 * axes[1] - axes[2], np.ones((4, 5, 6))], axis=-1).astype(np.float32)
    place = np.random.default_rng(5).uniform(0, 3, (20, 3))
    which, weight = np.array([[0, 0, 1, 1]]), np.array([[0.5, 0.5, 2.0, 1.0]])
    np.testing.assert_allclose(interpolate(stored, place, which, weight)[:, 0], place @ [1, 2, -1] + 3, rtol=1e-6, atol=1e-6)


def test_nothing_is_lost_when_nodes_are_laid_out_over_time():
    rng = np.random.default_rng(6)
    weight, when = rng.standard_normal((30, 2)), rng.uniform(0, 97, 30)
    laid = spread_over_time(weight, when, 100)
    np.testing.assert_allclose(laid.sum(axis=1), weight.sum(axis=0))
    np.testing.assert_allclose(laid @ np.arange(100), weight.T @ when)
