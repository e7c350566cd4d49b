"""Who fires when: the septum from the left, the base behind last, a blocked side late."""

import functools

import numpy as np
import pytest

from cardiolens.synthetic import population, wall
from cardiolens.synthetic.conduction import excite
from cardiolens.synthetic.population import Person

WALL_MM = wall.place_wall(short_semi_axis_mm=26.0, long_semi_axis_mm=66.0, wall_mm=np.full(16, 7.0), rv_width_mm=26.0)
LAYER_MM = np.full(wall.NUM_NODES, 7.0 / (wall.LAYERS - 1))


@functools.cache
def average(number=15, dead_ring=None, **changes):
    """Arrival in the left ventricle (layer, ring, angle) and in the right (layer, ring, angle), mean over people."""
    scar = np.zeros(wall.NUM_NODES)
    if dead_ring is not None:
        scar[: wall.NUM_LV].reshape(wall.LAYERS, wall.RINGS, wall.ANGLES)[:, dead_ring] = 1.0
    waves = []
    for index in range(number):
        people = population.draw_people(np.zeros((1, population.NUM_DRAWS)))
        person = Person(**({name: float(column[0]) for name, column in people.items()} | changes))
        wave = excite(person, WALL_MM, LAYER_MM, scar, lv_edv_ml=143.0, rng=np.random.default_rng(index))
        waves.append(wave.sinus_ms)
    mean = np.mean(waves, axis=0)
    left = mean[: wall.NUM_LV].reshape(wall.LAYERS, wall.RINGS, wall.ANGLES)
    return left, mean[wall.NUM_LV :].reshape(wall.RV_LAYERS, wall.RV_RINGS, wall.RV_ANGLES)


def test_the_left_endocardium_is_excited_within_half_the_complex():
    left, _ = average()
    assert np.quantile(left[0, 1:10], 0.9) < 40
    assert left[-1, 1:10, 12:].mean() > left[0, 1:10, 12:].mean() + 10


def test_the_base_is_excited_last():
    left, right = average()
    assert left[:, -1].mean() > left[:, 3].mean() + 8
    assert right[:, -1].mean() > right[:, 3].mean() + 8


def test_a_blocked_left_branch_makes_the_lateral_wall_last():
    left, right = average(lbbb=1.0)
    septal, lateral = left[0, 3:8, 5:8].mean(), left[0, 3:8, 17:20].mean()
    assert septal > average()[0][0, 3:8, 5:8].mean() + 15
    assert lateral > septal + 40
    assert right.mean() < lateral - 40


def test_a_blocked_right_branch_makes_the_right_wall_late():
    left, right = average(rbbb=1.0)
    assert right.mean() > average()[1].mean() + 30
    assert left[0, 3:8, 17:20].mean() == pytest.approx(average()[0][0, 3:8, 17:20].mean(), abs=8)


def test_a_blocked_anterior_fascicle_delays_the_anterior_wall_only():
    blocked, free = average(lafb=1.0)[0], average()[0]
    front = np.r_[22, 23, 0, 1, 2]
    assert (blocked - free)[0, 5:9][:, front].mean() > 6
    assert abs((blocked - free)[0, 3:8, 11:14].mean()) < 6


def test_somebody_with_both_branches_blocked_still_beats():
    left, right = average(number=2, lbbb=1.0, rbbb=1.0)
    assert np.isfinite(left).all()
    assert right.max() < 400


def test_a_dead_ring_is_crossed_slowly():
    assert average(dead_ring=6)[0][-1, 6].mean() > average()[0][-1, 6].mean() + 30
