from dataclasses import replace

import numpy as np
import pytest

from cardiolens.errors import BadRecording
from cardiolens.signals.quality import refuse_unusable
from cardiolens.types import LEADS


def _with(recording, lead: str, samples: slice, value: float):
    signal = recording.signal_mv.copy()
    signal[LEADS.index(lead), samples] = value
    return replace(recording, signal_mv=signal)


def test_a_whole_ecg_passes_untouched(recording):
    passed = refuse_unusable(recording)
    assert passed.notes == ()
    assert passed.signal_mv is recording.signal_mv


def test_isolated_missing_samples_are_noted(recording):
    passed = refuse_unusable(_with(_with(recording, "V2", slice(5, 8), np.nan), "aVL", slice(0, 1), np.inf))
    assert passed.notes == ("1 missing samples in aVL", "3 missing samples in V2")


@pytest.mark.parametrize(
    ("lead", "samples", "value", "found"),
    [
        ("V3", slice(None), np.nan, "no sample at all in lead V3"),
        ("I", slice(None), -np.inf, "no sample at all in lead I"),
        ("aVF", slice(None), 0.4, "a flat line in lead aVF"),
        ("V6", slice(0, 200), np.nan, "8% of lead V6 missing"),
    ],
)
def test_a_lead_that_recorded_nothing_is_refused_by_name(recording, lead, samples, value, found):
    with pytest.raises(BadRecording, match=f"r.hea: found {found}; expected "):
        refuse_unusable(_with(recording, lead, samples, value))


def test_volts_taken_for_millivolts_look_flat(recording):
    with pytest.raises(BadRecording, match=r"flat line.*the unit"):
        refuse_unusable(replace(recording, signal_mv=recording.signal_mv / 1000))


def test_less_than_five_seconds_are_refused(recording):
    refuse_unusable(recording)
    with pytest.raises(BadRecording, match=r"found 4\.998 s; expected 5 s or more"):
        refuse_unusable(replace(recording, signal_mv=recording.signal_mv[:, :-1]))


def test_other_leads_than_the_twelve_are_refused(recording):
    with pytest.raises(BadRecording, match="found 11 leads; expected the 12 standard leads"):
        refuse_unusable(replace(recording, signal_mv=recording.signal_mv[1:], leads=LEADS[1:]))
