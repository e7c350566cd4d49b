from dataclasses import replace

import numpy as np
import pytest

from cardiolens.errors import BadRecording
from cardiolens.signals.resampling import resample, to_rate


def _wave(rate_hz: float, hz: float, seconds: float = 6.0, offset: float = 0.0) -> np.ndarray:
    return (np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz) + offset)[None]


@pytest.mark.parametrize("from_hz", [100.0, 240.0, 250.0, 257.0, 360.0, 1000.0, 2000.0])
def test_a_wave_keeps_its_shape_at_the_new_rate(from_hz):
    resampled = resample(_wave(from_hz, hz=9.0), from_hz=from_hz, to_hz=500.0)
    expected = _wave(500.0, hz=9.0)
    inner = slice(100, -100)
    assert abs(resampled.shape[1] - expected.shape[1]) <= 1
    length = min(resampled.shape[1], expected.shape[1])
    np.testing.assert_allclose(resampled[0, :length][inner], expected[0, :length][inner], atol=4e-3)


def test_what_the_new_rate_cannot_hold_is_filtered_out():
    resampled = resample(_wave(1000.0, hz=400.0), from_hz=1000.0, to_hz=500.0)
    assert np.abs(resampled[:, 30:-30]).max() < 1e-3


def test_an_offset_makes_no_step_at_the_ends():
    resampled = resample(np.full((1, 3000), 7.5, np.float32), from_hz=1000.0, to_hz=500.0)
    np.testing.assert_allclose(resampled, 7.5, atol=1e-6)
    assert resampled.dtype == np.float32


def test_the_right_rate_is_left_alone(recording):
    assert to_rate(recording) is recording


def test_a_change_of_rate_is_noted(recording):
    faster = to_rate(replace(recording, rate_hz=250.0))
    assert faster.rate_hz == 500.0
    assert faster.signal_mv.shape == (12, 5000)
    assert faster.notes == ("resampled from 250 to 500 Hz",)


def test_missing_samples_are_bridged_before_the_filter(recording):
    signal = np.tile(np.linspace(0, 1, 2500, dtype=np.float32), (12, 1))
    holed = signal.copy()
    holed[3, 1000:1010] = np.nan
    whole = to_rate(replace(recording, signal_mv=signal, rate_hz=1000.0))
    bridged = to_rate(replace(recording, signal_mv=holed, rate_hz=1000.0))
    np.testing.assert_allclose(bridged.signal_mv, whole.signal_mv, atol=1e-5)


@pytest.mark.parametrize("rate_hz", [0.0, 99.9, 2000.1, float("nan")])
def test_rates_of_no_ecg_machine_are_refused(recording, rate_hz):
    with pytest.raises(BadRecording, match="expected 100 to 2000 Hz"):
        to_rate(replace(recording, rate_hz=rate_hz))
