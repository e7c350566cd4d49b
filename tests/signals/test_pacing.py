import numpy as np
import pandas as pd
import pytest

from cardiolens.formats import read_recording
from cardiolens.signals.pacing import find_pacing_spikes


def _spiked(signal_mv, *, height_mv: float, width: int = 2, leads=slice(0, 12), every: int = 428, rate_hz: float = 500.0):
    spiked = signal_mv.copy()
    for start in range(100, signal_mv.shape[1] - 50, every):
        spiked[leads, start : start + width] += height_mv
    return find_pacing_spikes(spiked, rate_hz=rate_hz)


@pytest.mark.parametrize("height_mv", [0.5, -0.5])
def test_spikes_of_either_sign_are_found_and_counted(signal_mv, height_mv):
    spikes = _spiked(signal_mv, height_mv=height_mv)
    assert spikes.count == 6
    assert spikes.height_mv == pytest.approx(0.5, abs=0.1)


def test_an_ecg_without_a_pacemaker_has_none(signal_mv):
    assert find_pacing_spikes(signal_mv, rate_hz=500.0) is None


@pytest.mark.parametrize(
    "what",
    [
        {"height_mv": 0.1},
        {"height_mv": 0.5, "width": 12},
        {"height_mv": 0.5, "leads": slice(6, 7)},
        {"height_mv": 0.5, "every": 2000},
    ],
)
def test_low_wide_lonely_or_rare_deflections_are_no_spikes(signal_mv, what):
    assert _spiked(signal_mv, **what) is None


def test_a_rate_that_cannot_show_a_spike_shows_none(signal_mv):
    assert _spiked(signal_mv, height_mv=0.5, rate_hz=250.0) is None


def test_a_recording_shorter_than_a_spikes_surroundings_has_none():
    assert find_pacing_spikes(np.zeros((12, 9)), rate_hz=500.0) is None


def test_the_paced_among_real_recordings_are_found_and_no_others(shared_data):
    folder = shared_data / "ecg" / "ptbxl"
    table = pd.read_csv(folder / "ptbxl_database.csv").set_index("ecg_id")
    paced = {f"{number:05}_hr" for number in table.index[table["pacemaker"].notna()]}
    recordings = [read_recording(path) for path in sorted((folder / "records500").glob("*.hea"))]
    found = {
        recording.source.removesuffix(".hea")
        for recording in recordings
        if find_pacing_spikes(recording.signal_mv, rate_hz=recording.rate_hz)
    }
    assert len(paced) == 3
    assert found == paced
