"""Recordings: exact relations between leads, the size of noise, rhythm in the signal."""

import numpy as np
import pytest

from cardiolens.synthetic.generator import SyntheticConfig, make_subject
from cardiolens.types import LEADS

QUIET = SyntheticConfig(ecg_noise=0.0)


@pytest.mark.parametrize("config", [QUIET, SyntheticConfig()])
def test_einthovens_relation_holds(config):
    leads = dict(zip(LEADS, make_subject(seed=2, index=1, config=config, with_mri=False).recording.signal_mv, strict=True))
    np.testing.assert_allclose(leads["I"] + leads["III"], leads["II"], atol=1e-6)
    np.testing.assert_allclose(leads["aVR"] + leads["aVL"] + leads["aVF"], 0, atol=1e-6)


def test_noise_follows_its_factor():
    clean, usual, strong = (
        make_subject(seed=2, index=1, config=SyntheticConfig(ecg_noise=k), with_mri=False).recording.signal_mv
        for k in (0.0, 1.0, 3.0)
    )
    assert 0.005 < (usual - clean).std() < 0.3
    assert (strong - clean).std() == pytest.approx(3 * (usual - clean).std(), rel=0.15)


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
