import numpy as np
import pytest

from cardiolens.signals.lead_measures import measure_leads

RATE_HZ = 500.0
TIME = np.arange(5000) / RATE_HZ


def _beats(height_mv: float = 1.0) -> np.ndarray:
    return height_mv * np.exp(-(((TIME % 0.857) - 0.3) ** 2) / 2e-4)


def _measured(*rows: np.ndarray, rate_hz: float = RATE_HZ):
    return measure_leads(np.stack(rows), rate_hz=rate_hz)


def test_a_clean_lead_measures_clean():
    clean = _measured(_beats())
    assert clean.range_mv[0] == pytest.approx(1.0, abs=0.05)
    assert (clean.missing[0], clean.rail_s[0], clean.plateaus[0]) == (0, 0, 0)
    assert clean.noise_mv[0] < 1e-3
    assert clean.mains_mv[0] < 2e-3


def test_missing_samples_are_counted_and_otherwise_bridged():
    holed = _beats()
    holed[1000:1100] = np.nan
    holed[7] = np.inf
    measured = _measured(holed, _beats())
    assert measured.missing.tolist() == pytest.approx([101 / 5000, 0])
    assert np.isfinite(measured.noise_mv).all()


def test_a_lead_without_any_sample_is_measured_as_nothing():
    measured = _measured(np.full(5000, np.nan), _beats())
    assert measured.missing[0] == 1
    assert measured.range_mv[0] == 0


@pytest.mark.parametrize("hum_hz", [50.0, 60.0])
def test_hum_is_measured_at_its_frequency_and_amplitude(hum_hz):
    hum = 0.08 * np.sin(2 * np.pi * (hum_hz + 0.1) * TIME)
    measured = _measured(_beats() + hum, _beats())
    assert measured.mains_mv[0] == pytest.approx(0.08, rel=0.1)
    assert measured.mains_hz[0] == hum_hz
    assert measured.mains_mv[1] < 0.002
    assert measured.noise_mv[0] < 0.01


def test_a_rate_too_low_for_hum_shows_none():
    time = np.arange(1000) / 100
    measured = measure_leads(np.sin(2 * np.pi * 1.2 * time)[None], rate_hz=100.0)
    assert measured.mains_mv[0] == 0


def test_drift_is_baseline_and_beats_are_not():
    drift = 0.7 * np.sin(2 * np.pi * 0.1 * TIME)
    measured = _measured(_beats() + drift, _beats())
    assert measured.baseline_mv[0] == pytest.approx(1.4, abs=0.15)
    assert measured.baseline_mv[1] < 0.15


def test_noise_is_measured_between_the_complexes_and_a_burst_where_it_is_worst():
    rng = np.random.default_rng(0)
    noise = 0.05 * rng.standard_normal(5000)
    burst = np.where((TIME > 4) & (TIME < 5), 0.3 * rng.standard_normal(5000), 0.0)
    steady, bursting = _measured(_beats() + noise), _measured(_beats() + burst)
    assert steady.noise_mv[0] == pytest.approx(0.05 * np.sqrt(1 - 43 / 250), rel=0.1)
    assert bursting.noise_mv[0] < 0.01
    assert bursting.burst_mv[0] > 0.2


def test_cut_off_waves_are_counted_and_round_ones_are_not():
    round_waves = np.round(np.sin(2 * np.pi * 1.2 * TIME) / 0.005) * 0.005
    measured = _measured(np.minimum(_beats(), 0.6), round_waves, _beats())
    assert measured.plateaus.tolist() == [12, 0, 0]


def test_time_at_the_rail_and_without_any_change_is_measured():
    stuck = _beats()
    stuck[2000:3000] = 3.2
    silent = _beats()
    silent[1000:2500] = 0.2
    measured = _measured(stuck, silent)
    assert measured.rail_s.tolist() == pytest.approx([2.0, 0.0], abs=0.01)
    assert measured.still_s[1] == pytest.approx(3.0, abs=0.01)
