from dataclasses import replace

import numpy as np
import pytest

from cardiolens.errors import BadRecording
from cardiolens.signals.quality import Verdict, assess, refuse_unusable


@pytest.mark.parametrize(
    ("factor", "found"),
    [
        (1000, "1000 times an ECG's: perhaps in uV, read as mV"),
        (200, "200 times an ECG's: perhaps in steps of 5 uV, read as mV"),
        (20, "10 times an ECG's: perhaps in units of 0.1 mV, read as mV"),
        (1e6, r"1e\+06 times an ECG's: perhaps in nV, read as mV"),
        (1e-3, "0.001 times an ECG's: perhaps in V, read as mV"),
        (0.04, r"a median lead that spans 0\.0\d+ mV;"),
    ],
)
def test_a_scale_that_cannot_be_millivolts_is_refused_with_its_likely_cause(recording, factor, found):
    wrong = replace(recording, signal_mv=recording.signal_mv * np.float32(factor))
    with pytest.raises(BadRecording, match=found) as refusal:
        refuse_unusable(wrong)
    assert "expected 0.1 to 8 mV; check the unit and the gain; no scale is guessed" in str(refusal.value)
    assert assess(wrong).verdict is Verdict.REFUSED


def test_one_lead_in_another_unit_is_refused_by_name(recording):
    signal = recording.signal_mv.copy()
    signal[11] *= 1000
    with pytest.raises(BadRecording, match=r"found lead V6 spanning \d+ mV beside a median of .* at most 20 mV in any lead"):
        refuse_unusable(replace(recording, signal_mv=signal))


@pytest.mark.parametrize(
    ("read_as", "factor", "found"),
    [
        ("V", 1000, "1000 times an ECG's: perhaps in mV, read as V"),
        ("V", 1e6, r"1e\+06 times an ECG's: perhaps in uV, read as V"),
        ("uV", 1e-3, "0.001 times an ECG's: perhaps in mV, read as uV"),
        ("uV", 1e3, "1000 times an ECG's: perhaps in nV, read as uV"),
    ],
)
def test_the_unit_that_was_declared_is_named(recording, read_as, factor, found):
    scaled = replace(recording, signal_mv=(recording.signal_mv * factor).astype(np.float32), read_as=read_as)
    with pytest.raises(BadRecording, match=found):
        refuse_unusable(scaled)
