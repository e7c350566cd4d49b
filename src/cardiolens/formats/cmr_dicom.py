"""Cine MRI as DICOM: one file per frame, as a scanner sends them.

Unique identifiers follow from a key and the place of a frame in the examination, so the same examination gets the same
ones again. Files are named by theirs, as in UK Biobank, so names say nothing about order.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt16

from cardiolens.atomic import write_atomically
from cardiolens.imaging.stack_geometry import StackGeometry
from cardiolens.types import CineStack

if TYPE_CHECKING:
    from pydicom import Dataset

_LARGEST_STORED = 4095
_BITS_STORED = 12


@dataclass(frozen=True)
class Examination:
    """What every file of one visit to the scanner says."""

    patient_id: str
    taken_at: datetime
    uid_key: bytes
    """Unique identifiers are keyed hashes under it."""
    sex: str | None = None
    """ "F", "M" or unknown."""
    age_years: float | None = None
    height_cm: float | None = None
    weight_kg: float | None = None
    manufacturer: str = "cardiolens"
    model: str = "synthetic"
    comment: str = ""


@dataclass(frozen=True)
class Series:
    """One series: a stack of one or more slices in one acquisition."""

    cine: CineStack
    geometry: StackGeometry
    description: str
    number: int
    thickness_mm: float
    """Of the excited slice; the spacing of the stack includes the gap."""
    rr_ms: float
    """The heart beat during this series."""
    planned_phases: int
    """Frames per slice that were asked for; more than the stack holds where the scan was broken off."""


@dataclass(frozen=True)
class DicomFile:
    """One frame, encoded."""

    name: str
    content: bytes
    series_uid: str
    description: str


def write(folder: Path, series: Iterable[Series], examination: Examination) -> None:
    """Write every frame of an examination into one flat folder, which is made where it is absent.

    Raises:
        NoSpace: the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for one in series:
        for file in dicom_files(one, examination):
            write_atomically(folder / file.name, file.content)


def dicom_files(series: Series, examination: Examination) -> Iterator[DicomFile]:
    """The frames of a series, slice by slice in order of time.

    Values are stored in 12 bits with one scale for the series: the error is at most half of 1/4095 of the largest.

    Raises:
        ValueError: a value is negative or not finite.
    """
    stored, slope = _stored(series.cine)
    shared = _shared_header(series, examination, slope)
    num_phases, num_slices = stored.shape[:2]
    for index in range(num_slices):
        for phase in range(num_phases):
            frame = _frame(series, examination, shared, stored[phase, index], index=index, phase=phase)
            yield DicomFile(f"{frame.SOPInstanceUID}.dcm", _encoded(frame), frame.SeriesInstanceUID, series.description)


def unique_identifier(key: bytes, *names: object) -> str:
    """A DICOM UID under the root 2.25, which is that of UUIDs: no registration, no meaning, no collision."""
    digest = hmac.new(key, "/".join(map(str, names)).encode(), hashlib.sha256).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=4).int}"


def _stored(cine: CineStack) -> tuple[UInt16[np.ndarray, "phase slice height width"], float]:
    if not (np.isfinite(cine.frames).all() and cine.frames.min() >= 0):
        raise ValueError(f"{cine.source}: a magnitude picture has no negative, infinite or missing values")
    # Rounded to what the header can say, so that a reader multiplies by the very number used here.
    slope = float(_decimal(max(float(cine.frames.max()), 1e-6) / _LARGEST_STORED))
    return np.minimum(np.round(cine.frames / np.float32(slope)), _LARGEST_STORED).astype(np.uint16), slope


def _shared_header(series: Series, examination: Examination, slope: float) -> Dataset:
    from pydicom import Dataset
    from pydicom.uid import MRImageStorage

    slice_mm, row_mm, column_mm = series.cine.spacing_mm
    # Series follow one another by half a minute, so that a repeated one is the later one.
    began = examination.taken_at + timedelta(seconds=30 * series.number)
    key = (examination.patient_id, examination.taken_at.isoformat())
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 100"
    header.ImageType = ["ORIGINAL", "PRIMARY", "M", "RETRO", "NORM"]
    header.SOPClassUID = MRImageStorage
    header.StudyDate = header.SeriesDate = header.AcquisitionDate = header.ContentDate = f"{began:%Y%m%d}"
    header.StudyTime = f"{examination.taken_at:%H%M%S}"
    header.SeriesTime = header.AcquisitionTime = header.ContentTime = f"{began:%H%M%S}"
    header.AccessionNumber = header.ReferringPhysicianName = header.StudyID = ""
    header.Modality = "MR"
    header.Manufacturer, header.ManufacturerModelName = examination.manufacturer, examination.model
    header.StudyDescription = "Cardiac MRI"
    header.SeriesDescription = header.ProtocolName = series.description
    header.PatientName = header.PatientID = examination.patient_id
    header.PatientBirthDate, header.PatientSex = "", examination.sex or ""
    header.PatientAge = "" if examination.age_years is None else f"{int(examination.age_years):03d}Y"
    header.PatientSize = None if examination.height_cm is None else _decimal(examination.height_cm / 100)
    header.PatientWeight = None if examination.weight_kg is None else _decimal(examination.weight_kg)
    header.PatientPosition = "HFS"
    header.BodyPartExamined = "HEART"
    header.ScanningSequence, header.SequenceVariant, header.ScanOptions = "GR", "SK", "CG"
    header.MRAcquisitionType, header.EchoTrainLength = "2D", 1
    header.RepetitionTime, header.EchoTime, header.FlipAngle, header.MagneticFieldStrength = "2.6", "1.1", "80", "1.5"
    header.SliceThickness, header.SpacingBetweenSlices = _decimal(series.thickness_mm), _decimal(slice_mm)
    header.NominalInterval = round(series.rr_ms)
    header.CardiacNumberOfImages = series.planned_phases
    header.StudyInstanceUID = unique_identifier(examination.uid_key, "study", *key)
    header.SeriesInstanceUID = unique_identifier(examination.uid_key, "series", *key, series.number)
    header.FrameOfReferenceUID = unique_identifier(examination.uid_key, "frame of reference", *key)
    header.PositionReferenceIndicator = ""
    header.SeriesNumber = series.number
    header.AcquisitionNumber = 1
    directions = (*series.geometry.along_row, *series.geometry.along_column)
    header.ImageOrientationPatient = [_decimal(value) for value in directions]
    header.PixelSpacing = [_decimal(row_mm), _decimal(column_mm)]
    header.ImageComments = examination.comment
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.Rows, header.Columns = series.cine.frames.shape[2:]
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, _BITS_STORED, _BITS_STORED - 1, 0
    header.RescaleIntercept, header.RescaleSlope, header.RescaleType = "0", _decimal(slope), "US"
    header.WindowCenter, header.WindowWidth = _decimal(slope * 1200), _decimal(slope * 2400)
    return header


def _frame(
    series: Series, examination: Examination, shared: Dataset, pixels: UInt16[np.ndarray, "height width"], *, index: int,
    phase: int,
) -> Dataset:  # fmt: skip
    from pydicom import Dataset

    header = Dataset()
    header.update(shared)
    place = (series.number, index, phase)
    header.SOPInstanceUID = unique_identifier(
        examination.uid_key, "frame", examination.patient_id, examination.taken_at.isoformat(), *place
    )
    origin = np.array(series.geometry.moved(series.cine.spacing_mm, slices=float(index)).origin_mm)
    header.TriggerTime = _decimal(float(series.cine.trigger_ms[phase]))
    header.InstanceNumber = index * len(series.cine.frames) + phase + 1
    header.ImagePositionPatient = [_decimal(value) for value in origin.tolist()]
    header.SliceLocation = _decimal(_along_normal(origin, series.geometry))
    header.SmallestImagePixelValue, header.LargestImagePixelValue = int(pixels.min()), int(pixels.max())
    header.PixelData = pixels.astype("<u2").tobytes()
    return header


def _along_normal(origin: Float[np.ndarray, " 3"], geometry: StackGeometry) -> float:
    return float(origin @ np.cross(geometry.along_row, geometry.along_column))


def _encoded(frame: Dataset) -> bytes:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    frame.file_meta = FileMetaDataset()
    frame.file_meta.MediaStorageSOPClassUID = frame.SOPClassUID
    frame.file_meta.MediaStorageSOPInstanceUID = frame.SOPInstanceUID
    frame.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    stream = io.BytesIO()
    frame.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _decimal(value: float) -> str:
    """A decimal string of at most 16 characters, as DICOM allows, with all the digits that fit."""
    from pydicom.valuerep import format_number_as_ds

    return format_number_as_ds(float(value))
