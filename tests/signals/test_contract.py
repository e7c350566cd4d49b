from dataclasses import replace

import numpy as np
import pytest

from cardiolens.errors import BadRecording
from cardiolens.signals.contract import examine_recording, prepare_recording
from cardiolens.signals.quality import Verdict
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


def test_an_examination_gives_the_same_recording_as_the_contract(recording):
    slower = replace(recording, rate_hz=250.0)
    examination = examine_recording(slower)
    assert examination.recording.rate_hz == 250
    assert examination.quality.verdict is Verdict.GOOD
    np.testing.assert_array_equal(examination.prepared().signal_mv, prepare_recording(slower).signal_mv)


def test_what_the_verdict_refuses_can_be_looked_at_but_not_prepared(recording):
    signal = recording.signal_mv.copy()
    signal[9] = 0
    examination = examine_recording(replace(recording, signal_mv=signal))
    assert examination.quality.verdict is Verdict.REFUSED
    assert examination.recording.signal_mv.shape == (12, 2500)
    with pytest.raises(BadRecording, match="a flat line in lead V4"):
        examination.prepared()


@pytest.mark.parametrize("gone", ["missing", "flat", "empty"])
def test_a_chest_lead_that_is_not_there_is_zero_and_flagged_where_that_is_allowed(recording, gone):
    signal = recording.signal_mv.copy()
    signal[9] = {"missing": 1.0, "flat": 0.3, "empty": np.nan}[gone]
    rows = [row for row in range(12) if row != 9 or gone != "missing"]
    found = replace(recording, signal_mv=signal[rows], leads=tuple(LEADS[row] for row in rows))
    with pytest.raises(BadRecording, match="V4"):
        prepare_recording(found)
    assert not prepare_recording(found, allow_missing_leads=True).signal_mv[9].any()
    quality = examine_recording(found, allow_missing_leads=True).quality
    assert quality.verdict is Verdict.USABLE
    assert quality.notes == ("not recorded, zero instead: V4",)
