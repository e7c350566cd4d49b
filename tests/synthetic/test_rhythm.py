"""Sinus rhythm varies a little and breathes; fibrillation is irregular; flutter counts its waves; no beat comes too early."""

import numpy as np
import pytest

from cardiolens.synthetic.rhythm import Rhythm, draw_rhythm


def draws(*, in_af, number=150, rate=70.0, seed=0):
    return [
        draw_rhythm(
            heart_rate_bpm=rate, age_score=0.0, pr_ms=160.0, in_af=in_af, irritable=0.0,
            rng=np.random.default_rng((seed, k)),
        )
        for k in range(number)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def sinus():
    return draws(in_af=False, number=4000)


@pytest.fixture(scope="module")
def atrial():
    return draws(in_af=True, number=1000, rate=88.0)


def recorded_rr(times):
    return np.diff(times.onset_ms[(times.onset_ms > 0) & (times.onset_ms < 10_000)])


def is_early(times):
    """Beats that come a fifth too soon."""
    rr = np.diff(times.onset_ms)
    return np.concatenate([[False], rr < 0.8 * np.median(rr)]) & (times.onset_ms > 0) & (times.onset_ms < 10_000)


def test_intervals_of_fibrillation_have_the_spread_of_patients(atrial):
    spread = [np.diff(t.onset_ms).std() / np.diff(t.onset_ms).mean() for t in atrial if t.rhythm is Rhythm.FIBRILLATION]
    assert 0.18 < np.median(spread) < 0.28
    assert np.quantile(spread, 0.05) > 0.12
    assert np.quantile(spread, 0.95) < 0.36


def test_one_in_five_has_flutter(atrial):
    share = np.mean([t.rhythm is Rhythm.FLUTTER for t in atrial])
    assert share == pytest.approx(0.2, abs=3 * np.sqrt(0.16 / len(atrial)))


def test_flutter_conducts_every_second_to_fourth_wave(atrial):
    flutter = [t for t in atrial if t.rhythm is Rhythm.FLUTTER]
    for t in flutter:
        waves = np.diff(t.onset_ms) / (1000 / t.atrial_hz)
        np.testing.assert_allclose(waves, np.round(waves), atol=0.12)
        assert set(np.round(waves)) <= {2, 3, 4}
        assert 4.0 <= t.atrial_hz <= 5.3
    varying = np.mean([len(set(np.round(np.diff(t.onset_ms) / (1000 / t.atrial_hz)))) > 1 for t in flutter])
    assert 0.25 < varying < 0.55


def test_fibrillatory_waves_come_four_to_nine_times_a_second(atrial):
    rates = [t.atrial_hz for t in atrial if t.rhythm is Rhythm.FIBRILLATION]
    assert np.mean(rates) == pytest.approx(6, abs=0.15)
    assert min(rates) >= 4
    assert max(rates) <= 9


def test_sinus_intervals_vary_as_at_sixty_years(sinus):
    regular = [recorded_rr(t) for t in sinus if not is_early(t).any()]
    sdnn = [rr.std() for rr in regular]
    rmssd = [np.sqrt(np.mean(np.diff(rr) ** 2)) for rr in regular]
    assert 12 < np.quantile(sdnn, 0.1) < 20
    assert 35 < np.quantile(sdnn, 0.9) < 52
    assert 15 < np.median(rmssd) < 30


def test_inspiration_makes_the_heart_beat_faster(sinus):
    follows = []
    for t in sinus[:300]:
        middle = (t.onset_ms[1:] + t.onset_ms[:-1]) / 2000
        breath = np.sin(2 * np.pi * (t.respiration_phase + t.respiration_hz * middle))
        follows.append(np.corrcoef(np.diff(t.onset_ms), breath)[0, 1])
    assert np.mean(follows) < -0.2


def test_ventricular_beats_stand_in_three_to_five_percent_of_recordings(sinus):
    inside = [((t.onset_ms > 0) & (t.onset_ms < 10_000) & t.ventricular).any() for t in sinus]
    assert 0.03 < np.mean(inside) < 0.05


def test_atrial_beats_stand_in_one_to_two_percent_of_recordings(sinus):
    assert 0.01 < np.mean([(is_early(t) & ~t.ventricular).any() for t in sinus]) < 0.02


def test_a_ventricular_beat_is_early_and_followed_by_a_full_pause(sinus):
    with_one = [t for t in sinus if t.ventricular.sum() == 1 and 2 < t.ventricular.argmax() < len(t.onset_ms) - 2]
    assert len(with_one) > 50
    for t in with_one:
        k = t.ventricular.argmax()
        rr = np.diff(t.onset_ms)
        around = rr[k - 1] + rr[k]
        assert rr[k - 1] < 0.85 * np.median(rr)
        assert around == pytest.approx(2 * np.median(rr), rel=0.2)


def test_p_waves_come_before_every_sinus_beat_and_never_without_sinus_rhythm(sinus, atrial):
    assert all(len(t.p_onset_ms) == 0 for t in atrial[:20])
    for t in sinus[:20]:
        assert len(t.p_onset_ms) == (~t.ventricular).sum()


def test_no_beat_comes_sooner_than_the_refractory_time(sinus, atrial):
    assert min(np.diff(t.onset_ms).min() for t in (*sinus, *atrial, *draws(in_af=True, rate=140.0))) >= 299


def test_the_mean_rate_is_the_one_asked_for():
    rates = [60_000 / np.diff(t.onset_ms).mean() for t in draws(in_af=False, rate=80.0)]
    assert np.mean(rates) == pytest.approx(80, abs=1)


def test_beats_cover_the_whole_recording(sinus, atrial):
    for t in sinus[:50] + atrial[:50]:
        assert t.onset_ms[0] < 0
        assert t.onset_ms[-1] > 9_000
