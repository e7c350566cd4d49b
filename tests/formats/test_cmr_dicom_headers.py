import numpy as np
import pytest
from cmr_files import RR_MS, changed, pictures, whole_stack, write_folder
from numpy.testing import assert_allclose
from pydicom.uid import CTImageStorage, EnhancedMRImageStorage, MediaStorageDirectoryStorage, SecondaryCaptureImageStorage

from cardiolens.formats.cmr.dicom_headers import read_headers, study_of


def _headers(folder, change=lambda frame: None):
    frames = changed(pictures(whole_stack(phases=2, slices=1)), change)
    return read_headers(sorted(write_folder(folder / "study", frames).iterdir()))


def test_place_time_and_pixels_are_read(tmp_path):
    headers = _headers(tmp_path)
    first = min(headers.frames, key=lambda frame: frame.trigger_ms)
    assert first.position_mm == (-100.0, -50.5, 30.25)
    assert_allclose(np.dot(first.along_row, first.along_column), 0, atol=1e-12)
    assert (first.pixel_mm, first.thickness_mm, first.slice_spacing_mm) == ((1.8, 1.5), 8.0, 10.0)
    assert (first.pixels.rows, first.pixels.columns, first.pixels.bits_stored, first.pixels.signed) == (6, 9, 12, False)
    assert (first.trigger_ms, first.rr_ms, first.planned_phases, first.instance) == (0.0, RR_MS, 2, 1)
    assert first.kind == ("ORIGINAL", "PRIMARY", "M", "RETRO", "NORM")
    assert not headers.left_out


def test_a_heart_rate_stands_in_for_an_interval(tmp_path):
    def change(frame):
        del frame.NominalInterval
        frame.HeartRate = 75

    assert {frame.rr_ms for frame in _headers(tmp_path, change).frames} == {800.0}


@pytest.mark.parametrize(
    ("keyword", "value", "counted"),
    [
        ("Modality", "US", "files of modality US"),
        ("SOPClassUID", SecondaryCaptureImageStorage, "MR files that hold no plain picture"),
        ("SOPClassUID", EnhancedMRImageStorage, "Enhanced MR files, which hold several frames"),
        ("SOPClassUID", MediaStorageDirectoryStorage, "tables of contents (DICOMDIR)"),
        ("NumberOfFrames", 3, "MR files with several frames"),
        ("SamplesPerPixel", 3, "MR pictures in colour"),
        ("ImagePositionPatient", [1, 2], "MR pictures without place or pixel size"),
        ("ImageOrientationPatient", [1, 0, 0, 1, 0, 0], "MR pictures without place or pixel size"),
        ("PixelSpacing", [0, 1], "MR pictures without place or pixel size"),
        ("RescaleSlope", 0, "damaged files"),
        ("BitsAllocated", 12, "damaged files"),
        ("Rows", 0, "damaged files"),
    ],
)
def test_what_is_no_usable_picture_is_counted_by_what_it_is(tmp_path, keyword, value, counted):
    def change(frame):
        setattr(frame, keyword, value)
        if keyword == "SOPClassUID":
            frame.file_meta.MediaStorageSOPClassUID = value

    headers = _headers(tmp_path, change)
    assert not headers.frames
    assert headers.left_out == {counted: 2}


def test_a_modality_is_shown_cut_short_and_without_numbers_of_people(tmp_path):
    def change(frame):
        frame.SOPClassUID = frame.file_meta.MediaStorageSOPClassUID = CTImageStorage
        frame.Modality = "CT 1234567"

    (kind,) = _headers(tmp_path, change).left_out
    assert kind.startswith("files of modality CT id-")


def test_other_files_are_counted_and_a_picture_knows_its_study(tmp_path):
    frames = pictures(whole_stack(phases=2, slices=1))
    folder = write_folder(tmp_path / "study", frames)
    (folder / "text").write_text("no picture")
    (folder / "empty").touch()
    (folder / "broken").write_bytes((folder / "00000").read_bytes()[:400])
    headers = read_headers(folder.iterdir())
    assert headers.left_out == {"files that are not DICOM": 2, "damaged files": 1}
    assert study_of(folder / "00000") == frames[0].StudyInstanceUID
    assert study_of(folder / "text") is None
