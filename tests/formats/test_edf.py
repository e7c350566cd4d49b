import io
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from edf_files import Channel, counts, ecg_channels, write_edf
from fuzzing import fuzz_test
from wfdb_files import write_record

from cardiolens.errors import BadRecording
from cardiolens.formats import bounds
from cardiolens.formats.edf import read, sniff
from cardiolens.types import LEADS


def _refusal(path: Path) -> str:
    with pytest.raises(BadRecording) as refusal:
        read(path)
    line = str(refusal.value)
    assert line.startswith(f"{path.name}: found ")
    assert "\n" not in line
    return line


@pytest.mark.parametrize("prefix", ["", "ECG ", "EKG"])
def test_counts_become_millivolts_by_the_two_ranges(tmp_path, prefix):
    recording = read(write_edf(tmp_path / "r.edf", ecg_channels(prefix=prefix)))
    np.testing.assert_allclose(recording.signal_mv, counts() * 0.0001, atol=1e-7)
    assert recording.signal_mv.dtype == np.float32
    assert recording.leads == tuple(prefix + lead for lead in LEADS)
    assert (recording.rate_hz, recording.source, recording.notes) == (500.0, "r.edf", ())


@pytest.mark.parametrize(("unit", "factor"), [("uV", 1e-4), ("mV", 1e-1), ("V", 1e2), ("\xb5V", 1e-4), ("nV", 1e-7)])
def test_the_written_unit_is_converted(tmp_path, unit, factor):
    recording = read(write_edf(tmp_path / "r.edf", ecg_channels(dimension=unit)))
    np.testing.assert_allclose(recording.signal_mv, counts() * factor, rtol=1e-5, atol=1e-9)


def test_a_physical_range_may_be_shifted_or_upside_down(tmp_path):
    channels = ecg_channels(digital=("-10000", "10000"), physical=("3", "-1"), dimension="mV")
    np.testing.assert_allclose(read(write_edf(tmp_path / "r.edf", channels)).signal_mv, 1 - counts() / 5000, atol=1e-6)


def test_twenty_four_bits_are_read(tmp_path):
    wide = counts() * 900
    channels = [
        Channel(lead, row, digital=("-8388608", "8388607"), physical=("-262144", "262143"))
        for lead, row in zip(LEADS, wide, strict=True)
    ]
    recording = read(write_edf(tmp_path / "r.bdf", channels, bdf=True, reserved="24BIT"))
    np.testing.assert_allclose(recording.signal_mv, wide / 32000, atol=1e-3)


def test_the_rate_is_samples_by_the_record_s_length(tmp_path):
    assert read(write_edf(tmp_path / "r.edf", ecg_channels(), record_s="0.5")).rate_hz == 1000.0


def test_other_channels_are_left_out_whatever_their_rate_and_ranges(tmp_path):
    ecg = ecg_channels(prefix="")
    channels = [
        Channel("SpO2 7654321", np.arange(5), dimension="%", physical=("0", "0"), digital=("x", "")),
        *ecg[:6],
        Channel("EDF Annotations", np.full(50, 12345), dimension=""),
        *ecg[6:],
    ]
    recording = read(write_edf(tmp_path / "r.edf", channels))
    np.testing.assert_allclose(recording.signal_mv, counts() * 0.0001, atol=1e-7)
    assert len(recording.notes) == 1
    assert recording.notes[0].startswith("left out SpO2 id-")
    assert recording.notes[0].endswith(", EDF Annotations")


def test_what_edf_plus_says_is_kept_and_who_the_patient_was_is_not(tmp_path):
    path = write_edf(
        tmp_path / "1234567_20205.edf",
        ecg_channels(),
        patient="7654321 F 04-FEB-1951 Jane_Smith",
        recording="Startdate 03-FEB-2015 7654322 Dr_Jones Holter_3000",
    )
    recording = read(path)
    assert (recording.age_years, recording.sex, recording.device) == (63.0, "F", "Holter 3000")
    assert recording.recorded_at == datetime(2015, 2, 3, 9, 5, 1)
    private = ("7654321", "1234567", "Smith", "Jones", "1951", "7654322")
    assert not any(word in repr(recording) for word in private)


def test_nothing_is_made_up_where_edf_plus_withholds_it(tmp_path):
    recording = read(write_edf(tmp_path / "r.edf", ecg_channels(), start=("01.01.85", "00.00.00")))
    assert (recording.age_years, recording.sex, recording.device, recording.recorded_at) == (None, None, None, None)


def test_a_recorder_that_was_not_stopped_leaves_whole_records(tmp_path):
    path = write_edf(tmp_path / "r.edf", ecg_channels(), declared_records="-1", trailing=bytes(100))
    recording = read(path)
    np.testing.assert_allclose(recording.signal_mv, counts() * 0.0001, atol=1e-7)
    assert recording.notes == ("number of records left open: read the 5 that are whole",)


def test_bytes_beyond_the_last_record_are_left_out_and_said(tmp_path):
    recording = read(write_edf(tmp_path / "r.edf", ecg_channels(), trailing=bytes(7)))
    assert (recording.signal_mv.shape, recording.notes) == ((12, 2500), ("left out 7 bytes after the last record",))


def _first(channels: list[Channel], **changes) -> list[Channel]:
    return [replace(channels[0], **changes), *channels[1:]]


@pytest.mark.parametrize(
    ("changes", "file", "found"),
    [
        ({}, {"reserved": "EDF+D"}, "a discontinuous recording (EDF+D)"),
        ({"dimension": ""}, {}, "lead ECG I in no unit"),
        ({"dimension": "mmHg"}, {}, "lead ECG I in mmHg"),
        ({"physical": ("1", "1.0")}, {}, "a physical range of ECG I from 1 to 1"),
        ({"physical": ("nan", "1")}, {}, "physical range of ECG I nan"),
        ({"physical": ("-1e99", "1")}, {}, "physical range of ECG I -1e99"),
        ({"physical": ("-3,2", "3,2")}, {}, "physical range of ECG I -3,2"),
        ({"digital": ("0", "0")}, {}, "a digital range of ECG I from 0 to 0"),
        ({"digital": ("9", "-9")}, {}, "a digital range of ECG I from 9 to -9"),
        ({"digital": ("-32769", "0")}, {}, "a digital range of ECG I from -32769 to 0"),
        ({"digital": ("", "0")}, {}, "digital range of ECG I missing"),
        ({"counts": np.arange(500)}, {}, "ECG leads of 100, 500 Hz"),
        ({}, {"record_s": "0"}, "500 samples of ECG I in records of 0 s"),
        ({}, {"record_s": "-1"}, "records of -1 s"),
        ({}, {"record_s": ""}, "duration of a record missing"),
        ({}, {"record_s": "1e-9"}, "500 samples of ECG I in records of 1e-09 s"),
        ({}, {"declared_records": "6"}, "5 whole records of samples"),
        ({}, {"declared_records": "0"}, "5 whole records of samples"),
        ({}, {"declared_records": "-2"}, "5 whole records of samples"),
        ({}, {"declared_records": "99999999"}, "5 whole records of samples"),
        ({}, {"declared_records": "five"}, "number of records five"),
    ],
)
def test_what_has_no_scale_rate_or_length_is_refused_by_name(tmp_path, changes, file, found):
    path = write_edf(tmp_path / "r.edf", _first(ecg_channels(), **changes), **file)
    assert f"found {found}; expected" in _refusal(path)


def test_a_file_without_ecg_leads_is_refused(tmp_path):
    path = write_edf(tmp_path / "r.edf", [Channel("EEG Fpz-Cz", np.arange(500)), Channel("-aVR", np.arange(500))])
    assert "found signals EEG Fpz-Cz, -aVR; expected leads" in _refusal(path)


def test_more_signals_than_a_recorder_has_are_refused(tmp_path):
    path = write_edf(tmp_path / "r.edf", [Channel("I", np.arange(5))] * 513)
    assert "found 513 signals; expected 512 at most" in _refusal(path)


@pytest.mark.parametrize("size", [3000, 3327])
def test_a_header_that_is_cut_off_is_refused(tmp_path, size):
    path = write_edf(tmp_path / "r.edf", ecg_channels())
    path.write_bytes(path.read_bytes()[:size])
    assert f"found a header cut off after {size} bytes" in _refusal(path)


def test_truncated_samples_are_refused(tmp_path):
    path = write_edf(tmp_path / "r.edf", ecg_channels())
    path.write_bytes(path.read_bytes()[:-2])
    assert "found 4 whole records of samples; expected 5, as the header says" in _refusal(path)


def test_records_without_samples_are_refused(tmp_path):
    path = write_edf(tmp_path / "r.edf", [Channel("I", np.arange(0)), Channel("II", np.arange(0))])
    assert "found no samples in a record" in _refusal(path)


def test_a_file_beyond_the_ceiling_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(bounds, "MOST_SAMPLES", 12 * 2500 - 1)
    assert "found 2500 samples in each of 12 leads" in _refusal(write_edf(tmp_path / "r.edf", ecg_channels()))


def test_it_is_known_by_its_header(tmp_path):
    path = write_edf(tmp_path / "r.edf", ecg_channels())
    assert sniff(Path("any.name"), path.read_bytes()[:8192])
    assert not sniff(path, write_record(tmp_path).read_bytes())
    assert not sniff(path, b"0       ,1,2\n" * 600)


def test_the_edfio_library_reads_the_same_from_a_file_of_its_own(tmp_path):
    edfio = pytest.importorskip("edfio")
    signal_mv = np.random.default_rng(0).uniform(-3, 3, (12, 5000))
    signals = [
        edfio.EdfSignal(row, 500, label=f"ECG {lead}", physical_dimension="mV", physical_range=(-3, 3))
        for lead, row in zip(LEADS, signal_mv, strict=True)
    ]
    stored = io.BytesIO()
    edfio.Edf(signals, annotations=[edfio.EdfAnnotation(1.0, None, "Smith moved")]).write(stored)
    path = tmp_path / "r.edf"
    path.write_bytes(stored.getvalue())
    recording = read(path)
    np.testing.assert_allclose(recording.signal_mv, [s.data for s in edfio.read_edf(path).signals], atol=1e-6)
    assert np.abs(recording.signal_mv - signal_mv).max() <= 6 / 65535
    assert recording.rate_hz == 500.0
    assert "Smith" not in repr(recording)


def test_the_edfio_library_reads_what_these_tests_write(tmp_path):
    edfio = pytest.importorskip("edfio")
    path = write_edf(tmp_path / "r.bdf", ecg_channels(), bdf=True, reserved="24BIT")
    np.testing.assert_allclose(read(path).signal_mv, [s.data / 1000 for s in edfio.read_bdf(path).signals], atol=1e-6)


def _seed(folder: Path) -> Path:
    return write_edf(folder / "seed.edf", [*ecg_channels(1000), Channel("EDF Annotations", np.zeros(20), dimension="")])


def _seed_of_24_bits(folder: Path) -> Path:
    return write_edf(folder / "seed.bdf", ecg_channels(1000), bdf=True, reserved="BDF+C")


test_a_damaged_file_is_read_or_refused = fuzz_test(_seed, read)
test_a_damaged_file_of_24_bits_is_read_or_refused = fuzz_test(_seed_of_24_bits, read)
