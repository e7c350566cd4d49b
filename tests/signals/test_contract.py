from dataclasses import replace

import numpy as np
import pytest

from cardiolens.errors import BadRecording
from cardiolens.signals.contract import prepare_recording
from cardiolens.types import LEADS


def test_any_order_rate_and_spelling_becomes_12_leads_at_500_hz(recording):
    order = [11, 0, 7, 1, 6, 8, 9, 10]
    found = replace(
        recording, signal_mv=recording.signal_mv[order], leads=tuple(LEADS[i].lower() for i in order), rate_hz=250.0
    )
    prepared = prepare_recording(found)
    assert prepared.leads == LEADS
    assert prepared.signal_mv.shape == (12, 5000)
    assert prepared.notes == ("derived III, aVR, aVL, aVF from I and II", "resampled from 250 to 500 Hz")


def test_quality_is_judged_before_the_filter_hides_it(recording):
    holed = recording.signal_mv.copy()
    holed[4, ::3] = np.nan
    with pytest.raises(BadRecording, match="33% of lead aVL missing"):
        prepare_recording(replace(recording, signal_mv=holed, rate_hz=400.0))


@pytest.mark.parametrize("rate_hz", [0.0, 50.0, float("nan")])
def test_a_rate_of_no_ecg_machine_is_refused(recording, rate_hz):
    with pytest.raises(BadRecording, match=f"sampling rate of {rate_hz:g} Hz"):
        prepare_recording(replace(recording, rate_hz=rate_hz))
