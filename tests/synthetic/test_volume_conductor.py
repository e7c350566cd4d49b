"""The solver agrees with a closed form, and what A sees of B is what B sees of A."""

import numpy as np
import pytest

from cardiolens.synthetic.volume_conductor import injected_potentials

SPACING_MM, RADIUS_MM, CONDUCTIVITY = 5.0, 60.0, 0.2


@pytest.fixture(scope="module")
def grid():
    axis = np.arange(-70.0, 71.0, SPACING_MM)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)


def patch(grid, inside, place):
    weight = np.exp(-0.5 * ((grid - np.array(place)) ** 2).sum(axis=-1) / 6.0**2) * inside
    return weight / weight.sum()


def test_a_dipole_at_the_centre_of_a_sphere_gives_the_closed_form(grid):
    inside = (grid**2).sum(axis=-1) <= RADIUS_MM**2
    poles = np.stack([patch(grid, inside, (0, 0, z)) for z in (56.0, -56.0)])
    up, down = injected_potentials(inside * CONDUCTIVITY, poles, spacing_mm=SPACING_MM)
    seen = up - down
    middle = len(grid) // 2
    gradient = (seen[middle, middle, middle + 1] - seen[middle, middle, middle - 1]) / (2 * SPACING_MM / 1000)
    # The two poles see 3 p / (4 pi sigma R^2) each, of opposite sign.
    assert gradient == pytest.approx(2 * 3 / (4 * np.pi * CONDUCTIVITY * (RADIUS_MM / 1000) ** 2), rel=0.08)


def test_sender_and_receiver_may_change_places(grid):
    rng = np.random.default_rng(3)
    inside = (grid**2).sum(axis=-1) <= RADIUS_MM**2
    conductivity = inside * rng.uniform(0.05, 0.6, inside.shape)
    ends = np.stack([patch(grid, inside, (40, 0, -10)), patch(grid, inside, (-20, 30, 20))])
    first, second = injected_potentials(conductivity, ends, spacing_mm=SPACING_MM)
    assert (first * ends[1]).sum() == pytest.approx((second * ends[0]).sum(), rel=1e-3)


def test_current_through_a_bar_follows_ohm():
    conductivity = np.full((4, 4, 40), 0.5)
    ends = np.zeros((2, 4, 4, 40))
    ends[0, :, :, -1], ends[1, :, :, 0] = 1 / 16, 1 / 16
    first, second = injected_potentials(conductivity, ends, spacing_mm=10.0)
    drop = (first - second)[2, 2, 30] - (first - second)[2, 2, 10]
    assert drop == pytest.approx(0.20 / (0.5 * 0.04**2), rel=1e-3)
