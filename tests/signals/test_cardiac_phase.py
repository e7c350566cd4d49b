from itertools import pairwise

import numpy as np
import pytest
import torch

from cardiolens.cohorts.rows import stored_ecg
from cardiolens.signals.cardiac_phase import cardiac_phase, r_peaks
from cardiolens.signals.cleaning import CleaningConfig
from cardiolens.signals.heart_beats import find_beats
from cardiolens.synthetic.generator import make_subject


def _spikes(*places: int, length: int = 2500) -> torch.Tensor:
    ecg = torch.zeros(1, 12, length)
    for place in places:
        for offset, height in ((-15, 0.0), (-8, -0.2), (0, 1.0), (8, -0.3), (15, 0.0)):
            ecg[:, :, place + offset] = height
    return torch.nn.functional.avg_pool1d(ecg, 11, stride=1, padding=5)


def test_beats_are_where_a_slower_and_more_careful_search_finds_them():
    hits, beats, more = 0, 0, 0
    for index in range(20):
        recording = make_subject(seed=11, index=index, with_mri=False).recording
        ecg, _ = stored_ecg(recording, CleaningConfig(), num_samples=5000)
        expected = find_beats(recording.signal_mv)
        found = np.flatnonzero(r_peaks(torch.from_numpy(np.asarray(ecg, np.float32))[None])[0].numpy())
        apart = np.abs(expected[:, None] - found[None])
        hits, beats = hits + int((apart.min(axis=1) <= 20).sum()), beats + len(expected)
        more += int((apart.min(axis=0) > 20).sum())
    assert hits >= 0.95 * beats
    assert more <= 0.05 * beats


def test_the_phase_rises_from_one_peak_to_the_next_and_is_unknown_outside():
    ecg = _spikes(300, 700, 1200, 1600)
    (peaks,) = torch.nonzero(r_peaks(ecg)[0], as_tuple=True)
    assert torch.allclose(peaks.double(), torch.tensor([300.0, 700, 1200, 1600]).double(), atol=12)
    (phase,) = cardiac_phase(ecg)
    assert phase[: peaks[0]].isnan().all()
    assert phase[peaks[-1] :].isnan().all()
    for start, end in pairwise(peaks.tolist()):
        assert torch.allclose(phase[start:end], torch.arange(end - start) / float(end - start))


def test_an_interval_with_a_missed_beat_is_unknown():
    (phase,) = cardiac_phase(_spikes(300, 700, 2000, 2400))
    assert phase[320:680].isfinite().all()
    assert phase[720:1980].isnan().all()
    assert phase[2020:2380].isfinite().all()


@pytest.mark.parametrize("scale", [1e-3, 1.0, 500.0])
def test_scale_is_of_no_consequence(scale):
    ecg = _spikes(300, 700, 1200)
    assert torch.equal(r_peaks(ecg * scale), r_peaks(ecg))


def test_a_flat_ecg_has_no_beats():
    assert cardiac_phase(torch.full((2, 12, 2500), 0.3)).isnan().all()
