import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cardiolens import configs
from cardiolens.errors import BadOption
from cardiolens.signals.cleaning import LEAD_GROUPS, CleaningConfig, clean, remove_baseline


def test_the_published_code_cleans_to_the_same_numbers(golden_file):
    golden = np.load(golden_file)
    cleaned = clean(golden["preprocess_in"])
    np.testing.assert_allclose(cleaned.signal, golden["preprocess_out"], rtol=0, atol=1e-8)


def test_single_precision_in_gives_single_precision_out(golden_file):
    golden = np.load(golden_file)
    cleaned = clean(golden["preprocess_in"].astype(np.float32))
    assert cleaned.signal.dtype == cleaned.scale_mv.dtype == np.float32
    np.testing.assert_allclose(cleaned.signal, golden["preprocess_out"], rtol=0, atol=1e-5)


def test_each_group_of_leads_is_standardised_and_its_scale_kept(signal_mv):
    cleaned = clean(signal_mv)
    in_mv = clean(signal_mv, CleaningConfig(standardise=False))
    np.testing.assert_array_equal(in_mv.scale_mv, 1)
    for group, rows in enumerate(LEAD_GROUPS):
        assert abs(cleaned.signal[rows].mean()) < 1e-6
        assert abs(cleaned.signal[rows].std() - 1) < 1e-5
        back = cleaned.signal[rows] * cleaned.scale_mv[group] + in_mv.signal[rows].mean()
        np.testing.assert_allclose(back, in_mv.signal[rows], atol=1e-5)


def test_voltage_is_in_the_scale_alone(signal_mv):
    once, doubled = clean(signal_mv), clean(2 * signal_mv)
    np.testing.assert_allclose(doubled.signal, once.signal, atol=1e-5)
    np.testing.assert_allclose(doubled.scale_mv, 2 * once.scale_mv, rtol=1e-6)


def test_drift_is_removed_and_beats_stay(signal_mv):
    drift = 0.5 * np.sin(2 * np.pi * 0.1 * np.arange(2500) / 500).astype(np.float32)
    config = CleaningConfig(clip_sd=math.inf, standardise=False)
    still, drifting = clean(signal_mv, config).signal, clean(signal_mv + drift, config).signal
    assert np.abs(still - drifting).max() < 0.02
    assert np.ptp(still[1]) > 0.9 * np.ptp(signal_mv[1, :500])


def test_the_clip_cuts_at_its_standard_deviations_and_infinity_cuts_nothing(signal_mv):
    spiked = signal_mv.copy()
    spiked[8, 1200] = 40.0
    kept, cut = (clean(spiked, CleaningConfig(clip_sd=c, standardise=False)).signal[8, 1200] for c in (math.inf, 4.0))
    assert kept > 35
    assert cut == pytest.approx(4 * spiked.astype(np.float64).std(), rel=0.2)


@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf])
def test_missing_and_infinite_samples_count_as_zero(signal_mv, missing):
    holed, zeroed = signal_mv.copy(), signal_mv.copy()
    holed[2, 700:705], zeroed[2, 700:705] = missing, 0
    np.testing.assert_array_equal(clean(holed).signal, clean(zeroed).signal)


def test_the_input_is_left_as_it_was(signal_mv):
    before = signal_mv.copy()
    clean(signal_mv)
    np.testing.assert_array_equal(signal_mv, before)


@pytest.mark.parametrize("num_samples", [4, 1777, 5000])
def test_any_length_is_cleaned(signal_mv, num_samples):
    cleaned = clean(np.resize(signal_mv.T, (num_samples, 12)).T)
    assert cleaned.signal.shape == (12, num_samples)
    assert np.isfinite(cleaned.signal).all()


def test_a_lead_that_never_changes_is_its_own_baseline(signal_mv):
    signal_mv[4], signal_mv[5] = 0, 3.3
    removed = remove_baseline(signal_mv)
    np.testing.assert_array_equal(removed[4:6], 0)
    assert np.isfinite(removed).all()


def test_leads_do_not_touch_each_other(signal_mv):
    np.testing.assert_array_equal(remove_baseline(signal_mv)[5:6], remove_baseline(signal_mv[5:6]))


def test_threads_give_the_same_bits(signal_mv):
    signals = [np.roll(signal_mv, shift, axis=1) for shift in range(8)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(clean, signals))
    for signal, cleaned in zip(signals, together, strict=True):
        np.testing.assert_array_equal(cleaned.signal, clean(signal).signal)


def test_a_baseline_is_not_guessed_where_samples_are_missing(signal_mv):
    signal_mv[0, 3] = np.nan
    with pytest.raises(ValueError, match="finite samples"):
        remove_baseline(signal_mv)
    with pytest.raises(ValueError, match="found 3"):
        remove_baseline(signal_mv[:, :3])


@pytest.mark.parametrize(
    "setting",
    [{"clip_sd": 0.0}, {"clip_sd": math.nan}, {"smoothness": -1.0}, {"asymmetry": 1.0}, {"iterations": 0}],
)
def test_a_setting_outside_its_range_is_refused_by_name(setting):
    with pytest.raises(BadOption, match=next(iter(setting))):
        CleaningConfig(**setting)


def test_settings_survive_json():
    config = CleaningConfig(clip_sd=math.inf, standardise=False)
    assert configs.from_json(CleaningConfig, configs.to_json(config), source="cohort.json") == config


def test_importing_it_waits_for_no_compiler():
    program = "import sys, cardiolens.signals.cleaning; assert not {'numba', 'torch', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
