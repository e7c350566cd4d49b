"""Fibrillation trembles without a rhythm, largest in V1 and II; flutter is a saw-tooth that never rests."""

import numpy as np
import pytest

from cardiolens.synthetic.atrial_waves import fibrillatory_waves, flutter_waves
from cardiolens.synthetic.torso import twelve_leads
from cardiolens.types import LEADS

# As a template torso sees them: to the front, to the left and back, downwards; on I, II, V1-V6.
SEEN = np.array(
    [
        [0.45, 0.90, 0.95, 0.85, 0.70, 0.60, 0.45, 0.35],
        [0.80, 1.10, -0.10, 0.10, 0.35, 0.40, 0.42, 0.45],
        [0.35, 1.15, 0.40, 0.40, 0.45, 0.45, 0.40, 0.38],
    ]
)


def waves(draw, hz, number=40):
    for seed in range(number):
        eight = draw(SEEN, atrial_hz=hz, rate_hz=500.0, num_samples=5000, rng=np.random.default_rng(seed))
        yield dict(zip(LEADS, twelve_leads(eight), strict=True))


def peak_to_peak(wave):
    """Of the typical wave: the middle of 25 pieces of 0.4 s."""
    return np.median(np.ptp(wave.reshape(25, 200), axis=1))


def test_fibrillatory_waves_are_small_and_largest_in_v1_and_ii():
    size = {lead: [peak_to_peak(drawn[lead]) for drawn in waves(fibrillatory_waves, 6.0)] for lead in LEADS}
    assert np.quantile(size["V1"], 0.05) > 0.03
    assert np.quantile(size["V1"], 0.95) < 0.155
    mean = {lead: np.mean(values) for lead, values in size.items()}
    assert min(mean["V1"], mean["II"]) > max(mean[lead] for lead in ("I", "aVL", "V3", "V4", "V5", "V6"))


@pytest.mark.parametrize(("draw", "low", "high"), [(fibrillatory_waves, 0.0, 0.8), (flutter_waves, 0.95, 1.0)])
def test_fibrillatory_waves_wander_and_flutter_waves_do_not(draw, low, high):
    assert low < np.mean([sharpness(drawn["II"]) for drawn in waves(draw, 5.0, number=15)]) < high


def sharpness(wave):
    """Share of the power that lies within 0.3 Hz of the five first multiples of 5 Hz."""
    power = np.abs(np.fft.rfft(wave * np.hanning(5000))) ** 2
    hz = np.fft.rfftfreq(5000, 1 / 500)
    return power[(np.abs(hz[:, None] - 5 * np.arange(1, 6)) < 0.3).any(axis=1)].sum() / power[hz > 1].sum()


@pytest.mark.parametrize(("lead", "sign"), [("II", -1), ("III", -1), ("aVF", -1), ("V1", 1)])
def test_flutter_points_down_in_the_inferior_leads_and_up_in_v1(lead, sign):
    for drawn in waves(flutter_waves, 4.6):
        wave = drawn[lead] - np.median(drawn[lead])
        assert sign * (wave.max() + wave.min()) > 0.3 * np.ptp(wave)


def test_flutter_can_be_seen_and_never_rests():
    for drawn in waves(flutter_waves, 4.6):
        assert 0.10 < np.ptp(drawn["II"]) < 0.30
        assert 0.05 < np.ptp(drawn["V1"]) < 0.20
        # Nowhere in 60 ms is lead II level: that is what tells flutter from P waves before a straight line.
        moves = np.ptp(np.lib.stride_tricks.sliding_window_view(drawn["II"], 30), axis=1)
        assert moves.min() > 0.02 * np.ptp(drawn["II"])
