"""Filters and quantisation of the machine, each by what it does to a wave of known shape."""

import numpy as np
import pytest

from cardiolens.synthetic.amplifier import (
    MUSCLE_FILTER_HZ,
    MUSCLE_FILTER_SHARE,
    QUANTA_MV,
    amplify,
    high_pass,
    low_pass,
    remove_drift,
)

SECONDS = np.arange(5000) / 500


def wave(hz):
    return np.sin(2 * np.pi * hz * SECONDS).astype(np.float32)[None].copy()


def gain_at(hz, apply):
    filtered = wave(hz)
    apply(filtered)
    middle = slice(1500, 3500)
    return filtered[0, middle].std() / wave(hz)[0, middle].std()


@pytest.mark.parametrize("corner", [40.0, 150.0])
def test_the_low_pass_is_three_decibels_down_at_its_corner(corner):
    assert gain_at(corner, lambda x: low_pass(x, corner)) == pytest.approx(0.707, abs=0.01)
    assert gain_at(corner / 8, lambda x: low_pass(x, corner)) == pytest.approx(1, abs=0.01)
    assert gain_at(min(corner * 1.5, 245), lambda x: low_pass(x, corner)) < 0.45


def test_the_muscle_filter_takes_five_to_fifteen_percent_off_an_r_wave():
    # A narrow R between q and s, 16 ms wide at half its height.
    r = np.exp(-0.5 * ((SECONDS - 5) / 0.007) ** 2) - 0.12 * np.exp(-0.5 * ((np.abs(SECONDS - 5) - 0.025) / 0.008) ** 2)
    filtered = r.astype(np.float32)[None].copy()
    low_pass(filtered, MUSCLE_FILTER_HZ)
    assert 0.85 < filtered.max() < 0.95


def test_the_coupling_lets_a_step_decay_within_seconds():
    step = (SECONDS >= 2).astype(np.float32)[None].copy()
    high_pass(step, 0.05)
    assert step[0, 0] == pytest.approx(-0.8, abs=1e-3)
    assert step[0, 1000] - step[0, 999] == pytest.approx(1, abs=0.01)
    assert step[0, 1000 + 1592] / step[0, 1000] == pytest.approx(np.exp(-1), abs=0.01)


def test_the_baseline_filter_removes_drift_and_moves_no_wave():
    assert gain_at(0.5, lambda x: remove_drift(x, 0.5)) == pytest.approx(0.707, abs=0.03)
    assert gain_at(0.1, lambda x: remove_drift(x, 0.5)) < 0.15
    hill = np.exp(-0.5 * ((SECONDS - 5) / 0.04) ** 2).astype(np.float32)[None].copy()
    remove_drift(hill, 0.5)
    assert hill.argmax() == 2500
    left, right = hill[0, 2300:2500], hill[0, 2501:2701][::-1]
    np.testing.assert_allclose(left, right, atol=2e-3)


def test_recordings_are_stored_in_steps_of_one_or_five_microvolts():
    noise = (0.1 * np.random.default_rng(0).standard_normal((1, 400))).astype(np.float32)
    steps = []
    for seed in range(200):
        out = amplify(noise, gain=1.0, rng=np.random.default_rng(seed))
        steps.append(next(q for q in QUANTA_MV if np.abs(out / q - np.round(out / q)).max() < 1e-3))
    assert np.mean(np.equal(steps, 0.005)) == pytest.approx(0.5, abs=3 * np.sqrt(0.25 / 200))


def test_one_recording_in_five_went_through_the_muscle_filter():
    noise = np.random.default_rng(0).standard_normal((1, 1000)).astype(np.float32)
    fast = [np.diff(amplify(noise, gain=1.0, rng=np.random.default_rng(seed))).std() for seed in range(300)]
    share = np.mean(np.array(fast) < 0.5 * np.median(fast))
    assert share == pytest.approx(MUSCLE_FILTER_SHARE, abs=3 * np.sqrt(0.16 / 300))


def test_the_gain_scales_what_is_stored():
    plain, louder = (amplify(wave(10.0), gain=gain, rng=np.random.default_rng(3)) for gain in (1.0, 1.02))
    assert louder.std() / plain.std() == pytest.approx(1.02, abs=1e-3)
