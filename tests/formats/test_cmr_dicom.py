import io
from dataclasses import replace
from datetime import datetime

import numpy as np
import pydicom
import pytest
from cine_stacks import SPACING_MM, oblique_geometry, small_stack
from numpy.testing import assert_allclose

from cardiolens.formats.cmr_dicom import Examination, Series, dicom_files, unique_identifier, write

VISIT = Examination("made up", datetime(2016, 5, 4, 9, 30, 0), uid_key=b"key", sex="F", age_years=61.7, weight_kg=70.25)


def _series(**changes) -> Series:
    whole = Series(
        small_stack(), oblique_geometry(), "CINE_segmented_SAX_b1", number=3, thickness_mm=8.0, rr_ms=950.4, planned_phases=4
    )
    return replace(whole, **changes)


def _read(series: Series, visit: Examination = VISIT) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(io.BytesIO(file.content)) for file in dicom_files(series, visit)]


def test_every_pixel_lies_where_the_geometry_says_by_the_standards_own_formula():
    series = _series()
    affine = series.geometry.lps_affine(SPACING_MM)
    for frame, index in zip(_read(series), np.repeat(np.arange(3), 4), strict=True):
        row_direction, column_direction = np.reshape(frame.ImageOrientationPatient, (2, 3)).astype(float)
        between_rows, between_columns = map(float, frame.PixelSpacing)
        for row, column in ((0, 0), (5, 0), (2, 8)):
            place = (
                np.array(frame.ImagePositionPatient, float)
                + row_direction * between_columns * column
                + column_direction * between_rows * row
            )
            assert_allclose(place, (affine @ [column, row, index, 1])[:3], atol=1e-6)


def test_slices_are_apart_by_their_spacing_and_not_by_their_thickness():
    frames = _read(_series())[::4]
    steps = np.diff([np.array(frame.ImagePositionPatient, float) for frame in frames], axis=0)
    assert_allclose(np.linalg.norm(steps, axis=1), 10.0)
    assert_allclose(np.diff([float(frame.SliceLocation) for frame in frames]), -10.0, atol=1e-6)
    assert {(float(f.SliceThickness), float(f.SpacingBetweenSlices)) for f in frames} == {(8.0, 10.0)}


def test_values_come_back_within_half_a_stored_step():
    series = _series()
    frames = _read(series)
    slope = float(frames[0].RescaleSlope)
    assert slope < 0.18
    for frame, wanted in zip(frames, series.cine.frames.swapaxes(0, 1).reshape(12, 6, 9), strict=True):
        assert_allclose(frame.pixel_array * float(frame.RescaleSlope), wanted, atol=0.5001 * slope)
        assert frame.pixel_array.max() <= 4095


def test_time_runs_by_trigger_and_instance_number_and_not_by_name():
    files = list(dicom_files(_series(), VISIT))
    assert [file.name for file in files] != sorted(file.name for file in files)
    frames = _read(_series())
    assert [float(frame.TriggerTime) for frame in frames] == [0.0, 21.5, 43.0, 64.5] * 3
    assert [int(frame.InstanceNumber) for frame in frames] == list(range(1, 13))
    assert {(int(f.NominalInterval), int(f.CardiacNumberOfImages), int(f.SeriesNumber)) for f in frames} == {(950, 4, 3)}


def test_the_header_is_that_of_an_mr_image_of_nobody():
    frame = _read(_series())[0]
    assert frame.SOPClassUID == frame.file_meta.MediaStorageSOPClassUID == pydicom.uid.MRImageStorage
    assert frame.SOPInstanceUID == frame.file_meta.MediaStorageSOPInstanceUID
    assert (frame.PatientID, frame.PatientName, frame.PatientSex, frame.PatientAge) == ("made up", "made up", "F", "061Y")
    assert (frame.Manufacturer, frame.ManufacturerModelName) == ("cardiolens", "synthetic")
    assert frame.PatientBirthDate == ""
    assert frame.SeriesDescription == "CINE_segmented_SAX_b1"


def test_identifiers_are_valid_unique_and_the_same_again():
    frames = _read(_series())
    uids = [frame.SOPInstanceUID for frame in frames]
    assert len(set(uids)) == 12
    assert all(uid.is_valid and uid.startswith("2.25.") for uid in (*uids, frames[0].SeriesInstanceUID))
    assert [file.content for file in dicom_files(_series(), VISIT)] == [file.content for file in dicom_files(_series(), VISIT)]
    later = _read(_series(), replace(VISIT, taken_at=datetime(2019, 5, 4, 9, 30, 0)))
    assert not set(uids) & {frame.SOPInstanceUID for frame in later}
    assert unique_identifier(b"one", "a") != unique_identifier(b"two", "a")
    assert {frame.StudyInstanceUID for frame in _read(_series(number=4))} == {frames[0].StudyInstanceUID}
    assert {frame.SeriesInstanceUID for frame in _read(_series(number=4))} != {frames[0].SeriesInstanceUID}


def test_a_folder_holds_every_frame_of_every_series(tmp_path):
    write(tmp_path / "new" / "folder", [_series(), _series(number=4)], VISIT)
    read = [pydicom.dcmread(path) for path in (tmp_path / "new" / "folder").iterdir()]
    assert sorted(int(frame.SeriesNumber) for frame in read) == [3] * 12 + [4] * 12
    assert {f"{frame.SOPInstanceUID}.dcm" for frame in read} == {p.name for p in (tmp_path / "new" / "folder").iterdir()}


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_what_is_no_magnitude_picture_is_refused(bad):
    cine = small_stack()
    cine.frames[1, 1, 1, 1] = bad
    with pytest.raises(ValueError, match="magnitude"):
        next(dicom_files(_series(cine=cine), VISIT))


def test_the_real_scanners_header_has_what_ours_has(shared_data):
    real = pydicom.dcmread(next((shared_data / "cmr" / "dicom_study" / "Se1").iterdir()), stop_before_pixels=True)
    # Siemens leaves out the spacing between slices of a single one, and the magnitude's unit.
    ours = {element.keyword for element in _read(_series())[0]} - {"PixelData", "SpacingBetweenSlices", "RescaleType"}
    assert ours <= {element.keyword for element in real}
