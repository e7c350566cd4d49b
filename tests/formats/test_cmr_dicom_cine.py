import warnings
from datetime import date

import numpy as np
import pytest
from cine_stacks import SPACING_MM, oblique_geometry
from cmr_files import (
    PHASES,
    RR_MS,
    changed,
    long_axis_geometry,
    pictures,
    series_per_slice,
    whole_stack,
    write_folder,
    write_zip,
)
from fuzzing import fuzz_test
from numpy.testing import assert_allclose

from cardiolens.errors import BadImage
from cardiolens.formats.cmr import dicom_cine
from cardiolens.formats.cmr.dicom_cine import read_dicom_cine
from cardiolens.imaging.stack_geometry import StackGeometry, one_slice

STEP = 700 / 4095


def _flat(series):
    return [frame for one in series for frame in one]


def _moved(frame, by_mm, axis):
    frame.ImagePositionPatient = [float(a + by_mm * b) for a, b in zip(frame.ImagePositionPatient, axis, strict=True)]


def test_one_series_of_all_slices_comes_back_as_it_was_written(tmp_path):
    cine = whole_stack()
    study = read_dicom_cine(write_folder(tmp_path / "study", pictures(cine)))
    read, geometry = study.placed.cine, study.placed.geometry
    assert read.frames.dtype == np.float32
    assert_allclose(read.frames, cine.frames, atol=STEP)
    assert_allclose(read.spacing_mm, SPACING_MM, atol=1e-6)
    assert_allclose(read.trigger_ms, cine.trigger_ms)
    assert_allclose(geometry.lps_affine(read.spacing_mm), oblique_geometry().lps_affine(SPACING_MM), atol=1e-5)
    assert study.rr_ms == RR_MS
    assert "nominal interval" in study.heart_rate_source
    assert (read.source, read.notes) == ("study", ())


def test_a_series_per_slice_in_a_zip_becomes_one_stack(tmp_path):
    cine = whole_stack()
    beside = {"manifest.cvs": b"filename,patientid\n", "README": b"x", "DICOMDIR": b"\0" * 128 + b"DICM"}
    study = read_dicom_cine(write_zip(tmp_path / "7654321_20209_2_0.zip", _flat(series_per_slice(cine)), beside))
    read = study.placed.cine
    assert_allclose(read.frames, cine.frames, atol=STEP)
    assert_allclose(read.trigger_ms, cine.trigger_ms)
    assert study.rr_ms == pytest.approx(RR_MS, abs=1)
    assert "7654321" not in read.source
    assert "2 files that are not DICOM" in read.notes[0]


def test_slices_run_to_the_apex_however_they_were_numbered(tmp_path):
    cine = whole_stack()
    upwards = oblique_geometry().moved(SPACING_MM, slices=4.0)
    reversed_stack = StackGeometry(
        upwards.origin_mm, upwards.along_row, upwards.along_column, tuple(-value for value in upwards.along_slices)
    )
    backwards = whole_stack()
    backwards.frames[:] = cine.frames[:, ::-1]
    study = read_dicom_cine(write_folder(tmp_path / "study", pictures(backwards, reversed_stack)))
    assert_allclose(study.placed.cine.frames, cine.frames, atol=STEP)
    assert_allclose(study.placed.geometry.along_slices, oblique_geometry().along_slices, atol=1e-6)


def test_a_single_slice_reads_and_says_what_stands_for_its_spacing(tmp_path):
    alone, place = one_slice(whole_stack(), oblique_geometry(), 2)
    for known in ("SpacingBetweenSlices", "SliceThickness", None):
        frames = changed(pictures(alone, place), lambda frame, known=known: _forget(frame, known))
        read = read_dicom_cine(write_folder(tmp_path / str(known), frames)).placed.cine
        assert read.frames.shape == (PHASES, 1, 6, 9)
        assert read.notes[-1].startswith("a single slice")
        wanted = {"SpacingBetweenSlices": 10.0, "SliceThickness": 8.0, None: np.nan}[known]
        np.testing.assert_equal(read.spacing_mm[0], wanted)


def _forget(frame, known):
    for keyword in {"SpacingBetweenSlices", "SliceThickness"} - ({known} if known == "SliceThickness" else set()):
        if known != "SpacingBetweenSlices":
            delattr(frame, keyword)


def test_slices_beside_one_another_are_moved_by_whole_pixels(tmp_path):
    cine = whole_stack()
    axis = np.array(oblique_geometry().along_row)
    series = series_per_slice(cine)
    # The field of view of slice 1 begins two columns further on: what it shows in column 0 belongs in column 2.
    changed(series[1], lambda frame: _moved(frame, 2.2 * SPACING_MM[2], axis))
    study = read_dicom_cine(write_folder(tmp_path / "study", _flat(series)))
    read = study.placed.cine
    assert_allclose(read.frames[:, 1, :, 2:], cine.frames[:, 1, :, :-2], atol=STEP)
    assert (read.frames[:, 1, :, :2] == 0).all()
    assert_allclose(read.frames[:, [0, 2, 3, 4]], cine.frames[:, [0, 2, 3, 4]], atol=STEP)
    assert_allclose(study.placed.geometry.origin_mm, oblique_geometry().origin_mm, atol=1e-4)
    assert "up to 2.2 pixels beside one another" in read.notes[-1]


def test_slices_far_beside_one_another_are_refused(tmp_path):
    series = series_per_slice()
    changed(series[1], lambda frame: _moved(frame, 7 * SPACING_MM[2], oblique_geometry().along_row))
    with pytest.raises(BadImage, match="7 pixels beside one another"):
        read_dicom_cine(write_folder(tmp_path / "study", _flat(series)))


def test_cut_off_and_damaged_files_are_left_out_and_their_slices_filled_up(tmp_path):
    cine = whole_stack()
    frames = pictures(cine)
    folder = write_folder(tmp_path / "study", frames[1:])
    whole = write_folder(tmp_path / "other", frames[:1]) / "00000"
    (folder / "cut").write_bytes(whole.read_bytes()[:-20])
    (folder / "broken").write_bytes(whole.read_bytes()[:300])
    read = read_dicom_cine(folder).placed.cine
    assert "1 pictures with damaged pixels" in read.notes[0]
    assert "1 damaged files" in read.notes[0]
    assert "slice 1 of 5 from the base has 7 of 8 phases" in read.notes[1]
    assert_allclose(read.frames[1:], cine.frames[1:], atol=STEP)
    # Phase 7 is as near to the first as phase 1 is: the end of the beat is next to its beginning.
    assert np.abs(read.frames[0, 0] - cine.frames[[1, 7], 0]).max(axis=(1, 2)).min() < STEP


def test_what_is_no_mr_is_refused_by_what_it_is(tmp_path):
    frames = changed(pictures(), lambda frame: setattr(frame, "Modality", "CT"))
    with pytest.raises(BadImage, match=r"study: found no MR cine; left out: 40 files of modality CT; expected a short-axis"):
        read_dicom_cine(write_folder(tmp_path / "study", frames))


def test_nothing_is_refused_as_nothing(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadImage, match="empty: found nothing"):
        read_dicom_cine(tmp_path / "empty")
    with pytest.raises(BadImage, match="cannot be read"):
        read_dicom_cine(tmp_path / "absent")


def test_a_bomb_among_the_members_is_named(tmp_path):
    with pytest.raises(BadImage, match=r"1 members could not be unpacked \(\d+ bytes that unpack to 3000000\)"):
        read_dicom_cine(write_zip(tmp_path / "a.zip", [], {"bomb": b"\0" * 3_000_000}))
    read = read_dicom_cine(write_zip(tmp_path / "b.zip", pictures(), {"bomb": b"\0" * 3_000_000})).placed.cine
    assert "1 members of the archive were not unpacked" in read.notes[-1]


def test_a_stack_of_too_many_values_is_refused_before_memory_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(dicom_cine, "MOST_VALUES", 8 * 5 * 6 * 9 - 1)
    with pytest.raises(BadImage, match="a stack of 8 x 5 x 6 x 9 values"):
        read_dicom_cine(write_folder(tmp_path / "study", pictures()))


def test_no_value_of_the_patient_is_shown_and_no_warning_raised(tmp_path):
    secret = "SMITH^JANE"
    frames = changed(pictures(), lambda frame: setattr(frame, "PatientName", secret))
    changed(frames, lambda frame: setattr(frame, "SeriesDescription", f"sax {secret}"))
    for frame in frames:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame.add_new(0x00101010, "AS", f"{secret} is 61 years")
            frame.add_new(0x00181062, "IS", "860")
    others = pictures(whole_stack(slices=1), long_axis_geometry(), number=9, description=secret)
    study = read_dicom_cine(write_folder(tmp_path / "study", frames + others))
    assert secret not in repr(study.placed.cine.notes)
    assert study.rr_ms == 860


def test_the_real_scan_reads(shared_data):
    study = read_dicom_cine(shared_data / "cmr" / "dicom_study")
    cine = study.placed.cine
    assert cine.frames.shape == (25, 1, 208, 256)
    assert_allclose(np.diff(cine.trigger_ms), 34.4, atol=1e-3)
    assert cine.spacing_mm == (6.0, 1.40625, 1.40625)
    assert study.rr_ms == 860
    assert cine.frames.max() == 1494


def _small_zip(folder):
    return write_zip(folder / "a.zip", pictures(whole_stack(phases=2, slices=1)), {"manifest.csv": b"filename\n"})


def _small_folder(folder):
    return write_folder(folder / "study", pictures(whole_stack(phases=2, slices=1)))


test_a_damaged_zip_is_read_or_refused = fuzz_test(_small_zip, read_dicom_cine)
test_a_damaged_picture_in_a_folder_is_left_out_or_refused = fuzz_test(_small_folder, read_dicom_cine, damaged="study/00001")


def test_the_day_is_the_acquisitions_or_else_the_studys_or_unknown(tmp_path):
    def without_acquisition(frame):
        frame.AcquisitionDate, frame.StudyDate = "", "20190403"

    def without_any(frame):
        frame.AcquisitionDate = frame.StudyDate = ""

    frames = pictures(whole_stack())
    told = read_dicom_cine(write_folder(tmp_path / "told", frames)).taken_on
    assert f"{told:%Y%m%d}" == frames[0].AcquisitionDate
    again = read_dicom_cine(write_folder(tmp_path / "again", changed(pictures(whole_stack()), without_acquisition)))
    assert again.taken_on == date(2019, 4, 3)
    assert read_dicom_cine(write_folder(tmp_path / "none", changed(pictures(whole_stack()), without_any))).taken_on is None
