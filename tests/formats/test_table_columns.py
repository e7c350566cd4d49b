from pathlib import Path

import numpy as np
import pytest

from cardiolens.errors import BadRecording
from cardiolens.formats.declaration import NOTHING_DECLARED, Declaration
from cardiolens.formats.table.columns import names_a_lead, shown_name, understood_columns

PATH = Path("ecg.csv")


def _columns(names, declared=NOTHING_DECLARED, num_columns=None):
    return understood_columns(PATH, names, num_columns or len(names), declared)


def _recording(names, values, declared=NOTHING_DECLARED):
    return _columns(names, declared).recording(PATH, np.asarray(values, np.float64), declared)


@pytest.mark.parametrize(
    ("name", "lead", "millivolts"),
    [
        ("I_mV", "I", 1.0),
        ("I (uV)", "I", 1e-3),
        ("aVR [mV]", "aVR", 1.0),
        ("V1_uv", "V1", 1e-3),
        ("V1 µV", "V1", 1e-3),
        ("  ECG II  (mV) ", "ECG II", 1.0),
        ("lead_III_V", "lead_III", 1e3),
        ("V_6[microvolts]", "V_6", 1e-3),
    ],
)
def test_a_column_is_named_by_lead_and_unit(name, lead, millivolts):
    (column,) = _columns([name]).leads
    assert (column.place, column.name, column.millivolts) == (0, lead, millivolts)
    assert names_a_lead(name)


@pytest.mark.parametrize("name", ["", "age", "I [adu]", "V7_mV", "time_ms", "mV", "-aVR", "I_mV_mean", "(mV)", "I" * 300])
def test_other_columns_name_no_lead(name):
    assert not names_a_lead(name)


@pytest.mark.parametrize(
    ("name", "step", "rate_hz"),
    [
        ("time_s", 0.002, 500.0),
        ("time_ms", 2, 500.0),
        ("t [s]", 0.004, 250.0),
        ("time (ms)", 1, 1000.0),
        ("Time_us", 2000, 500.0),
        ("timestamp_seconds", 1 / 360, 360.0),
        ("t_s", 1 / 257.5, 257.5),
    ],
)
def test_a_column_of_time_gives_the_rate(name, step, rate_hz):
    recording = _recording(["I_mV", name], [np.zeros(5000), 17 + np.arange(5000) * step])
    assert recording.rate_hz == pytest.approx(rate_hz, rel=1e-9)
    assert recording.signal_mv.shape == (1, 5000)
    assert recording.notes == ()


def test_times_rounded_by_the_writer_still_are_even():
    times = np.round(np.arange(5000) / 300, 5)
    assert _recording(["time_s", "I_mV"], [np.zeros(5000), times]).rate_hz == 300.0


def test_names_that_differ_only_in_unit_or_case_agree_with_the_declared_ones():
    declared = Declaration(500.0, "uV", ("i", "avr"))
    recording = _recording(["I_uV", "x", "aVR"], [[1.0], [2.0]], declared)
    np.testing.assert_allclose(recording.signal_mv, [[1e-3], [2e-3]])
    assert (recording.leads, recording.rate_hz, recording.notes) == (("I", "aVR"), 500.0, ("left out x",))


def test_declared_names_stand_in_for_names_that_are_absent_or_name_no_lead():
    declared = Declaration(None, "mV", ("time_s", "I", "ii_mV", "other"))
    for names in (None, ["a", "b", "c", "d"]):
        columns = _columns(names, declared, 4)
        assert [(lead.place, lead.name, lead.millivolts) for lead in columns.leads] == [(1, "I", 1.0), (2, "ii", 1.0)]
        assert (columns.places, columns.time, columns.left_out) == ((1, 2, 0), 0, ("other",))


def test_missing_samples_stay_missing_and_infinite_ones_become_so():
    recording = _recording(["I_V"], [[np.nan, np.inf, 1e300, 1.0]], Declaration(500.0))
    assert np.isnan(recording.signal_mv[0, :3]).all()
    assert recording.signal_mv[0, 3] == 1000.0
    assert recording.notes == ("2 infinite samples are missing",)


@pytest.mark.parametrize(
    ("names", "declared", "found", "remedy"),
    [
        (["I"], Declaration(500.0), "no unit for lead I", "--unit mV"),
        (["I_mV", "II"], Declaration(500.0), "no unit for lead II", "--unit mV"),
        (["I_mV"], Declaration(500.0, "uV"), "lead I in mV", "leave out --unit"),
        (["I [adu]"], Declaration(500.0, "uV"), "lead I in adu", "as in I_mV"),
        (["I_mV"], NOTHING_DECLARED, "no sampling rate", "--rate 500"),
        (["I_mV", "time"], NOTHING_DECLARED, "no sampling rate", "--rate 500"),
        (["I_mV", "time [h]"], NOTHING_DECLARED, "no sampling rate", "--rate 500"),
        (["a", "b"], NOTHING_DECLARED, "2 columns with a, b", "--lead-names I,II,III,aVR"),
        (["1234567", ""], NOTHING_DECLARED, "2 columns with id-", "--lead-names"),
        (["a", "b"], Declaration(500.0, "mV", ("I",)), "2 columns", "in its order"),
        (["a", "b"], Declaration(500.0, "mV", ("x", "y")), "columns x, y", "--lead-names I,II"),
        (["I_mV", "II_mV"], Declaration(500.0, None, ("II", "I")), "columns I, II", "leave out --lead-names"),
        (["I_mV", "II_mV"], Declaration(500.0, None, ("x", "y")), "columns I, II", "leave out --lead-names"),
    ],
)
def test_what_neither_says_or_both_say_differently_is_refused_with_the_option_that_helps(names, declared, found, remedy):
    with pytest.raises(BadRecording) as refusal:
        _recording(names, np.zeros((len(names), 3)), declared)
    assert str(refusal.value).startswith(f"ecg.csv: found {found}")
    assert remedy in str(refusal.value)
    assert "1234567" not in str(refusal.value)


def test_a_table_without_names_needs_declared_ones():
    with pytest.raises(BadRecording, match=r"found 12 columns with no names; .* --lead-names I,II,III"):
        understood_columns(PATH, None, 12, Declaration(500.0, "mV"))


def test_a_table_without_rows_is_refused():
    with pytest.raises(BadRecording, match="found no samples"):
        _recording(["I_mV"], np.zeros((1, 0)), Declaration(500.0))


@pytest.mark.parametrize(
    ("times", "found"),
    [
        ([0, 1, 3], "times that do not rise by even steps"),
        ([0, 1, 2.03, 3], "times that do not rise by even steps"),
        ([3, 2, 1], "times that do not rise by even steps"),
        ([1, 1, 1], "times that do not rise by even steps"),
        ([0, np.nan, 2], "a time that is missing or no number"),
        ([0, 1, np.inf], "a time that is missing or no number"),
        ([0, 1e300, -1e300], "a time that is missing or no number"),
        ([0], "a single time"),
    ],
)
def test_times_that_are_not_even_give_no_rate(times, found):
    with pytest.raises(BadRecording, match=f"ecg.csv: found {found}"):
        _recording(["I_mV", "time_ms"], [np.zeros(len(times)), times])


def test_a_declared_rate_must_be_that_of_the_times():
    values = [np.zeros(100), np.arange(100) * 2.0]
    assert _recording(["I_mV", "time_ms"], values, Declaration(500.2)).rate_hz == 500.2
    with pytest.raises(BadRecording, match="found times at 500 Hz; expected 250 Hz as declared"):
        _recording(["I_mV", "time_ms"], values, Declaration(250.0))


def test_a_name_is_shown_short_and_without_participants():
    assert shown_name(" a\n b ") == "a b"
    assert len(shown_name("x" * 500)) == 40
    assert "7654321" not in shown_name("of 7654321")
