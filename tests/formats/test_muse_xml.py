from pathlib import Path

import numpy as np
import pytest
from fuzzing import fuzz_test
from muse_files import LEADS, MICROVOLTS, counts, document, waveform, write_muse

from cardiolens.errors import BadRecording
from cardiolens.formats.muse_xml import read, sniff

MILLIVOLTS = MICROVOLTS / 1000


def _rhythm_with(old: str, new: str):
    """Changes the first lead of the rhythm or what stands above it, not the median beat."""

    def change(text: str) -> str:
        median, rhythm = text.split("<WaveformType>Rhythm")
        assert old in rhythm
        return f"{median}<WaveformType>Rhythm{rhythm.replace(old, new, 1)}"

    return change


def _changed(old: str, new: str):
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return change


def test_the_rhythm_is_read_in_millivolts_and_the_median_beat_is_not(tmp_path):
    recording = read(write_muse(tmp_path))
    np.testing.assert_allclose(recording.signal_mv, counts() * MILLIVOLTS, rtol=1e-6)
    assert recording.signal_mv.dtype == np.float32
    assert (recording.leads, recording.rate_hz, recording.source) == (LEADS, 500.0, "ecg.xml")
    assert recording.notes == ()


def test_twelve_stored_leads_are_read_as_stored(tmp_path):
    leads = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
    recording = read(write_muse(tmp_path, counts(num_leads=12), leads=leads))
    assert recording.leads == leads
    np.testing.assert_allclose(recording.signal_mv, counts(num_leads=12) * MILLIVOLTS, rtol=1e-6)


def test_what_the_device_said_is_kept_and_who_the_patient_was_is_not(tmp_path):
    recording = read(write_muse(tmp_path))
    assert (recording.age_years, recording.sex, recording.device) == (61.0, "F", "MAC55 009A (analysis software 22)")
    assert recording.recorded_at.isoformat() == "2015-02-03T09:05:01"
    persons = ("SMITH", "JANE", "7654321", "1951", "BROWN", "ELSEWHERE")
    assert not [person for person in persons if person in repr(recording)]


def test_pieces_of_the_diagnosis_are_joined_to_lines_without_what_was_deleted(tmp_path):
    assert read(write_muse(tmp_path)).statements == ("Sinus rhythm", "Old infarct", "Abnormal ECG")


def test_a_line_that_names_a_person_is_left_out_and_said(tmp_path):
    recording = read(write_muse(tmp_path, change=_changed("infarct<", "as Brown says<")))
    assert recording.statements == ("Sinus rhythm", "Abnormal ECG")
    assert recording.notes == ("left out 1 of 3 statements, for they name a person",)


def test_an_interval_that_is_empty_or_zero_is_missing(tmp_path):
    assert read(write_muse(tmp_path)).intervals_ms == {"pq": 160.0, "qtc": 422.0, "rr": 804.0}


@pytest.mark.parametrize(
    ("old", "new", "age"),
    [
        ("<AgeUnits>YEARS", "<AgeUnits>MONTHS", 61 / 12),
        ("<PatientAge>61</PatientAge>", "", 63.0),
        ("<AgeUnits>YEARS</AgeUnits><DateofBirth>02-04-1951", "<AgeUnits></AgeUnits><DateofBirth>02-03-1951", 64.0),
        ("61</PatientAge><AgeUnits>YEARS</AgeUnits><DateofBirth>02-04-1951", "</PatientAge><DateofBirth>1951", None),
    ],
)
def test_age_is_written_in_a_known_unit_or_follows_from_the_birth_date(tmp_path, old, new, age):
    assert read(write_muse(tmp_path, change=_changed(old, new))).age_years == (age and pytest.approx(age))


def test_a_document_with_little_but_its_rhythm_is_read(tmp_path):
    path = tmp_path / "ecg.xml"
    text = waveform("Rhythm", counts())
    for tag in ("SampleType", "SampleExponent", "LeadTimeOffset", "LeadHighLimit", "LeadDataCRC32", "LeadSampleSize"):
        text = text.replace(f"<{tag}>", "<Other>").replace(f"</{tag}>", "</Other>")
    path.write_text(f"<RestingECG>{text}</RestingECG>")
    recording = read(path)
    np.testing.assert_allclose(recording.signal_mv, counts() * MILLIVOLTS, rtol=1e-6)
    assert (recording.age_years, recording.sex, recording.device, recording.recorded_at) == (None, None, None, None)
    assert (recording.statements, recording.intervals_ms, recording.notes) == ((), {}, ())


@pytest.mark.parametrize(
    ("old", "new", "rate_hz"),
    [("Exponent>0<", "Exponent>1<", 5000.0), ("Exponent>0<", "Exponent>-1<", 50.0), ("Base>500<", "Base>240<", 240.0)],
)
def test_the_rate_is_its_base_times_ten_to_its_exponent(tmp_path, old, new, rate_hz):
    assert read(write_muse(tmp_path, change=_rhythm_with(old, new))).rate_hz == pytest.approx(rate_hz)


def test_every_lead_has_its_own_unit(tmp_path):
    change = _rhythm_with(
        "4.88</LeadAmplitudeUnitsPerBit><LeadAmplitudeUnits>MICRO", "2</LeadAmplitudeUnitsPerBit><LeadAmplitudeUnits>MILLI"
    )
    signal = read(write_muse(tmp_path, change=change)).signal_mv
    np.testing.assert_allclose(signal[0], counts()[0] * 2.0, rtol=1e-6)
    np.testing.assert_allclose(signal[1:], counts()[1:] * MILLIVOLTS, rtol=1e-6)


def test_samples_at_the_limits_of_the_converter_are_missing(tmp_path):
    signal = counts()
    signal[3, 10:12], signal[3, 20] = -32768, 32767
    recording = read(write_muse(tmp_path, signal))
    assert np.argwhere(np.isnan(recording.signal_mv)).tolist() == [[3, 10], [3, 11], [3, 20]]
    assert recording.notes == ("missing in lead V2: 3 samples at the limit of the converter",)


def test_limits_that_cannot_be_meant_for_16_bits_say_nothing(tmp_path):
    change = _rhythm_with("<LeadLowLimit>-32768", "<LeadLowLimit>268435456")
    assert not np.isnan(read(write_muse(tmp_path, change=change)).signal_mv).any()


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        ("<LeadDataCRC32>", "<LeadDataCRC32>1", "the checksum of lead I is not that of its samples"),
        ("<LeadDataCRC32>", "<LeadDataCRC32>none", "the checksum of lead I is not that of its samples"),
        ("<LeadOff>FALSE", "<LeadOff>TRUE", "lead I was off, says the device"),
        ("Baseline>0<", "Baseline>12<", "FirstSampleBaseline 12 of lead I is not applied"),
    ],
)
def test_what_is_odd_but_harmless_is_a_note(tmp_path, old, new, note):
    recording = read(write_muse(tmp_path, change=_rhythm_with(old, new)))
    np.testing.assert_allclose(recording.signal_mv, counts() * MILLIVOLTS, rtol=1e-6)
    assert recording.notes == (note,)


def test_of_several_rhythms_the_first_is_read_and_the_others_are_said(tmp_path):
    change = _changed("<PharmaData>", waveform("Rhythm", counts(40)) + "<PharmaData>")
    recording = read(write_muse(tmp_path, change=change))
    assert recording.signal_mv.shape == (8, 500)
    assert recording.notes == ("the first of 2 rhythms",)


def test_it_is_known_by_its_root_element():
    assert sniff(Path("any.name"), document(counts(50)).encode()[:8192])
    assert not sniff(Path("ecg.xml"), b'<?xml version="1.0"?><restingecgdata>')
    assert not sniff(Path("ecg.xml"), b'<?xml version="1.0"?><!DOCTYPE RestingECG><CardiologyXML>')


REFUSALS = [
    (_changed("Rhythm", "Other"), "no waveform of the type Rhythm"),
    (_rhythm_with("CONTINUOUS", "MULTIPLEX"), "SampleType MULTIPLEX_SAMPLES"),
    (_rhythm_with("<NumberofLeads>8", "<NumberofLeads>12"), "8 leads"),
    (_rhythm_with("<NumberofLeads>8</NumberofLeads>", ""), "8 leads"),
    (_rhythm_with("<SampleBase>500</SampleBase>", ""), "SampleBase missing, SampleExponent 0"),
    (_rhythm_with("<SampleBase>500", "<SampleBase>-500"), "SampleBase -500, SampleExponent 0"),
    (_rhythm_with("Exponent>0<", "Exponent>999<"), "SampleBase 500, SampleExponent 999"),
    (_rhythm_with("Exponent>0<", "Exponent>nan<"), "SampleBase 500, SampleExponent nan"),
    (_rhythm_with("<LeadTimeOffset>0", "<LeadTimeOffset>2500"), "LeadTimeOffset 0 in lead II"),
    (_rhythm_with("FirstSample>0<", "FirstSample>4<"), "LeadOffsetFirstSample 4 in lead I"),
    (_rhythm_with("MICROVOLTS", "PASCAL"), "4.88 PASCAL per bit in lead I"),
    (_rhythm_with("<LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits>", ""), "4.88 of no unit per bit in lead I"),
    (_rhythm_with(">4.88<", "><"), "no LeadAmplitudeUnitsPerBit MICROVOLTS per bit in lead I"),
    (_rhythm_with(">4.88<", ">-10<"), "-10 MICROVOLTS per bit in lead I"),
    (_rhythm_with("<LeadSampleSize>2", "<LeadSampleSize>4"), "4 bytes per sample in lead I"),
    (_rhythm_with("<LeadByteCountTotal>1000", "<LeadByteCountTotal>10000"), "1000 bytes in lead I"),
    (_rhythm_with("<LeadSampleCountTotal>500", "<LeadSampleCountTotal>999999999999"), "1000 bytes in lead I"),
    (_rhythm_with("<WaveFormData>\n", "<WaveFormData>AAAA"), "1003 bytes in lead I"),
    (_rhythm_with("<WaveFormData>\n", "<WaveFormData>!"), "samples of lead I that are no Base64"),
    (_rhythm_with("WaveFormData>", "Other>"), "broken XML"),
    (_changed('restecg.dtd">', 'restecg.dtd" [<!ENTITY a "b">]>'), "an entity"),
]


@pytest.mark.parametrize(("change", "found"), REFUSALS, ids=[found for _, found in REFUSALS])
def test_what_is_no_whole_rhythm_is_refused_in_one_line(tmp_path, change, found):
    with pytest.raises(BadRecording) as refusal:
        read(write_muse(tmp_path, change=change))
    line = str(refusal.value)
    assert line.startswith(f"ecg.xml: found {found}")
    assert "\n" not in line


def test_leads_of_different_lengths_are_refused(tmp_path):
    text = waveform("Rhythm", counts(), LEADS).replace("<NumberofLeads>8", "<NumberofLeads>9")
    longer = waveform("Rhythm", counts(501)[:1], ("V7",))
    lead = longer[longer.index("  <LeadData>") : longer.index(" </Waveform>")]
    (tmp_path / "ecg.xml").write_text(f"<RestingECG>{text.replace(' </Waveform>', lead + ' </Waveform>')}</RestingECG>")
    with pytest.raises(BadRecording, match="found leads of 500 to 501 samples"):
        read(tmp_path / "ecg.xml")


def test_the_document_type_is_not_fetched(tmp_path):
    (tmp_path / "restecg.dtd").write_text("<!ENTITY % broken")
    change = _changed('SYSTEM "restecg.dtd"', f'SYSTEM "file://{tmp_path}/restecg.dtd"')
    assert read(write_muse(tmp_path, change=change)).leads == LEADS


test_a_damaged_file_is_read_or_refused = fuzz_test(lambda folder: write_muse(folder, counts(300)), read)


@pytest.mark.parametrize(
    ("name", "rate_hz", "num_samples"), [("example1.xml", 500.0, 5000), ("ml4h_muse_ecg_deidentified_1.xml", 240.0, 2500)]
)
def test_the_real_files_are_read(shared_data, name, rate_hz, num_samples):
    recording = read(shared_data / "ecg" / "formats" / "muse_xml" / name)
    assert recording.signal_mv.shape == (8, num_samples)
    assert (recording.leads, recording.rate_hz, recording.notes) == (LEADS, rate_hz, ())
    assert 1 < np.abs(recording.signal_mv).max() < 3
    assert {"pq", "qrs", "qt", "qtc"} <= recording.intervals_ms.keys()
    described = "ml4h" in name
    assert [value is not None for value in (recording.age_years, recording.sex, recording.recorded_at)] == [described] * 3
    assert (len(recording.statements) > 3) is described
