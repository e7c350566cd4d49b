"""Sinus rhythm is regular with a little variability; fibrillation is irregular; beats never come too early."""

import numpy as np
import pytest

from cardiolens.synthetic.rhythm import Rhythm, draw_rhythm


def draws(*, in_af, number=150, rate=70.0):
    return [
        draw_rhythm(
            heart_rate_bpm=rate, age_score=0.0, pr_ms=160.0, in_af=in_af, irritable=0.0, rng=np.random.default_rng(seed)
        )
        for seed in range(number)
    ]


def rr_spread(times):
    rr = np.diff(times.onset_ms)
    return rr.std() / rr.mean()


def test_fibrillation_is_irregular_and_sinus_rhythm_is_not():
    sinus = [rr_spread(t) for t in draws(in_af=False) if not t.ventricular.any()]
    fibrillation = [rr_spread(t) for t in draws(in_af=True) if t.rhythm is Rhythm.FIBRILLATION]
    assert np.median(sinus) < 0.06
    assert np.quantile(fibrillation, 0.1) > 0.10


def test_some_of_it_is_flutter():
    share = np.mean([t.rhythm is Rhythm.FLUTTER for t in draws(in_af=True)])
    assert 0.1 < share < 0.3


def test_p_waves_come_before_every_sinus_beat_and_never_in_fibrillation():
    assert all(len(t.p_onset_ms) == 0 for t in draws(in_af=True, number=20))
    for t in draws(in_af=False, number=20):
        assert len(t.p_onset_ms) == (~t.ventricular).sum()


@pytest.mark.parametrize("in_af", [False, True])
def test_no_beat_comes_sooner_than_the_refractory_time(in_af):
    assert min(np.diff(t.onset_ms).min() for t in draws(in_af=in_af)) >= 299


def test_the_mean_rate_is_the_one_asked_for():
    rates = [60_000 / np.diff(t.onset_ms).mean() for t in draws(in_af=False, rate=80.0)]
    assert np.mean(rates) == pytest.approx(80, abs=2)


def test_beats_cover_the_whole_recording():
    for t in draws(in_af=True, number=20) + draws(in_af=False, number=20):
        assert t.onset_ms[0] < 0
        assert t.onset_ms[-1] > 9_000
