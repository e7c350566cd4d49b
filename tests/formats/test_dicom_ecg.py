from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_ecg_files import annotation, code, counts, dataset, group, write_dicom
from fuzzing import fuzz_test
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    GeneralECGWaveformStorage,
    ImplicitVRLittleEndian,
    MRImageStorage,
)

from cardiolens.errors import BadRecording
from cardiolens.formats.dicom_ecg import read, sniff
from cardiolens.types import LEADS

SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_original_waveform_is_read_in_every_encoding_and_the_median_is_not(tmp_path, syntax, undefined):
    recording = read(write_dicom(tmp_path / "ecg.dcm", syntax=syntax, undefined=undefined))
    np.testing.assert_allclose(recording.signal_mv, counts() * 0.005, atol=1e-6)
    assert recording.signal_mv.dtype == np.float32
    assert (recording.leads, recording.rate_hz, recording.source, recording.notes) == (LEADS, 500.0, "ecg.dcm", ())


def test_what_the_device_said_is_kept_and_who_the_patient_was_is_not(tmp_path):
    said = [
        annotation(text="Sinus  rhythm\r\n"),
        annotation(text="Vorhofflimmern möglich, 7654322"),
        annotation(text="Seen by Mrs Jones"),
        annotation(text="DR WHO", concept=code("18774-0", "Confirmed by", "LN")),
    ]
    recording = read(write_dicom(tmp_path / "ecg.dcm", dataset(annotations=said)))
    assert (recording.age_years, recording.sex, recording.device) == (61.0, "F", "Maker Model 9 2.1 3")
    assert recording.recorded_at == datetime(2015, 2, 3, 9, 5, 1, 250_000)
    assert len(recording.statements) == 2
    assert recording.statements[0] == "Sinus rhythm"
    assert recording.statements[1].startswith("Vorhofflimmern möglich, id-")
    assert recording.notes == ("left out 1 of 3 statements, for they name a person",)
    hidden = ("SMITH", "JANE", "7654321", "7654322", "1953", "Jones", "JONES", "WHO", "NURSE")
    assert not any(word in repr(recording) for word in hidden)


def test_intervals_are_those_of_all_leads_and_the_whole_time(tmp_path):
    of_one_lead = annotation(concept=code("5.13.5-11", scheme="SCPECG"), value="1")
    of_one_lead.ReferencedWaveformChannels = [1, 2]
    of_one_beat = annotation(concept=code("5.13.5-11", scheme="SCPECG"), value="2")
    of_one_beat.TemporalRangeType = "SEGMENT"
    measured = [
        of_one_lead,
        of_one_beat,
        annotation(concept=code("2:16168", "RR interval global"), value="0.8", unit="s"),
        annotation(concept=code("5.13.5-7", scheme="SCPECG"), value="160"),
        annotation(concept=code("2:16160", "QT interval global"), value="400"),
        annotation(concept=code("5.13.5-11", scheme="SCPECG"), value="3"),
        annotation(concept=code("5.10.2.1-5", scheme="SCPECG"), value="0"),
        annotation(concept=code("2:16156", "QRS duration global"), value="96", unit="mV"),
        annotation(concept=code("2:15876", "QTc interval global")),
    ]
    assert read(write_dicom(tmp_path / "ecg.dcm", dataset(annotations=measured))).intervals_ms == {
        "rr": 800.0,
        "pq": 160.0,
        "qt": 400.0,
    }


@pytest.mark.parametrize(("text", "age"), [("018M", 1.5), ("061Y", 61.0), ("", None), ("300Y", None)])
def test_age_is_read_in_its_unit_and_never_made_of_the_birth_date(tmp_path, text, age):
    ecg = dataset()
    ecg.PatientAge = text
    assert read(write_dicom(tmp_path / "ecg.dcm", ecg)).age_years == age


def test_a_file_with_little_but_its_waveform_is_read(tmp_path):
    ecg = dataset()
    for name in (
        "PatientAge",
        "PatientSex",
        "AcquisitionDateTime",
        "Manufacturer",
        "ManufacturerModelName",
        "SoftwareVersions",
    ):
        delattr(ecg, name)
    recording = read(write_dicom(tmp_path / "ecg.dcm", ecg))
    assert (recording.age_years, recording.sex, recording.device, recording.recorded_at) == (None, None, None, None)
    assert (recording.statements, recording.intervals_ms) == ((), {})


def test_groups_that_begin_together_are_joined(tmp_path):
    groups = [group(counts()[place : place + 3], LEADS[place : place + 3]) for place in range(0, 12, 3)]
    recording = read(write_dicom(tmp_path / "ecg.dcm", dataset(*groups)))
    np.testing.assert_allclose(recording.signal_mv, counts() * 0.005, atol=1e-6)


def test_groups_that_follow_one_another_are_refused(tmp_path):
    groups = [group(counts(3), LEADS[place : place + 3]) for place in range(0, 12, 3)]
    for place, each in enumerate(groups):
        each.MultiplexGroupTimeOffset = str(2500 * place)
    with pytest.raises(BadRecording, match="recorded at another time, rate or length than I, II, III"):
        read(write_dicom(tmp_path / "ecg.dcm", dataset(*groups)))


def test_a_general_ecg_is_read_too(tmp_path):
    ecg = dataset(group(counts(3), LEADS[:3]))
    ecg.SOPClassUID = GeneralECGWaveformStorage
    assert read(write_dicom(tmp_path / "ecg.dcm", ecg)).leads == LEADS[:3]


def _changed(**fields):
    def change(ecg):
        for name, value in fields.items():
            setattr(ecg, name, value)

    return change


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (_changed(SOPClassUID=MRImageStorage), "DICOM MR Image Storage; expected a DICOM ECG waveform"),
        (_changed(SOPClassUID="1.2.3"), "DICOM of class 1.2.3"),
        (_changed(WaveformSequence=[]), "no original waveform (none at all)"),
        (_changed(WaveformSequence=[group(counts(), original=False)]), "no original waveform (MEDIAN BEAT)"),
    ],
)
def test_what_is_no_original_ecg_is_refused_by_what_it_is(tmp_path, change, found):
    ecg = dataset()
    change(ecg)
    with pytest.raises(BadRecording) as refusal:
        read(write_dicom(tmp_path / "ecg.dcm", ecg))
    line = str(refusal.value)
    assert line.startswith(f"ecg.dcm: found {found}")
    assert "\n" not in line


def test_an_image_is_refused_by_its_class_in_the_data_set_where_the_head_does_not_say(tmp_path):
    ecg = dataset()
    ecg.SOPClassUID = MRImageStorage
    path = write_dicom(tmp_path / "ecg.dcm", ecg)
    path.write_bytes(path.read_bytes().replace(MRImageStorage.encode() + b"\0", b"1.2.840.10008.5.1.4.1.1.9.", 1))
    with pytest.raises(BadRecording, match="found DICOM MR Image Storage"):
        read(path)


def test_a_large_image_is_refused_without_being_read(tmp_path):
    ecg = dataset()
    ecg.SOPClassUID = MRImageStorage
    path = write_dicom(tmp_path / "mr.dcm", ecg)
    with path.open("r+b") as file:
        file.truncate(1 << 30)  # a hole on the disk
    with pytest.raises(BadRecording, match="found DICOM MR Image Storage"):
        read(path)


def test_it_is_known_by_its_mark(tmp_path):
    assert sniff(Path("any.name"), write_dicom(tmp_path / "x").read_bytes()[:8192])
    assert not sniff(Path("ecg.dcm"), b"DICM" * 10)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_nothing_is_warned_about_what_breaks_the_rules_of_a_value(tmp_path, syntax):
    ecg = dataset()
    path = write_dicom(tmp_path / "ecg.dcm", ecg, syntax=syntax)
    if syntax != DeflatedExplicitVRLittleEndian:
        path.write_bytes(path.read_bytes().replace(b"061Y", b"0\xffxY").replace(b"ISO_IR 100", b"ISO_IR 999"))
    assert len(read(path).leads) == 12


def _seed(folder):
    said = [annotation(text="Sinus rhythm"), annotation(concept=code("2:16160"), value="400")]
    return write_dicom(folder / "seed.dcm", dataset(annotations=said), undefined=True)


def _deflated_seed(folder):
    return write_dicom(folder / "seed.dcm", syntax=DeflatedExplicitVRLittleEndian)


def _implicit_seed(folder):
    return write_dicom(folder / "seed.dcm", dataset(group(counts(num_samples=50))), syntax=ImplicitVRLittleEndian)


test_a_damaged_file_is_read_or_refused = fuzz_test(_seed, read)
test_a_damaged_deflated_file_is_read_or_refused = fuzz_test(_deflated_seed, read)
test_a_damaged_implicit_file_is_read_or_refused = fuzz_test(_implicit_seed, read)


def test_the_real_file_is_read_as_pydicom_reads_it_and_obeys_einthoven(shared_data):
    path = shared_data / "ecg" / "formats" / "dicom" / "waveform_ecg.dcm"
    recording = read(path)
    assert (recording.signal_mv.shape, recording.rate_hz, recording.leads) == ((12, 10000), 1000.0, LEADS)
    np.testing.assert_allclose(recording.signal_mv.T, pydicom.dcmread(path).waveform_array(0) / 1000, atol=1e-6)
    assert 0.5 < np.abs(recording.signal_mv).max() < 3
    assert None not in (recording.age_years, recording.sex, recording.device, recording.recorded_at)
    assert len(recording.statements) == 2
    assert set(recording.intervals_ms) == {"rr", "pq", "qrs", "qt", "qtc"}
    i, ii, iii, avr, avl, avf = recording.signal_mv[:6]
    for left, right in ((iii, ii - i), (avr, -(i + ii) / 2), (avl, i - ii / 2), (avf, ii - i / 2)):
        assert np.abs(left - right).max() < 0.0007


def test_a_real_cine_is_refused_by_name(shared_data):
    path = next(path for path in sorted((shared_data / "cmr" / "dicom_study").rglob("*.dcm")))
    with pytest.raises(BadRecording, match="found DICOM MR Image Storage"):
        read(path)
