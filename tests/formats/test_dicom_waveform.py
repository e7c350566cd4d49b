from pathlib import Path

import numpy as np
import pytest
from dicom_ecg_files import TYPES, code, counts, dataset, group, write_dicom
from pydicom import Dataset

from cardiolens.errors import BadRecording
from cardiolens.formats.dicom.elements import read_data_set, read_meta
from cardiolens.formats.dicom.waveform import SEQUENCES, VALUES, lead_group, num_samples
from cardiolens.formats.lead_groups import LeadGroup
from cardiolens.types import LEADS

WAVEFORMS = 0x54000100


def _read(folder: Path, item: Dataset) -> LeadGroup:
    path = write_dicom(folder / "ecg.dcm", dataset(item))
    root = read_data_set(path, read_meta(path), VALUES, {*SEQUENCES, WAVEFORMS})
    return lead_group(path, root.items(WAVEFORMS)[0])


@pytest.mark.parametrize("kind", TYPES)
def test_integers_of_every_kind_are_read(tmp_path, kind):
    samples = counts() - (64 if kind.startswith("S") else 0)
    np.testing.assert_allclose(_read(tmp_path, group(samples, kind=kind)).signal_mv, samples * 0.005, atol=1e-6)


def test_an_odd_number_of_bytes_is_padded(tmp_path):
    odd = group(counts(3, 501), LEADS[:3], kind="UB")
    assert _read(tmp_path, odd).signal_mv.shape == (3, 501)


def test_every_channel_has_its_own_scale_and_baseline(tmp_path):
    item = group(counts(2), LEADS[:2])
    first, second = item.ChannelDefinitionSequence
    first.ChannelSensitivityCorrectionFactor, first.ChannelBaseline = "1.1", "-200"
    second.ChannelSensitivity, second.ChannelSensitivityUnitsSequence = "0.01", [code("mV", scheme="UCUM")]
    del second.ChannelSensitivityCorrectionFactor, second.ChannelBaseline
    expected = np.stack([counts(2)[0] * 0.0055 - 0.2, counts(2)[1] * 0.01])
    np.testing.assert_allclose(_read(tmp_path, item).signal_mv, expected, atol=1e-6)


def test_padding_and_samples_beyond_the_limits_are_missing(tmp_path):
    samples = counts(2)
    samples[:, 7], samples[0, 9], samples[1, 11] = -32768, 2000, -2000
    item = group(samples, LEADS[:2])
    item.add_new(0x5400100A, "OW", np.int16(-32768).tobytes())
    for channel, lowest, highest in zip(item.ChannelDefinitionSequence, (-1000, 0), (1000, 0), strict=True):
        channel.add_new(0x54000110, "OW", np.int16(lowest).tobytes())
        channel.add_new(0x54000112, "OW", np.int16(highest).tobytes())
    missing = np.argwhere(np.isnan(_read(tmp_path, item).signal_mv)).tolist()
    assert missing == [[0, 7], [0, 9], [1, 7]]


@pytest.mark.parametrize(
    ("source", "label", "name"),
    [
        (code("5.6.3-9-62", "Lead aVR", "SCPECG"), "", "aVR"),
        (code("local", "Lead I (Einthoven)", "99X"), "", "I"),
        (None, "V5", "V5"),
        (code("2:11", "Lead V3R"), "", "Lead V3R"),
        (code("2:1", "Lead II"), "", "I or II"),
        (None, "", "without name"),
    ],
)
def test_a_lead_is_named_by_its_code_or_its_meaning_or_else_its_label(tmp_path, source, label, name):
    item = group(counts(1), LEADS[:1])
    channel = item.ChannelDefinitionSequence[0]
    channel.ChannelSourceSequence, channel.ChannelLabel = [source] if source else [], label
    assert _read(tmp_path, item).leads == (name,)


def test_a_channel_that_is_neither_lead_nor_voltage_is_left_out(tmp_path):
    item = group(counts(2), LEADS[:2])
    pressure = item.ChannelDefinitionSequence[1]
    pressure.ChannelSourceSequence = [code("109016", "Arterial pressure", "DCM")]
    pressure.ChannelSensitivityUnitsSequence = [code("mm[Hg]", scheme="UCUM")]
    found = _read(tmp_path, item)
    assert (found.leads, found.left_out) == (("I",), ("Arterial pressure",))


@pytest.mark.parametrize(("offset", "start"), [("0", "0 ms"), ("2500.0", "2500 ms"), ("", None)])
def test_the_start_is_the_offset_and_unknown_where_there_is_none(tmp_path, offset, start):
    item = group(counts(1), LEADS[:1])
    item.MultiplexGroupTimeOffset = offset or None
    assert _read(tmp_path, item).start == start


def _channel(**fields):
    def change(item):
        for name, value in fields.items():
            setattr(item.ChannelDefinitionSequence[1], name, value)

    return change


def _group(**fields):
    return lambda item: [setattr(item, name, value) for name, value in fields.items()]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (_channel(ChannelSensitivity=None), "lead II with a sensitivity of nothing in uV"),
        (_channel(ChannelSensitivity="0"), "lead II with a sensitivity of 0 in uV"),
        (_channel(ChannelSensitivity="1e300"), "lead II with a sensitivity of 1e300 in uV"),
        (_channel(ChannelSensitivityUnitsSequence=[]), "lead II with a sensitivity of 5 in no unit"),
        (_channel(ChannelSensitivityUnitsSequence=[code("mm[Hg]")]), "lead II with a sensitivity of 5 in mm[Hg]"),
        (_channel(ChannelSampleSkew="0.5"), "lead II sampled later than the others"),
        (_channel(ChannelTimeSkew="0.001"), "lead II sampled later than the others"),
        (_channel(ChannelOffset="-0.1"), "lead II sampled later than the others"),
        (_group(WaveformSampleInterpretation="MB"), "samples in mu-law"),
        (_group(WaveformSampleInterpretation="AB"), "samples in A-law"),
        (_group(WaveformSampleInterpretation="SL"), "samples of 16 bits, interpreted as SL"),
        (_group(WaveformBitsAllocated=None), "samples of no bits, interpreted as SS"),
        (_group(SamplingFrequency=None), "a sampling frequency that is missing"),
        (_group(SamplingFrequency="-500"), "a sampling frequency that is -500"),
        (_group(NumberOfWaveformSamples=501), "12000 bytes of samples; expected 12024 for 501 samples"),
        (_group(NumberOfWaveformSamples=499), "12000 bytes of samples"),
        (_group(NumberOfWaveformSamples=0), "12000 bytes of samples; expected 0"),
        (_group(NumberOfWaveformSamples=None), "12000 bytes of samples; expected 0"),
        (_group(NumberOfWaveformSamples=4_000_000_000), "4000000000 samples in each of 12 leads"),
        (_group(WaveformData=b""), "0 bytes of samples"),
        (_group(ChannelDefinitionSequence=[]), "0 channels defined"),
    ],
)
def test_what_has_no_scale_no_size_or_no_common_time_is_refused(tmp_path, change, found):
    item = group(counts())
    change(item)
    with pytest.raises(BadRecording) as refusal:
        _read(tmp_path, item)
    assert str(refusal.value).startswith(f"ecg.dcm: found {found}")


def test_the_declared_size_is_known_before_the_samples_are_read(tmp_path):
    path = write_dicom(tmp_path / "ecg.dcm", dataset(group(counts(3), LEADS[:3])))
    root = read_data_set(path, read_meta(path), VALUES, {*SEQUENCES, WAVEFORMS})
    assert num_samples(root.items(WAVEFORMS)[0]) == (3, 500)
