from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from fuzzing import fuzz_test

from cardiolens.errors import BadRecording
from cardiolens.formats.cardiosoft_xml import read, sniff, write
from cardiolens.types import LEADS, Recording


def _counts(num_samples: int = 2500) -> np.ndarray:
    time = np.arange(num_samples) / 500
    return np.stack([np.round(200 * np.sin(2 * np.pi * (1 + 0.1 * k) * time)) + 40 for k in range(12)]).astype(int)


def _waveforms(counts: np.ndarray, leads: tuple[str, ...] = LEADS) -> str:
    # Tabs and line breaks inside the list, as the device writes them.
    return "\n".join(
        f'<WaveformData lead="{lead}">\t\t{",".join(map(str, row[:9]))},\n\t\t{",".join(map(str, row[9:]))}\n</WaveformData>'
        for lead, row in zip(leads, counts, strict=True)
    )


def _document(counts: np.ndarray, medians: np.ndarray | None = None) -> str:
    medians = np.full((12, 20), 7) if medians is None else medians
    return f"""<?xml version="1.0" encoding="ISO-8859-1" ?>
<CardiologyXML>
  <ObservationType>RestECG</ObservationType>
  <ObservationDateTime><Hour>9</Hour><Minute>5</Minute><Second>1</Second><Day>3</Day><Month>2</Month><Year>2015</Year></ObservationDateTime>
  <ClinicalInfo><DeviceInfo><Desc>CardioSoft</Desc><SoftwareVer>V6.73</SoftwareVer></DeviceInfo></ClinicalInfo>
  <PatientInfo>
    <PID>7654321</PID><Name><FamilyName>SMITH</FamilyName><GivenName>JANE</GivenName></Name>
    <Age units="YEARS">61</Age><Gender>FEMALE</Gender><PaceMaker>no</PaceMaker>
  </PatientInfo>
  <Interpretation><Diagnosis>
    <DiagnosisText>Normal  sinus rhythm</DiagnosisText><DiagnosisText></DiagnosisText>
    <DiagnosisText>---</DiagnosisText><DiagnosisText>Arrhythmia results of the full-disclosure ECG</DiagnosisText>
  </Diagnosis></Interpretation>
  <RestingECGMeasurements>
    <VentricularRate units="BPM">75</VentricularRate><PQInterval units="ms"></PQInterval>
    <QRSDuration units="ms">76</QRSDuration><QTInterval units="ms">378</QTInterval><RRInterval units="s">1</RRInterval>
    <MedianSamples>
      <NumberOfLeads>12</NumberOfLeads><SampleRate units="Hz">500</SampleRate>
      <ChannelSampleCountTotal>{medians.shape[1]}</ChannelSampleCountTotal><Resolution units="uVperLsb">5</Resolution>
      {_waveforms(medians)}
    </MedianSamples>
  </RestingECGMeasurements>
  <StripData>
    <NumberOfLeads>12</NumberOfLeads>
    <SampleRate units="Hz">500</SampleRate>
    <ChannelSampleCountTotal>{counts.shape[1]}</ChannelSampleCountTotal>
    <Resolution units="uVperLsb">5</Resolution>
    {_waveforms(counts)}
  </StripData>
</CardiologyXML>
"""


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "ecg.xml"
    path.write_text(text, encoding="latin-1")
    return path


def test_the_strip_is_read_in_millivolts_and_the_medians_are_not(tmp_path):
    recording = read(_write(tmp_path, _document(_counts())))
    np.testing.assert_allclose(recording.signal_mv, _counts() * 0.005, rtol=1e-6)
    assert recording.signal_mv.dtype == np.float32
    assert (recording.leads, recording.rate_hz, recording.source) == (LEADS, 500.0, "ecg.xml")


def test_what_the_device_said_is_kept_and_who_the_patient_was_is_not(tmp_path):
    recording = read(_write(tmp_path, _document(_counts())))
    assert (recording.age_years, recording.sex, recording.device) == (61.0, "F", "CardioSoft V6.73")
    assert recording.recorded_at == datetime(2015, 2, 3, 9, 5, 1)
    assert recording.statements == ("Normal sinus rhythm",)
    assert recording.notes == ()
    assert not any(word in repr(recording) for word in ("SMITH", "JANE", "7654321"))


def test_an_empty_measurement_is_missing_not_zero_and_one_in_another_unit_too(tmp_path):
    assert read(_write(tmp_path, _document(_counts()))).intervals_ms == {"qrs": 76.0, "qt": 378.0}


def test_a_pacemaker_is_noted(tmp_path):
    text = _document(_counts()).replace("<PaceMaker>no", "<PaceMaker>yes")
    assert read(_write(tmp_path, text)).notes == ("the device reports a pacemaker",)


def test_the_sentinel_is_a_missing_sample(tmp_path):
    counts = _counts()
    counts[7, 100:103] = -32768
    signal = read(_write(tmp_path, _document(counts))).signal_mv
    assert np.isnan(signal[7, 100:103]).all()
    assert np.isnan(signal).sum() == 3


def test_a_document_with_little_but_its_strip_is_read(tmp_path):
    text = _document(_counts())
    strip = text[text.index("<StripData>") : text.index("</CardiologyXML>")]
    recording = read(_write(tmp_path, f"<CardiologyXML><ObservationType>RestECG</ObservationType>{strip}</CardiologyXML>"))
    assert (recording.age_years, recording.sex, recording.device, recording.recorded_at) == (None, None, None, None)
    assert (recording.statements, recording.intervals_ms) == ((), {})


def _strip_with(old: str, new: str):
    """Changes the last place of `old`: the strip's, not the medians'."""
    return lambda text: new.join(text.rsplit(old, 1))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda text: text.replace("RestECG<", "StressECG<"), "ObservationType StressECG"),
        (lambda text: text.replace("<ObservationType>RestECG</ObservationType>", ""), "ObservationType missing"),
        (lambda text: text.replace("StripData", "OtherData"), "no StripData"),
        (_strip_with('<SampleRate units="Hz">500</SampleRate>', ""), "SampleRate missing"),
        (_strip_with('<SampleRate units="Hz">500<', '<SampleRate units="Hz"><'), "SampleRate missing"),
        (_strip_with('<SampleRate units="Hz">500<', '<SampleRate units="Hz">-500<'), "SampleRate -500"),
        (_strip_with('<SampleRate units="Hz">', '<SampleRate units="kHz">'), "SampleRate in kHz"),
        (_strip_with('<Resolution units="uVperLsb">5</Resolution>', ""), "Resolution missing"),
        (_strip_with('<Resolution units="uVperLsb">', "<Resolution>"), "Resolution in no unit"),
        (_strip_with("<NumberOfLeads>12<", "<NumberOfLeads>3<"), "12 waveforms"),
        (_strip_with("Total>2500<", "Total>5000<"), "2500 samples in lead I"),
        (_strip_with("Total>2500<", "Total>1000000000000<"), "ChannelSampleCountTotal 1000000000000"),
        (_strip_with(">\t\t40,", ">" + "forty,"), "a sample of lead V6 that is no 32-bit number"),
        (_strip_with(">\t\t40,", ">" + ","), "a sample of lead V6 that is no 32-bit number"),
        (_strip_with(">\t\t40,", ">" + "9" * 400 + ","), "a sample of lead V6 that is no 32-bit number"),
        (lambda text: text[: len(text) // 2], "broken XML"),
    ],
)
def test_what_is_no_resting_12_lead_strip_is_refused_in_one_line(tmp_path, change, found):
    with pytest.raises(BadRecording) as refusal:
        read(_write(tmp_path, change(_document(_counts()))))
    line = str(refusal.value)
    assert line.startswith(f"ecg.xml: found {found}")
    assert "\n" not in line


def test_it_is_known_by_its_root_element(tmp_path):
    assert sniff(Path("any.name"), _document(_counts()).encode()[:4096])
    assert not sniff(Path("ecg.xml"), b'<?xml version="1.0"?><RestingECG>')


def _recording(**fields) -> Recording:
    signal = (0.7 * np.sin(np.arange(12)[:, None] + np.arange(5000) / 40)).astype(np.float32)
    return Recording(signal, LEADS, 500.0, "made up", **fields)


def test_what_is_written_is_read_back_to_half_a_step(tmp_path):
    fields = {"sex": "M", "device": "synthetic", "recorded_at": datetime(2016, 12, 1, 0, 59, 3), "statements": ("Sinus é 心",)}
    recording = _recording(age_years=64.0, intervals_ms={"qrs": 92.0, "pq": 160.0}, **fields)
    recording.signal_mv[4, 7:9] = np.nan
    write(tmp_path / "ecg.xml", recording)
    found = read(tmp_path / "ecg.xml")
    assert np.nanmax(np.abs(found.signal_mv - recording.signal_mv)) < 0.0025 + 1e-6
    assert (np.isnan(found.signal_mv) == np.isnan(recording.signal_mv)).all()
    assert {name: getattr(found, name) for name in fields} == fields
    assert (found.age_years, found.intervals_ms) == (64.0, {"qrs": 92.0, "pq": 160.0})


def test_nothing_is_made_up_where_a_recording_says_nothing(tmp_path):
    write(tmp_path / "ecg.xml", _recording())
    found = read(tmp_path / "ecg.xml")
    assert (found.age_years, found.sex, found.device, found.recorded_at) == (None, None, None, None)
    assert (found.statements, found.intervals_ms) == ((), {})


def test_a_voltage_that_the_format_cannot_hold_is_refused(tmp_path):
    recording = _recording()
    recording.signal_mv[0, 0] = 164.0
    with pytest.raises(ValueError, match=r"beyond 163\.8"):
        write(tmp_path / "ecg.xml", recording)
    assert not list(tmp_path.iterdir())


def _seed(folder):
    path = folder / "seed.xml"
    path.write_text(_document(_counts(500)))
    return path


test_a_damaged_document_is_read_or_refused = fuzz_test(_seed, read)


def test_the_real_file_is_read_and_obeys_einthoven(shared_data):
    recording = read(shared_data / "ecg" / "formats" / "cardiosoft_xml" / "ukbb_scrubbed.xml")
    assert recording.signal_mv.shape == (12, 5000)
    assert recording.intervals_ms == {"qrs": 76.0, "qt": 378.0, "qtc": 422.0, "rr": 804.0, "pp": 800.0}
    i, ii, iii, avr, avl, avf = recording.signal_mv[:6]
    np.testing.assert_allclose(ii, i + iii, atol=1e-6)
    for left, right in ((avr, -(i + ii) / 2), (avl, i - ii / 2), (avf, ii - i / 2)):
        assert np.abs(left - right).max() < 0.003
