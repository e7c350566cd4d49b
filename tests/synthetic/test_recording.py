"""Recordings: exact relations between leads, breathing, the size and share of every disturbance, rhythm in the signal."""

import numpy as np
import pytest

from cardiolens.synthetic.generator import SyntheticConfig, make_subject
from cardiolens.synthetic.recording import NUM_SAMPLES, breathe, exchange_arms, record
from cardiolens.synthetic.rhythm import draw_rhythm
from cardiolens.types import LEADS

QUIET = SyntheticConfig(ecg_noise=0.0)
NUM_RECORDINGS = 1000


def rhythm(seed=0):
    return draw_rhythm(
        heart_rate_bpm=70.0, age_score=0.0, pr_ms=160.0, in_af=False, irritable=0.0, rng=np.random.default_rng(seed)
    )


def pulses():
    """A strip of narrow triangles, of another height in each channel, at a rate that has no harmonic at the mains."""
    shape = np.maximum(1 - np.abs(np.arange(-20, 21)) / 20, 0)
    strip = np.zeros((8, NUM_SAMPLES))
    for start in range(100, NUM_SAMPLES - 100, 257):
        strip[:, start : start + 41] = shape * np.array([0.6, 0.9, -0.5, 0.4, 0.8, 1.2, 1.3, 1.0])[:, None]
    return strip


@pytest.fixture(scope="module")
def many_recordings():
    """Recordings of the same beats, each by another machine and with other noise."""
    strip, times = pulses(), rhythm()
    return [record(strip, times, noise=1.0, rng=np.random.default_rng(k)) for k in range(NUM_RECORDINGS)]


def expect_share(found, share):
    assert np.mean(found) == pytest.approx(share, abs=3 * np.sqrt(share / NUM_RECORDINGS))


@pytest.mark.parametrize("config", [QUIET, SyntheticConfig()])
def test_einthovens_relation_holds(config):
    leads = dict(zip(LEADS, make_subject(seed=2, index=1, config=config, with_mri=False).recording.signal_mv, strict=True))
    np.testing.assert_allclose(leads["I"] + leads["III"], leads["II"], atol=1e-6)
    np.testing.assert_allclose(leads["aVR"] + leads["aVL"] + leads["aVF"], 0, atol=1e-6)


def test_noise_follows_its_factor():
    strip, times = pulses(), rhythm()
    clean, usual, strong = (record(strip, times, noise=k, rng=np.random.default_rng(4)) for k in (0.0, 1.0, 3.0))
    assert 0.005 < (usual - clean).std() < 0.3
    assert (strong - clean).std() == pytest.approx(3 * (usual - clean).std(), rel=0.05)


def test_a_recording_without_noise_is_level_between_beats():
    quiet = np.stack([record(pulses(), rhythm(), noise=0.0, rng=np.random.default_rng(k)) for k in range(9)])
    # The level is not zero, since the amplifier's coupling leaves every lead without a mean; a baseline filter bends it.
    between = quiet[:, :, 2465:2655]
    assert np.median(np.ptp(between, axis=2).max(axis=1)) < 0.02
    assert np.abs(quiet.mean(axis=2)).max() < 0.01


def test_gain_errs_by_two_percent():
    # No filter takes much off 5 Hz.
    slow = np.tile(np.sin(2 * np.pi * 5 * np.arange(NUM_SAMPLES) / 500), (8, 1))
    sizes = [record(slow, rhythm(), noise=0.0, rng=np.random.default_rng(k))[0].std() for k in range(200)]
    assert np.mean(sizes) == pytest.approx(np.sqrt(0.5), rel=0.01)
    assert np.std(sizes) / np.mean(sizes) == pytest.approx(0.02, rel=0.25)


def test_one_recording_in_ten_hums(many_recordings):
    hz = np.fft.rfftfreq(NUM_SAMPLES, 1 / 500)
    hums = []
    for signal in many_recordings:
        power = np.abs(np.fft.rfft(signal[[0, 1, 6, 8, 10]], axis=1)) ** 2
        lines = np.array([power[:, np.abs(hz - line) < 0.05].max(axis=1) for line in (50, 60)])
        beside = np.median(power[:, np.abs(hz - 55) < 12], axis=1) + 1e-6
        hums.append((np.median(lines / beside, axis=1) > 40).any())
    expect_share(hums, 0.10)


def test_contact_is_lost_in_one_or_two_percent(many_recordings):
    # Half of them end in a dead channel; aVR to aVF are computed from two others.
    dead = [(np.ptp(signal[:, -150:], axis=1) < 1e-6).any() for signal in many_recordings]
    expect_share(dead, 0.015 / 2)


def test_arms_are_exchanged_in_one_of_two_hundred(many_recordings):
    beats = pulses()[0] > 0.3
    turned = [signal[0, beats].mean() - signal[0, ~beats].mean() < -0.1 for signal in many_recordings]
    expect_share(turned, 0.005)


def test_exchanged_arms_turn_lead_one_over_and_leave_the_chest():
    strip = np.random.default_rng(0).standard_normal((8, 50)).astype(np.float32)
    exchanged = strip.copy()
    exchange_arms(exchanged)
    np.testing.assert_array_equal(exchanged[0], -strip[0])
    np.testing.assert_allclose(exchanged[1], strip[1] - strip[0], atol=1e-6)
    np.testing.assert_array_equal(exchanged[2:], strip[2:])


def test_breathing_changes_amplitude_and_axis_by_what_is_asked():
    times = rhythm()
    still = np.ones((8, NUM_SAMPLES)) * np.array([0.6, 0.9, -0.5, 0.4, 0.8, 1.2, 1.3, 1.0])[:, None]
    moving = breathe(still, times, depth=0.08, swing_degrees=3.0, rng=np.random.default_rng(0))
    foot = (2 * moving[1] - moving[0]) / np.sqrt(3)
    assert np.ptp(np.hypot(moving[0], foot)) / np.hypot(moving[0], foot).mean() == pytest.approx(0.08, rel=0.02)
    assert np.ptp(np.degrees(np.arctan2(foot, moving[0]))) == pytest.approx(3.0, rel=0.02)
    chest = np.ptp(moving[2:], axis=1) / np.abs(moving[2:].mean(axis=1))
    assert 0.035 < chest.min() < chest.max() < 0.125


def test_breathing_can_be_seen_in_the_beats_of_a_subject():
    ratios = []
    for index in range(12):
        signal = make_subject(seed=2, index=index, config=QUIET, with_mri=False).recording.signal_mv
        size = np.abs(signal[[1, 9, 10]]).sum(axis=0).reshape(5, -1).max(axis=1)
        ratios.append(np.ptp(size) / size.mean())
    assert 0.01 < np.median(ratios) < 0.12


def test_a_healthy_heart_has_upright_complexes_where_they_belong():
    medians = []
    for k in range(25):
        signal = make_subject(seed=2, index=k, config=QUIET, with_mri=False).recording.signal_mv
        medians.append([signal.max(axis=1), signal.min(axis=1)])
    high, low = (dict(zip(LEADS, values, strict=True)) for values in np.median(medians, axis=0))
    for lead in ("I", "II", "V4", "V5", "V6"):
        assert high[lead] > 1.5 * -low[lead], lead
    for lead in ("aVR", "V1"):
        assert -low[lead] > 1.5 * high[lead], lead
    assert high["V4"] > high["V2"] > high["V1"]


def test_the_signal_repeats_at_the_subjects_heart_rate():
    subject = make_subject(seed=2, index=3, config=QUIET, with_mri=False)
    assert not subject.latents["in_af_while_recorded"]
    signal = subject.recording.signal_mv[1] - subject.recording.signal_mv[1].mean()
    power = np.abs(np.fft.rfft(signal, 1 << 16)) ** 2
    autocorrelation = np.fft.irfft(power)
    rr = 60 / subject.covariates["heart_rate_bpm"] * 500
    around = np.arange(int(rr * 0.75), int(rr * 1.25))
    assert around[autocorrelation[around].argmax()] == pytest.approx(rr, rel=0.12)
