import numpy as np
import pytest
from drawn_beats import strip

from cardiolens.signals.heart_beats import median_beat
from cardiolens.signals.wave_intervals import bazett, frontal_axis_degrees, wave_times

REGULAR = np.arange(0.5, 10, 0.9)


def test_intervals_of_a_drawn_beat_are_found():
    times = wave_times(median_beat(strip(REGULAR, noise_mv=0.015)))
    assert times.qrs_ms == pytest.approx(80, abs=8)
    assert times.pr_ms == pytest.approx(170, abs=14)
    assert times.qt_ms == pytest.approx(240 + 40 + 2.5 * 38, abs=15)


def test_a_wide_qrs_is_measured_as_wide():
    wide = wave_times(median_beat(strip(REGULAR, ectopic=range(len(REGULAR)))))
    assert wide.qrs_ms == pytest.approx(152, abs=12)


def test_a_beat_without_p_wave_has_no_pr():
    signal = strip(REGULAR, p_mv=0.0, noise_mv=0.01)
    assert np.isnan(wave_times(median_beat(signal)).pr_ms)


def test_no_beat_has_no_times():
    times = wave_times(np.full((12, 520), np.nan))
    assert np.isnan([times.pr_ms, times.qrs_ms, times.qt_ms]).all()


@pytest.mark.parametrize("degrees", [-60, 0, 45, 110])
def test_the_axis_is_the_direction_of_the_mean_qrs(degrees):
    found = median_beat(strip(REGULAR))
    times = wave_times(found)
    pulse = np.abs(found[9])
    vector = np.radians(degrees)
    found[0], found[5] = np.cos(vector) * pulse, np.sqrt(3) / 2 * np.sin(vector) * pulse
    assert frontal_axis_degrees(found, times) == pytest.approx(degrees, abs=0.5)


def test_bazett_changes_nothing_at_sixty_beats_a_minute():
    assert bazett(400.0, 1000.0) == 400
    assert bazett(400.0, 640.0) == pytest.approx(500)
