"""Small DICOM ECGs for the tests, of made-up people, written by pydicom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, TwelveLeadECGWaveformStorage

from cardiolens.types import LEADS

TYPES = {"SB": "i1", "UB": "u1", "SS": "i2", "US": "u2", "SL": "i4", "UL": "u4"}
MDC_NUMBERS = dict(zip(LEADS, (1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8), strict=True))


def counts(num_leads: int = 12, num_samples: int = 500) -> np.ndarray:
    """(lead, time) whole numbers from 0 to 127 with a different wave in every lead, so that they fit all types."""
    time = np.arange(num_samples) / 500
    waves = [60 * np.sin(2 * np.pi * (1 + 0.1 * k) * time + k) + 63.5 for k in range(num_leads)]
    return np.round(waves).astype(int)


def code(value: str, meaning: str = "", scheme: str = "MDC") -> Dataset:
    """An item of a sequence of codes."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def channel(lead: str, *, sensitivity: str = "5", unit: str = "uV") -> Dataset:
    """The definition of a channel."""
    item = Dataset()
    item.ChannelSourceSequence = [code(f"2:{MDC_NUMBERS[lead]}", f"Lead {lead}")]
    item.ChannelSensitivity, item.ChannelSensitivityCorrectionFactor, item.ChannelBaseline = sensitivity, "1", "0"
    item.ChannelSensitivityUnitsSequence = [code(unit, scheme="UCUM")]
    item.ChannelSampleSkew = "0"
    item.WaveformBitsStored = 16
    return item


def group(samples: np.ndarray, leads: Sequence[str] = LEADS, *, kind: str = "SS", original: bool = True) -> Dataset:
    """A multiplex group, its samples little-endian until it is written."""
    item = Dataset()
    item.MultiplexGroupTimeOffset, item.SamplingFrequency = "0", "500"
    item.WaveformOriginality = "ORIGINAL" if original else "DERIVED"
    item.NumberOfWaveformChannels, item.NumberOfWaveformSamples = samples.shape
    item.MultiplexGroupLabel = "RHYTHM" if original else "MEDIAN BEAT"
    item.ChannelDefinitionSequence = [channel(lead) for lead in leads]
    item.WaveformSampleInterpretation = kind
    item.WaveformBitsAllocated = 8 * np.dtype(TYPES[kind]).itemsize
    item.WaveformData = samples.T.astype("<" + TYPES[kind]).tobytes()
    item["WaveformData"].VR = "OW"
    return item


def annotation(*, text: str = "", concept: Dataset | None = None, value: str = "", unit: str = "ms") -> Dataset:
    """Something said in words, or a measurement of the first group."""
    item = Dataset()
    item.ReferencedWaveformChannels, item.AnnotationGroupNumber = [1, 0], 1
    if text:
        item.UnformattedTextValue = text
    if concept is not None:
        item.ConceptNameCodeSequence, item.MeasurementUnitsCodeSequence = [concept], [code(unit, scheme="UCUM")]
    if value:
        item.NumericValue = value
    return item


def dataset(*groups: Dataset, annotations: Sequence[Dataset] = ()) -> Dataset:
    """An ECG of Jane Smith, born on 8 May 1953, number 7654321, with 12 leads and a median beat where none are given."""
    ecg = Dataset()
    ecg.SpecificCharacterSet = "ISO_IR 100"
    ecg.SOPClassUID, ecg.SOPInstanceUID = TwelveLeadECGWaveformStorage, "2.25.1"
    ecg.AcquisitionDateTime = "20150203090501.250000+0100"
    ecg.Modality, ecg.Manufacturer, ecg.ManufacturerModelName, ecg.SoftwareVersions = "ECG", "Maker", "Model 9", ["2.1", "3"]
    ecg.ReferringPhysicianName, ecg.OperatorsName = "JONES^DR", "NURSE"
    ecg.PatientName, ecg.PatientID, ecg.PatientBirthDate = "SMITH^JANE", "7654321", "19530508"
    ecg.PatientSex, ecg.PatientAge = "F", "061Y"
    ecg.WaveformAnnotationSequence = list(annotations)
    ecg.WaveformSequence = list(groups or (group(counts()), group(counts(num_samples=20), original=False)))
    return ecg


def write_dicom(
    path: Path, ecg: Dataset | None = None, *, syntax: UID = ExplicitVRLittleEndian, undefined: bool = False
) -> Path:
    """Write a data set, or the usual one; `undefined` leaves the lengths of its sequences open."""
    ecg = dataset() if ecg is None else ecg
    ecg.file_meta = FileMetaDataset()
    ecg.file_meta.MediaStorageSOPClassUID, ecg.file_meta.MediaStorageSOPInstanceUID = ecg.SOPClassUID, ecg.SOPInstanceUID
    ecg.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        for each in ecg.WaveformSequence:
            words = np.frombuffer(each.WaveformData, f"<u{each.WaveformBitsAllocated // 8}")
            each.WaveformData = words.astype(words.dtype.newbyteorder()).tobytes()
    if undefined:
        _leave_open(ecg)
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    ecg.save_as(path, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    return path


def _leave_open(items: Dataset) -> None:
    for element in items:
        if element.VR == "SQ":
            element.is_undefined_length = True
            for item in element.value:
                item.is_undefined_length_sequence_item = True
                _leave_open(item)
