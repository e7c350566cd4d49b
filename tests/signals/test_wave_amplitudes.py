import numpy as np
import pytest
from drawn_beats import R_MV, S_MV, T_MV, strip

from cardiolens.signals.heart_beats import median_beat
from cardiolens.signals.wave_amplitudes import wave_amplitudes

REGULAR = np.arange(0.5, 10, 0.9)


@pytest.fixture(scope="module")
def drawn():
    return wave_amplitudes(median_beat(strip(REGULAR, noise_mv=0.01)))


def test_heights_of_drawn_waves_are_found(drawn):
    tall = R_MV > 0.2
    assert np.abs(drawn.r_mv - R_MV)[tall].max() < 0.06
    assert np.abs(-drawn.s_mv - S_MV)[tall].max() < 0.06
    clear = np.abs(T_MV) > 0.08
    assert np.abs(drawn.t_mv - T_MV)[clear].max() < 0.05


def test_a_complex_that_only_falls_is_all_s(drawn):
    assert drawn.r_mv[6] < 0.04
    assert drawn.q_mv[6] == pytest.approx(0, abs=0.02)
    assert drawn.s_mv[6] == pytest.approx(-0.9, abs=0.06)


def test_a_wave_before_r_is_q():
    signal = strip(REGULAR)
    signal[2] = -signal[2]
    drawn = wave_amplitudes(median_beat(signal))
    assert drawn.q_mv[2] == pytest.approx(-0.4, abs=0.05)
    assert drawn.r_mv[2] == pytest.approx(0.1, abs=0.04)


def test_voltage_sums_add_the_waves_of_their_leads(drawn):
    assert drawn.sokolow_lyon_mv == pytest.approx(0.9 + 1.4, abs=0.1)
    assert drawn.cornell_mv == pytest.approx(0.1 + 0.8, abs=0.1)


def test_amplitudes_scale_with_the_recording(drawn):
    half = wave_amplitudes(median_beat(0.5 * strip(REGULAR, noise_mv=0.01)))
    assert half.sokolow_lyon_mv == pytest.approx(0.5 * drawn.sokolow_lyon_mv, rel=0.02)


def test_no_beat_has_no_amplitudes():
    assert np.isnan(wave_amplitudes(np.full((12, 520), np.nan)).r_mv).all()
