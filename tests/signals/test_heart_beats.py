import numpy as np
import pytest
from drawn_beats import beat, strip

from cardiolens.signals.heart_beats import BEFORE_MS, find_beats, median_beat, rr_intervals_ms, rr_irregularity

REGULAR = np.arange(0.5, 10, 0.9)


def test_every_beat_is_found_at_its_place():
    found = find_beats(strip(REGULAR, noise_mv=0.03)) / 500
    assert len(found) == len(REGULAR)
    assert np.abs(found - REGULAR).max() < 0.03


@pytest.mark.parametrize("rate", [38, 70, 150])
def test_slow_and_fast_hearts_are_counted(rate):
    beats = np.arange(0.4, 9.9, 60 / rate)
    assert len(find_beats(strip(beats, noise_mv=0.02))) == len(beats)


def test_drift_and_a_step_in_one_lead_hide_no_beat():
    signal = strip(REGULAR, noise_mv=0.02) + 0.6 * np.sin(2 * np.pi * 0.25 * np.arange(5000) / 500)
    signal[8, 2600:] += 3.0
    assert len(find_beats(signal)) == len(REGULAR)


def test_a_flat_recording_has_no_beat_and_no_median():
    flat = np.zeros((12, 5000))
    assert np.isnan(median_beat(flat)).all()
    assert np.isnan(rr_irregularity(find_beats(flat)))


def test_irregularity_is_the_spread_of_rr_over_its_mean():
    onsets = np.cumsum([0.6, 0.7, 1.1, 0.6, 1.2, 0.8, 0.9, 0.7, 1.0, 0.6])
    rr = np.diff(onsets)
    beats = find_beats(strip(onsets))
    assert rr_irregularity(beats) == pytest.approx(rr.std() / rr.mean(), abs=0.01)
    assert rr_intervals_ms(beats) == pytest.approx(1000 * rr, abs=12)


def test_the_median_beat_has_the_shape_of_the_beats():
    found = median_beat(strip(REGULAR + 0.02 * np.sin(np.arange(len(REGULAR))), noise_mv=0.02))
    ms = np.arange(found.shape[1]) * 2.0 - BEFORE_MS
    shift = ms[found[9].argmax()] + 20
    assert np.abs(found - beat(ms - shift))[:, 60:420].max() < 0.10


def test_ectopic_beats_do_not_enter_the_median():
    with_ectopic = median_beat(strip(REGULAR, ectopic=(3, 7)))
    without = median_beat(strip(REGULAR))
    assert np.abs(with_ectopic - without)[:, 150:300].max() < 0.05


def test_the_neighbours_of_a_fast_beat_stay_outside():
    fast = median_beat(strip(np.arange(0.3, 9.8, 0.45)))
    assert np.abs(fast[:, -150:] - fast[:, -1:]).max() == 0
