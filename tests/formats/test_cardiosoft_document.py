from dataclasses import replace
from datetime import date, datetime
from xml.etree.ElementTree import Element

import numpy as np
import pytest
from defusedxml.ElementTree import fromstring, parse

from cardiolens.formats.cardiosoft_document import ENCODING, Patient, document
from cardiolens.signals.heart_beats import find_beats, median_beat
from cardiolens.signals.leads import standard_leads
from cardiolens.synthetic.generator import make_subject
from cardiolens.types import LEADS, Recording


@pytest.fixture(scope="module")
def recording() -> Recording:
    """Measured on eight channels in whole counts, as the device does."""
    made = make_subject(seed=3, index=1, with_mri=False).recording
    rows = [row for row, lead in enumerate(LEADS) if lead in {"I", "II"} or lead.startswith("V")]
    counted = (np.round(made.signal_mv[rows] * 200) / 200).astype(np.float32)
    made = standard_leads(replace(made, signal_mv=counted, leads=tuple(LEADS[row] for row in rows)))
    intervals = {"rr": 800.4, "qrs": 91.6}
    return replace(made, recorded_at=datetime(2016, 2, 3, 9, 5, 1), statements=("ST < 0.1 mV & more",), intervals_ms=intervals)


@pytest.fixture(scope="module")
def root(recording) -> Element:
    patient = Patient(number="made up", born=date(1950, 7, 9), height_cm=171.6, weight_kg=80.04, comment="synthetic")
    return fromstring(document(recording, median_beat(recording.signal_mv), patient).encode(ENCODING))


def _counts(waveform: Element) -> np.ndarray:
    return np.array([int(cell) for cell in waveform.text.split(",")])


def test_medians_come_first_and_the_strip_second_each_with_its_leads(root):
    waveforms = root.findall(".//WaveformData")
    assert [waveform.get("lead") for waveform in waveforms] == [*LEADS, *LEADS]
    assert [len(_counts(waveform)) for waveform in waveforms] == [600] * 12 + [5000] * 12


def test_einthovens_relation_holds_in_whole_counts_and_the_augmented_leads_to_half_a_count(root):
    i, ii, iii, avr, avl, avf = (_counts(waveform) for waveform in root.findall("StripData/WaveformData")[:6])
    assert (ii == i + iii).all()
    for left, right in ((avr, -(i + ii) / 2), (avl, i - ii / 2), (avf, ii - i / 2)):
        assert np.abs(left - right).max() <= 0.5


def test_the_median_is_in_counts_and_zero_after_its_last_valid_sample(root, recording):
    samples = root.find("RestingECGMeasurements/MedianSamples")
    last = int(samples.findtext("LastValid"))
    stored = np.stack([_counts(waveform) for waveform in samples.findall("WaveformData")])
    median = median_beat(recording.signal_mv)
    assert last + 1 == median.shape[1]
    assert np.abs(stored[:, : last + 1] * 0.005 - median).max() <= 0.0025 + 1e-9
    assert not stored[:, last + 1 :].any()


def test_the_full_disclosure_holds_seconds_and_within_them_lead_after_lead(root):
    text = root.find("FullDisclosure/FullDisclosureData").text
    blocks = np.array([int(cell) for cell in text.strip().removesuffix(",").split(",")]).reshape(10, 12, 500)
    strip = np.stack([_counts(waveform) for waveform in root.findall("StripData/WaveformData")])
    assert (blocks.transpose(1, 0, 2).reshape(12, 5000) == strip).all()
    assert root.findtext("FullDisclosure/FullDisclosureData/SampleCountTotal") == "60000"


def test_what_was_not_measured_is_empty_and_not_zero(root):
    measured = root.find("RestingECGMeasurements")
    found = {tag: measured.findtext(tag) for tag in ("VentricularRate", "QRSDuration", "PQInterval", "PDuration")}
    assert found == {"VentricularRate": "75", "QRSDuration": "92", "PQInterval": "", "PDuration": ""}
    assert measured.find("QRSDuration").get("units") == "ms"


def test_every_beat_is_listed_with_its_time(root, recording):
    times = [int(time.text) for time in root.findall("StripData/ArrhythmiaResults/Time")]
    assert times == (2 * find_beats(recording.signal_mv)).tolist()
    assert int(root.findtext("RestingECGMeasurements/QRSNum")) == len(times)


def test_table_cells_are_twelve_and_noise_is_no_wave(root):
    table = root.find("RestingECGMeasurements/MeasurementTable")
    for tag in ("LeadOrder", "QAmplitude", "RAmplitude", "SAmplitude", "TAmplitude"):
        cells = table.findtext(tag).split(", ")
        assert len(cells) == 12
        assert tag == "LeadOrder" or all(not cell or abs(int(cell)) >= 20 for cell in cells)


def test_person_and_comment_stand_in_their_fields(root):
    found = [root.findtext(f"PatientInfo/{tag}") for tag in ("PID", "Height", "Weight", "Gender", "BirthDateTime/Year")]
    sex = {"F": "FEMALE", "M": "MALE"}[make_subject(seed=3, index=1, with_mri=False).recording.sex]
    assert found == ["made up", "172", "80.0", sex, "1950"]
    assert root.findtext("ClinicalInfo/ObservationComment") == "synthetic"
    assert root.findtext("ClinicalInfo/DeviceInfo/Desc") == "synthetic"
    assert root.findtext("Interpretation/Diagnosis/DiagnosisText") == "ST < 0.1 mV & more"


def test_a_median_of_leads_in_another_order_is_refused(recording):
    turned = replace(recording, leads=LEADS[::-1])
    with pytest.raises(ValueError, match="usual order"):
        document(turned, median_beat(recording.signal_mv), Patient())


def _paths(element: Element, above: str = "") -> list[str]:
    here = f"{above}/{element.tag}"
    units = element.get("units")
    return [here + (f" in {units}" if units else "")] + [path for child in element for path in _paths(child, here)]


def test_blocks_stand_in_the_order_of_the_real_file_with_its_names_and_units(root, shared_data):
    real = list(dict.fromkeys(_paths(parse(shared_data / "ecg/formats/cardiosoft_xml/ukbb_scrubbed.xml").getroot())))
    ours = list(dict.fromkeys(_paths(root)))
    assert set(ours) <= set(real)
    places = [real.index(path) for path in ours]
    assert places == sorted(places)


def test_lines_are_broken_where_the_device_breaks_them(root, shared_data):
    real = parse(shared_data / "ecg/formats/cardiosoft_xml/ukbb_scrubbed.xml").getroot()

    def per_line(strip: Element) -> list[int]:
        return [line.strip("\t,").count(",") + 1 for line in strip.find("WaveformData").text.split("\n")]

    assert per_line(root.find("StripData")) == per_line(real.find("StripData"))
