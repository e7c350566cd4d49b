import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from fuzzing import fuzz_test
from wfdb_files import counts, write_record

from cardiolens.errors import BadRecording
from cardiolens.formats import bounds
from cardiolens.formats.wfdb_record import read, sniff, write
from cardiolens.types import LEADS, Recording


def _refusal(path: Path) -> str:
    with pytest.raises(BadRecording) as refusal:
        read(path)
    line = str(refusal.value)
    assert line.startswith(f"{path.name}: found ")
    assert "\n" not in line
    return line


def test_counts_become_millivolts_by_gain_and_baseline(tmp_path):
    path = write_record(tmp_path, signal="{name}.dat 16 200(-30)/mV 16 0 0 0 0 {lead}")
    recording = read(path)
    np.testing.assert_allclose(recording.signal_mv, (counts() + 30) / 200, rtol=1e-6)
    assert recording.signal_mv.dtype == np.float32
    assert (recording.leads, recording.rate_hz, recording.source, recording.notes) == (LEADS, 500.0, "r.hea", ())


@pytest.mark.parametrize(("unit", "factor"), [("mV", 1), ("mv", 1), ("uV", 1e-3), ("µV", 1e-3), ("μV", 1e-3), ("V", 1e3)])
def test_the_written_unit_is_converted(tmp_path, unit, factor):
    path = write_record(tmp_path, signal="{name}.dat 16 2/" + unit + " 16 0 0 0 0 {lead}")
    np.testing.assert_allclose(read(path).signal_mv, counts() / 2 * factor, rtol=1e-5)


def test_a_gain_without_unit_is_per_millivolt_and_said(tmp_path):
    recording = read(write_record(tmp_path, signal="{name}.dat 16 2000 16 0 0 0 0 {lead}"))
    np.testing.assert_allclose(recording.signal_mv, counts() / 2000, rtol=1e-6)
    assert recording.notes == ("no unit written: mV, as WFDB defines",)


@pytest.mark.parametrize("gain", ["0/mV", "0", "1000/mmHg", "1000/adu", "1e-9/mV"])
def test_no_scale_is_guessed(tmp_path, gain):
    assert "lead I with a gain of" in _refusal(write_record(tmp_path, signal=f"{{name}}.dat 16 {gain} 16 0 0 0 0 {{lead}}"))


def test_the_format_s_mark_of_an_invalid_sample_is_missing(tmp_path):
    samples = counts()
    samples[3, 40:44] = -32768
    signal = read(write_record(tmp_path, samples=samples)).signal_mv
    assert np.isnan(signal[3, 40:44]).all()
    assert np.isnan(signal).sum() == 4


def test_the_challenge_s_offset_date_and_patient_are_read(tmp_path):
    matlab = bytes(24) + counts().T.astype("<i2").tobytes()
    path = write_record(
        tmp_path,
        data=matlab,
        record="{name} {num_leads} 500 {num_samples} 12-May-2020 12:33:59",
        signal="{name}.dat 16x1+24 1000/mV 16 0 28 -1716 0 {lead}",
        comments="#Age: 74\n#Sex: Male\n#Dx: 426177001\n# Name: Jane Doe\n",
    )
    recording = read(path)
    np.testing.assert_allclose(recording.signal_mv, counts() / 1000, rtol=1e-6)
    assert (recording.age_years, recording.sex, recording.recorded_at) == (74.0, "M", None)
    assert "Doe" not in repr(recording)


def test_older_comments_give_age_and_sex_too(tmp_path):
    path = write_record(
        tmp_path,
        comments="# <age>: 65  <sex>: F  <diagnoses> Coronary artery disease\n",
        record="{name} {num_leads} 500 {num_samples} 10:05:00 01/02/1990",
    )
    recording = read(path)
    assert (recording.age_years, recording.sex, recording.recorded_at) == (65.0, "F", datetime(1990, 2, 1, 10, 5))


def test_packed_twelve_bit_samples_are_read(tmp_path):
    samples = np.array([[1, -2, 2047, -2048], [5, 6, -7, 8]], np.int16)
    flat = samples.T.reshape(-1, 2).astype(np.int32) & 0xFFF
    packed = np.stack([flat[:, 0] & 0xFF, (flat[:, 0] >> 8) | ((flat[:, 1] >> 8) << 4), flat[:, 1] & 0xFF], axis=1)
    path = write_record(
        tmp_path,
        samples=samples,
        leads=("I", "II"),
        data=packed.astype(np.uint8).tobytes(),
        signal="{name}.dat 212 1/mV 12 0 0 0 0 {lead}",
    )
    np.testing.assert_array_equal(read(path).signal_mv, np.array([[1, -2, 2047, np.nan], [5, 6, -7, 8]], np.float32))


def test_a_length_left_out_is_the_files(tmp_path):
    path = write_record(tmp_path, record="{name} {num_leads} 500")
    np.testing.assert_allclose(read(path).signal_mv, counts() / 1000, rtol=1e-6)


def test_leads_of_several_files_are_put_together(tmp_path):
    first, second = counts(), counts(14)[12:]
    path = write_record(tmp_path, samples=first)
    write_record(tmp_path, samples=second, leads=("vx", "vy"), name="frank")
    lines = (
        path.read_text().replace("r 12", "r 14") + "frank.dat 16 1000/mV 16 0 0 0 0 vx\nfrank.dat 16 1000/mV 16 0 0 0 0 vy\n"
    )
    path.write_text(lines)
    recording = read(path)
    np.testing.assert_allclose(recording.signal_mv, first / 1000, rtol=1e-6)
    assert recording.notes == ("left out vx, vy",)
    (tmp_path / "frank.dat").unlink()
    assert read(path).notes == ("left out vx, vy",)


def test_a_channel_that_is_no_voltage_is_left_out(tmp_path):
    path = write_record(tmp_path, leads=(*LEADS, "pressure"))
    path.write_text(path.read_text().replace("1000.0(0)/mV 16 0 0 0 0 pressure", "10/mmHg 16 0 0 0 0 pressure"))
    recording = read(path)
    assert (recording.leads, recording.notes) == (LEADS, ("left out pressure",))


def test_the_data_file_may_be_named_instead_of_the_header(tmp_path):
    path = write_record(tmp_path).with_suffix(".dat")
    assert sniff(path, path.read_bytes()[:4096])
    assert read(path).source == "r.hea"
    path.with_suffix(".hea").unlink()
    assert not sniff(path, path.read_bytes()[:4096])


def test_a_truncated_data_file_is_refused(tmp_path):
    path = write_record(tmp_path, data=counts().T.astype("<i2").tobytes()[:-100])
    assert "found 2495 samples per lead in the data file; expected 2500" in _refusal(path)


def test_an_empty_data_file_is_refused(tmp_path):
    assert "found 0 samples per lead" in _refusal(write_record(tmp_path, data=b"", record="{name} {num_leads} 500"))


def test_a_missing_data_file_is_refused(tmp_path):
    path = write_record(tmp_path)
    path.with_suffix(".dat").unlink()
    assert "no file r.dat beside it" in _refusal(path)


@pytest.mark.parametrize("name", ["../r.dat", "/etc/passwd", "sub/r.dat", "..", "~", "C:r.dat", "..\\r.dat", "http://x/r.dat"])
def test_a_header_cannot_name_a_file_outside_its_folder(tmp_path, name):
    (tmp_path / "sub").mkdir()
    path = write_record(tmp_path / "sub", signal=name.replace("{", "") + " 16 1000/mV 16 0 0 0 0 {lead}")
    write_record(tmp_path)
    assert "a data file named" in _refusal(path)


@pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")
def test_a_link_cannot_lead_outside_the_folder(tmp_path):
    (tmp_path / "sub").mkdir()
    write_record(tmp_path)
    path = write_record(tmp_path / "sub")
    path.with_suffix(".dat").unlink()
    os.symlink(tmp_path / "r.dat", path.with_suffix(".dat"))
    assert "r.dat linking to another folder" in _refusal(path)


@pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")
def test_header_and_data_may_both_be_links_into_one_folder(tmp_path):
    (tmp_path / "mine").mkdir()
    write_record(tmp_path)
    for suffix in (".hea", ".dat"):
        os.symlink(tmp_path / f"r{suffix}", tmp_path / "mine" / f"r{suffix}")
    assert read(tmp_path / "mine" / "r.hea").signal_mv.shape == (12, 2500)


def test_a_file_beyond_the_ceiling_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(bounds, "MOST_SAMPLES", 12 * 2500 - 1)
    assert "found 2500 samples in each of 12 leads" in _refusal(write_record(tmp_path, record="{name} {num_leads} 500"))


def test_two_formats_in_one_file_are_refused(tmp_path):
    path = write_record(tmp_path)
    path.write_text(path.read_text().replace("r.dat 16 ", "r.dat 212 ", 1))
    assert "several formats in one data file" in _refusal(path)


def test_a_record_without_standard_leads_is_refused(tmp_path):
    assert "leads resp, pleth;" in _refusal(write_record(tmp_path, leads=("resp", "pleth")))


def test_a_lead_stored_twice_stays_twice_for_the_contract_to_refuse(tmp_path):
    assert read(write_record(tmp_path, leads=(*LEADS, "V6"))).leads == (*LEADS, "V6")


def test_participants_and_control_characters_never_show(tmp_path):
    path = write_record(tmp_path, name="1234567_20205_2_0", leads=("I", "II\x1b[31m", "resp 7654321"))
    recording = read(path)
    assert "1234567" not in recording.source
    assert "7654321" not in repr(recording.notes)
    path.with_suffix(".dat").unlink()
    with pytest.raises(BadRecording) as refusal:
        read(path)
    assert "1234567" not in str(refusal.value)
    path.write_text(path.read_text().replace("/mV", "/\x1b[31m"))
    write_record(tmp_path, name="1234567_20205_2_0x")
    with pytest.raises(BadRecording) as refusal:
        read(path)
    assert "\x1b" not in str(refusal.value)


def _recording(signal_mv: np.ndarray, **found) -> Recording:
    return Recording(signal_mv=signal_mv.astype(np.float32), leads=LEADS, rate_hz=500.0, source="", **found)


def test_what_is_written_reads_back_to_half_a_microvolt(tmp_path):
    signal_mv = np.random.default_rng(0).uniform(-32.767, 32.767, (12, 600)).astype(np.float32)
    signal_mv[3, 7] = np.nan
    write(tmp_path / "made-1.hea", _recording(signal_mv, age_years=60.5, sex="F"))
    back = read(tmp_path / "made-1.hea")
    np.testing.assert_allclose(back.signal_mv, signal_mv, atol=0.0005001, rtol=0)
    assert (back.leads, back.rate_hz, back.age_years, back.sex, back.notes) == (LEADS, 500.0, 60.5, "F", ())


def test_the_wfdb_library_reads_what_is_written(tmp_path):
    import wfdb

    write(tmp_path / "made.hea", _recording(counts() / 1000))
    record = wfdb.rdrecord(str(tmp_path / "made"), physical=False)
    np.testing.assert_array_equal(record.d_signal.T, counts())
    assert record.checksum == record.calc_checksum()
    assert record.init_value == counts()[:, 0].tolist()


@pytest.mark.parametrize(("name", "peak_mv"), [("a.hea", 32.768), ("a b.hea", 1.0), ("a.txt", 1.0), ("a.b.hea", 1.0)])
def test_what_the_format_cannot_hold_is_not_written(tmp_path, name, peak_mv):
    with pytest.raises(ValueError, match=r"cannot be stored|is named by"):
        write(tmp_path / name, _recording(np.full((12, 9), peak_mv)))
    assert not list(tmp_path.iterdir())


def test_importing_the_reader_waits_for_no_decoder():
    program = (
        "import sys, cardiolens.formats as formats; formats.readers();"
        "assert not {'wfdb', 'pandas', 'defusedxml', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def _seed(folder: Path) -> Path:
    return write_record(folder, samples=counts(num_samples=1000), comments="# Age: 60\n# Sex: Male\n")


test_a_damaged_header_is_read_or_refused = fuzz_test(_seed, read)
test_a_damaged_data_file_is_read_or_refused = fuzz_test(_seed, read, damaged="r.dat")


def _real(shared_data: Path) -> list[Path]:
    folders = [shared_data / "ecg" / "formats" / "wfdb_cinc", shared_data / "ecg" / "ptbxl" / "records500"]
    return [header for folder in folders for header in sorted(folder.glob("*.hea"))]


def test_real_records_agree_with_the_wfdb_library(shared_data):
    import wfdb

    compared = 0
    for path in _real(shared_data)[::8]:
        if path.stem in {"A0001", "s0010_re"}:
            continue
        direct = wfdb.rdrecord(str(path.with_suffix("")))
        np.testing.assert_allclose(read(path).signal_mv, direct.p_signal.T, atol=1e-6)
        compared += 1
    assert compared >= 10


def test_real_records_obey_einthoven_and_goldberger(shared_data):
    for path in _real(shared_data):
        i, ii, iii, avr, avl, avf = read(path).signal_mv[:6, ::7]
        for left, right in ((iii, ii - i), (avr, -(i + ii) / 2), (avl, i - ii / 2), (avf, ii - i / 2)):
            assert np.abs(left - right).max() < 0.02, path.name


def test_the_record_whose_date_the_library_rejects_is_read(shared_data):
    recording = read(shared_data / "ecg" / "formats" / "wfdb_cinc" / "A0001.hea")
    assert (recording.signal_mv.shape, recording.age_years, recording.sex) == ((12, 7500), 74.0, "M")


def test_fifteen_leads_of_which_three_have_no_file_are_read(shared_data):
    recording = read(shared_data / "ecg" / "formats" / "wfdb_cinc" / "s0010_re.hea")
    assert (recording.signal_mv.shape, recording.rate_hz, recording.age_years) == ((12, 38400), 1000.0, 81.0)
    assert recording.notes == ("left out vx, vy, vz", "no unit written: mV, as WFDB defines")
