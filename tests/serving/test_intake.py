import numpy as np
import pytest

from cardiolens.errors import BadOption, BadRecording
from cardiolens.serving.intake import Intake, array_recording
from cardiolens.signals.cleaning import CleaningConfig

ECG = np.zeros((12, 5000))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (ECG.T, r"found an array of 5000 x 12; expected 12 leads by samples .*ecg\.T"),
        (ECG[None], r"found an array of 1 x 12 x 5000; .*ecg\[0\]"),
        (ECG[:8], "found an array of 8 x 5000; .*Recording"),
        (ECG[0], "found an array of 5000; "),
        (3.0, "found an array of one number; "),
        (None, "found NoneType; "),
        ([[1.0, 2.0], [3.0]], "found list; "),
        (ECG.astype(complex), "found an array of complex128; .*real numbers"),
        (ECG.astype(str), "found an array of <U32; "),
    ],
)
def test_an_array_that_is_no_ecg_is_refused_in_one_line(given, said):
    with pytest.raises(BadRecording, match=said):
        array_recording(given, rate_hz=500.0)


@pytest.mark.parametrize("kind", ["float64", "float32", "int16"])
def test_numbers_of_any_kind_become_single_precision(kind):
    recording = array_recording(ECG.astype(kind), rate_hz=250.0)
    assert (recording.signal_mv.dtype, recording.signal_mv.shape, recording.rate_hz) == (np.float32, (12, 5000), 250.0)


def test_a_sex_that_would_be_ignored_is_refused():
    for known in (None, "F", "M"):
        Intake(CleaningConfig(), sex=known)
    with pytest.raises(BadOption, match="sex: found 'female'; expected F or M"):
        Intake(CleaningConfig(), sex="female")


@pytest.mark.parametrize("age", [-4.0, float("nan"), 1000.0])
def test_an_age_that_nobody_has_is_refused(age):
    Intake(CleaningConfig(), age_years=0.0)
    with pytest.raises(BadOption, match=r"age_years: found .*; expected a number from 0 to 130"):
        Intake(CleaningConfig(), age_years=age)


@pytest.mark.parametrize("rate", [0.0, -500.0, float("nan")])
def test_a_rate_that_is_no_number_above_zero_is_refused(rate):
    with pytest.raises(BadRecording, match=r"found a rate of .*; expected a number of samples per second"):
        array_recording(ECG, rate_hz=rate)
