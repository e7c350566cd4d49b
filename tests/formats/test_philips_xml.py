from pathlib import Path
from xml.etree.ElementTree import parse

import numpy as np
import pytest
from fuzzing import fuzz_test
from philips_files import counts, document, with_mark, write_philips

from cardiolens.errors import BadRecording
from cardiolens.formats.philips_xml import read, sniff
from cardiolens.types import LEADS

VERSIONS, CODINGS = ("1.03", "1.04.01"), ("XLI", "Base64", "Plain")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("coding", CODINGS)
def test_every_version_and_coding_gives_every_sample_back_in_millivolts(tmp_path, version, coding):
    recording = read(write_philips(tmp_path, version=version, coding=coding))
    np.testing.assert_allclose(recording.signal_mv, counts() * 0.005, atol=1e-6)
    assert recording.signal_mv.dtype == np.float32
    assert (recording.leads, recording.rate_hz, recording.source) == (LEADS, 500.0, "ecg.xml")
    assert recording.notes == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_encoding_of_the_text_is_recognised_and_read(tmp_path, encoding):
    path = write_philips(tmp_path, encoding=encoding)
    assert sniff(path, path.read_bytes()[:8192])
    np.testing.assert_allclose(read(path).signal_mv, counts() * 0.005, atol=1e-6)


def test_it_is_known_by_its_root_element(tmp_path):
    assert sniff(Path("any.name"), document(counts(50)).encode()[:8192])
    assert not sniff(Path("ecg.xml"), b'<?xml version="1.0"?><RestingECG>')
    assert not sniff(Path("ecg.xml"), b"restingecgdata")


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_device_said_is_kept_and_who_the_patient_was_is_not(tmp_path, version):
    recording = read(write_philips(tmp_path, version=version))
    assert recording.age_years == {"1.03": 61.0, "1.04.01": 63.0}[version]
    assert (recording.sex, recording.device) == ("F", "PageWriter TC Philips Medical Products:860315:A.07")
    assert recording.recorded_at.isoformat() == "2015-02-03T09:05:01"
    assert recording.statements == ("Sinus rhythm: V-rate 50-99", "Borderline", "OTHERWISE NORMAL ECG")
    assert recording.intervals_ms["pq"] > 0
    persons = ("SMITH", "JANE", "7654321", "1951", "EDITH", "GREEN", "BROWN", "ELSEWHERE")
    assert not [person for person in persons if person in repr(recording)]


@pytest.mark.parametrize("coding", CODINGS)
def test_the_calibration_mark_is_cut_off_and_said(tmp_path, coding):
    recording = read(write_philips(tmp_path, with_mark(counts()), coding=coding))
    np.testing.assert_allclose(recording.signal_mv, counts() * 0.005, atol=1e-6)
    assert recording.notes == ("left out the last 0.23 s: a calibration mark of 1 mV",)


@pytest.mark.parametrize("height", [0, 100])
def test_an_end_alike_in_all_leads_that_is_no_pulse_of_1_mv_stays(tmp_path, height):
    signal = with_mark(counts(), height=height)
    recording = read(write_philips(tmp_path, signal))
    assert recording.signal_mv.shape == signal.shape
    assert recording.notes == ()


def test_a_pulse_in_one_lead_is_no_calibration_mark(tmp_path):
    signal = with_mark(counts())
    signal[7, -1] = 1
    assert read(write_philips(tmp_path, signal)).signal_mv.shape == signal.shape


def test_an_offset_is_subtracted(tmp_path):
    change = _changed('signaloffset="0"', 'signaloffset="20"')
    recording = read(write_philips(tmp_path, coding="Base64", change=change))
    np.testing.assert_allclose(recording.signal_mv, (counts() - 20) * 0.005, atol=1e-6)


def test_what_the_waveform_says_of_itself_comes_before_what_the_acquisition_was(tmp_path):
    change = _changed('samplespersecond="500" resolution="5"', 'samplespersecond="250" resolution="2.5"')
    recording = read(write_philips(tmp_path, coding="Plain", change=lambda text: change(text).replace('"1000"', '"2000"')))
    np.testing.assert_allclose(recording.signal_mv, counts() * 0.0025, atol=1e-6)
    assert recording.rate_hz == 250.0


def test_a_channel_that_is_no_voltage_is_left_out_and_said(tmp_path):
    recording = read(write_philips(tmp_path, change=_changed("V5 V6", "V5 RESP-Imp")))
    assert recording.leads == LEADS[:11]
    assert recording.signal_mv.shape == (11, 500)
    assert recording.notes == ("left out RESP-Imp",)


def test_leads_in_another_order_are_read_where_they_do_not_depend_on_each_other(tmp_path):
    change = _changed('leadlabels="I II III', 'leadlabels="II I III')
    recording = read(write_philips(tmp_path, coding="Base64", change=change))
    assert recording.leads[:3] == ("II", "I", "III")
    np.testing.assert_allclose(recording.signal_mv, counts() * 0.005, atol=1e-6)


def _changed(old: str, new: str):
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return change


REFUSALS_1_04 = [
    ("parsedwaveforms", "leadwaveforms", "no parsedwaveforms"),
    (' leadlabels="I', ' labels="I', "12 leads without names, acquisition 10-WIRE"),
    ('numberofleads="12"', 'numberofleads="8"', "12 lead names"),
    ('leadlabels="I II', 'leadlabels="II I', "packed leads in the order II I III aVR aVL aVF"),
    ('leadlabels="I II III aVR', 'leadlabels="I II III -aVR', "packed leads in the order I II III -aVR aVL aVF"),
    ('durationperchannel="1000"', "", "durationperchannel missing"),
    ('durationperchannel="1000"', 'durationperchannel="Failed"', "durationperchannel Failed"),
    ('durationperchannel="1000"', 'durationperchannel="4"', "2 samples per lead"),
    ('durationperchannel="1000"', 'durationperchannel="1002"', "channel 1 that does not unpack to 501 samples"),
    ('durationperchannel="1000"', 'durationperchannel="599999"', "channel 1 that does not unpack to 300000 samples"),
    ('samplespersecond="500"', 'samplespersecond="inf"', "samplespersecond inf"),
    ('samplespersecond="500"', 'samplespersecond="-500"', "samplespersecond -500"),
    ('"1000" samplespersecond="500"', '"999999" samplespersecond="999999"', "999998000 samples in each of 12 leads"),
    ('resolution="5"', 'resolution="0"', "resolution 0"),
    ('resolution="5"', 'resolution="nan"', "resolution nan"),
    ('bitspersample="16"', 'bitspersample="24"', "samples that are not of 16 bits with a sign"),
    ('signalsigned="True"', 'signalsigned="False"', "samples that are not of 16 bits with a sign"),
    ('signaloffset="0"', 'signaloffset="much"', "signaloffset much"),
    ('compression="XLI"', 'compression="ZIP"', "coding Base64, compression zip"),
    ('dataencoding="Base64" compression', 'dataencoding="Plain" compression', "coding Plain, compression xli"),
    ('dataencoding="Base64" compression', "compression", "coding missing, compression xli"),
    ('notchfiltered="False">', 'notchfiltered="False">!', "a waveform that is no Base64"),
    ("</waveforms>", "", "broken XML"),
]


@pytest.mark.parametrize(("old", "new", "found"), REFUSALS_1_04, ids=[found for *_, found in REFUSALS_1_04])
def test_what_is_no_whole_rhythm_is_refused_in_one_line(tmp_path, old, new, found):
    _assert_refused(write_philips(tmp_path, change=_changed(old, new)), found)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("STD-12", "EASI", "12 leads without names, acquisition EASI"),
        ("<numberchannelsvalid>12", "<numberchannelsvalid>16", "16 leads without names, acquisition STD-12"),
        ("<signalresolution>5</signalresolution>", "", "resolution missing"),
        ("<samplingrate>500</samplingrate>", "", "samplespersecond missing"),
        ('compressmethod="XLI"', "", "coding Base64, compression unknown"),
    ],
)
def test_version_1_03_is_refused_where_the_acquisition_does_not_say_enough(tmp_path, old, new, found):
    _assert_refused(write_philips(tmp_path, version="1.03", change=_changed(old, new)), found)


@pytest.mark.parametrize(
    ("coding", "old", "new", "found"),
    [
        ("Plain", 'durationperchannel="1000"', 'durationperchannel="1002"', "6000 samples"),
        ("Plain", 'notchfiltered="False">', 'notchfiltered="False">forty ', "a sample that is no 32-bit number"),
        ("Plain", 'notchfiltered="False">', f'notchfiltered="False">{"9" * 400} ', "a sample that is no 32-bit number"),
        ("Plain", 'notchfiltered="False">', f'notchfiltered="False">{"9" * 5000} ', "a sample that is no 32-bit number"),
        ("Base64", 'durationperchannel="1000"', 'durationperchannel="998"', "6000 samples"),
        ("Base64", 'notchfiltered="False">', 'notchfiltered="False">AAAA', "12003 bytes of samples"),
    ],
)
def test_samples_that_are_not_packed_are_counted_and_checked(tmp_path, coding, old, new, found):
    _assert_refused(write_philips(tmp_path, coding=coding, change=_changed(old, new)), found)


def test_representative_beats_are_no_rhythm(tmp_path):
    change = _changed("parsedwaveforms", "unparsedwaveforms")
    _assert_refused(write_philips(tmp_path, change=change), "no parsedwaveforms")


def _assert_refused(path: Path, found: str) -> None:
    with pytest.raises(BadRecording) as refusal:
        read(path)
    line = str(refusal.value)
    assert line.startswith(f"ecg.xml: found {found}")
    assert "\n" not in line


test_a_damaged_packed_file_is_read_or_refused = fuzz_test(lambda folder: write_philips(folder, counts(300)), read)
test_a_damaged_plain_file_is_read_or_refused = fuzz_test(
    lambda folder: write_philips(folder, with_mark(counts(100)), version="1.03", coding="Plain"), read
)


@pytest.mark.parametrize(
    ("name", "num_samples", "most_counts"), [("129DYPRG.XML", 5264, 2), ("2020-5-18_15-48-11.xml", 5300, 0.5)]
)
def test_the_real_files_obey_einthoven_and_agree_with_the_devices_own_amplitudes(shared_data, name, num_samples, most_counts):
    path = shared_data / "ecg" / "formats" / "philips_xml" / name
    recording = read(path)
    assert recording.signal_mv.shape == (12, num_samples)
    assert (recording.leads, recording.rate_hz) == (LEADS, 500.0)
    assert recording.notes[0].endswith("a calibration mark of 1 mV")
    assert {"pq", "qrs", "qt", "qtc"} <= recording.intervals_ms.keys()
    assert None not in (recording.age_years, recording.device, recording.recorded_at)
    assert len(recording.statements) > 2
    i, ii, iii, avr, avl, avf = recording.signal_mv[:6]
    for left, right in ((iii, ii - i), (avr, -(i + ii) / 2), (avl, i - ii / 2), (avf, ii - i / 2)):
        assert np.abs(left - right).max() <= most_counts * 0.005 + 1e-6
    peaks = {lead.get("leadname"): float(lead.findtext("{*}qrsppk")) for lead in parse(path).findall(".//{*}leadmeasurement")}
    for lead, row in zip(recording.leads[6:], recording.signal_mv[6:], strict=True):
        assert 0.95 < np.ptp(row) / (peaks[lead] / 1000) < 1.35
