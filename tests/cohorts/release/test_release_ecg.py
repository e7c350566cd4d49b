from datetime import datetime

import numpy as np
import pytest

from cardiolens.cohorts.release.ecg import as_stored
from cardiolens.synthetic.generator import make_subject
from cardiolens.types import LEADS, RATE_HZ, Recording

NOW = datetime(2016, 5, 4, 9, 30, 0)


def _pulses(beat_ms: list[float], width_ms: float = 15.0, height_mv: float = 1.0) -> Recording:
    """Bell-shaped beats in every measured lead, up in I, II and V6, down in V1."""
    time = np.arange(5000) * 2.0
    beats = sum(np.exp(-0.5 * ((time - beat) / width_ms) ** 2) for beat in beat_ms)
    size = dict.fromkeys(LEADS, 0.3) | {"I": 0.6, "II": 0.8, "V1": -1.2, "V6": 1.1}
    signal = np.stack([height_mv * size[lead] * beats for lead in LEADS]).astype(np.float32)
    return Recording(signal, LEADS, RATE_HZ, "pulses", device="synthetic")


def test_counts_are_whole_on_measured_channels_and_einthoven_holds_in_them():
    made = make_subject(seed=5, index=0, with_mri=False).recording
    stored = as_stored(made, recorded_at=NOW).recording
    i, ii, iii = np.round(stored.signal_mv[:3].astype(np.float64) * 200, 3)
    assert (i == np.round(i)).all()
    assert (ii == i + iii).all()
    measured = [0, 1, *range(6, 12)]
    assert np.abs(stored.signal_mv - made.signal_mv)[measured].max() <= 0.0025 + 1e-6
    assert (stored.leads, stored.recorded_at, stored.device) == (LEADS, NOW, "synthetic")


@pytest.mark.parametrize(
    ("rr_ms", "rhythm"), [(850, "Normal sinus rhythm"), (1150, "Sinus bradycardia"), (520, "Sinus tachycardia")]
)
def test_a_regular_rhythm_is_named_by_its_rate(rr_ms, rhythm):
    stored = as_stored(_pulses(list(np.arange(300.0, 9900, rr_ms))), recorded_at=NOW)
    assert stored.recording.statements[0] == rhythm
    assert stored.recording.intervals_ms["rr"] == pytest.approx(rr_ms, rel=0.01)


def test_an_irregular_rhythm_is_called_fibrillation_and_has_no_pq():
    beats = np.cumsum([500.0, *np.random.default_rng(0).uniform(450, 1200, 10)])
    recording = as_stored(_pulses(beats[beats < 9700].tolist()), recorded_at=NOW).recording
    assert recording.statements[0] == "Atrial fibrillation"
    assert recording.statements[-1] == "Abnormal ECG"
    assert "pq" not in recording.intervals_ms


def test_high_voltage_and_wide_complexes_are_said():
    def said(**shape):
        return as_stored(_pulses(list(np.arange(500.0, 9500, 900)), **shape), recorded_at=NOW).recording.statements

    assert said() == ("Normal sinus rhythm", "Normal ECG")
    assert "Voltage criteria for left ventricular hypertrophy" in said(height_mv=2.0)
    assert "Intraventricular conduction delay" in said(width_ms=30.0)


def test_a_strip_without_beats_is_stored_and_not_measured():
    flat = Recording(np.zeros((12, 5000), np.float32), LEADS, RATE_HZ, "flat")
    stored = as_stored(flat, recorded_at=NOW)
    assert stored.median_mv is None
    assert stored.recording.statements == ("Unsuitable for analysis",)
    assert stored.recording.intervals_ms == {}
