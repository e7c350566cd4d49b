from itertools import pairwise

import numpy as np
import pytest

from cardiolens.signals.beat_stretches import NOWHERE, NUM_STRETCHES, STRETCHES_MS, beat_stretches, flattened
from cardiolens.signals.heart_beats import find_beats
from cardiolens.synthetic.generator import make_subject


@pytest.fixture(scope="module")
def signal():
    return make_subject(seed=5, index=1, with_mri=False).recording.signal_mv


def test_stretches_follow_each_other_without_gaps():
    assert all(one[1] == next_one[0] for one, next_one in pairwise(STRETCHES_MS))


def test_every_beat_has_every_stretch_at_its_place(signal):
    found, beats = beat_stretches(signal), find_beats(signal)
    for beat in beats[1:-1]:
        for number, (first, last) in enumerate(STRETCHES_MS[2:5], start=2):
            assert (found[beat + first // 2 : beat + last // 2] == number).all()
    assert set(np.unique(found)) == {NOWHERE, *range(NUM_STRETCHES)}


def test_in_a_fast_heart_the_qrs_goes_before_the_neighbours_p(signal):
    fast = np.stack([np.interp(np.arange(0, 5000, 2.2), np.arange(5000), lead) for lead in signal])
    found, beats = beat_stretches(fast), find_beats(fast)
    for beat in beats[1:-1]:
        assert (found[beat - 25 : beat] == 2).all()
        assert (found[beat : beat + 25] == 3).all()


def test_flat_stretches_are_straight_and_join_their_ends(signal):
    found = beat_stretches(signal)
    flat = flattened(signal, found)
    np.testing.assert_array_equal(flat[:, found == NOWHERE], signal[:, found == NOWHERE])
    beat = find_beats(signal)[2]
    qrs = flat[:, beat - 25 : beat]
    np.testing.assert_allclose(np.diff(qrs, n=2, axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(qrs[:, 0], signal[:, beat - 25], rtol=1e-5)
    np.testing.assert_allclose(qrs[:, -1], signal[:, beat - 1], rtol=1e-5)


def test_without_beats_nothing_is_a_stretch():
    silent = np.zeros((12, 2500))
    found = beat_stretches(silent)
    np.testing.assert_array_equal(flattened(silent, found), silent)
