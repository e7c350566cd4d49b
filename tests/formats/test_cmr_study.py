import pickle
from dataclasses import replace

import pytest
from cine_stacks import oblique_geometry, small_stack
from cmr_files import VISIT, pictures, series_per_slice, whole_stack, write_folder, write_zip

from cardiolens.errors import BadImage
from cardiolens.formats.cmr.study import CmrInput, list_studies, read_study
from cardiolens.formats.cmr_nifti import write


def _flat(series):
    return [frame for one in series for frame in one]


def test_zips_niftis_and_dicom_folders_are_listed_each_once(tmp_path):
    write_zip(tmp_path / "b.zip", pictures(whole_stack(phases=2, slices=1)))
    write(tmp_path / "a_sa.nii.gz", small_stack(), oblique_geometry(), masks_path=tmp_path / "a_label_sa.nii.gz")
    write(tmp_path / "deep.nii", small_stack(), oblique_geometry(), masks_path=tmp_path / "seg_deep.nii")
    for number, one in enumerate(series_per_slice()):
        write_folder(tmp_path / "john" / f"Se{number}", one)
    write_folder(tmp_path / "other", pictures(visit=replace(VISIT, patient_id="other")))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "x.txt").write_text("no picture")
    listed = list(list_studies([tmp_path]))
    assert [one.source for one in listed] == ["a_sa.nii.gz", "b.zip", "deep.nii", "john", "other"]
    assert len(listed[3].paths) == 5
    for one in listed:
        assert read_study(one).placed.cine.source == one.source


def test_masks_that_are_named_themselves_are_listed(tmp_path):
    path = tmp_path / "seg_sa.nii"
    assert list(list_studies([path])) == [CmrInput((path,), "seg_sa.nii")]


def test_a_folder_that_is_itself_an_examination_bears_its_own_name(tmp_path):
    folder = write_folder(tmp_path / "patient", pictures())
    (one,) = list_studies([folder])
    assert (one.paths, one.source) == ((folder,), "patient")


def test_two_examinations_with_folders_in_one_place_have_two_names(tmp_path):
    for patient in ("one", "two"):
        for number, series in enumerate(series_per_slice()[:2]):
            for frame in series:
                frame.StudyInstanceUID = f"1.2.{len(patient) + ord(patient[0])}"
            write_folder(tmp_path / f"{patient}{number}", series)
    names = [one.source for one in list_studies([tmp_path])]
    assert len(set(names)) == 2
    assert names[1] == "two0"


def test_numbers_of_participants_and_control_characters_are_not_shown(tmp_path):
    one = CmrInput((tmp_path / "x",), "7654321_20209_2_0\x1b.zip")
    assert "7654321" not in one.source
    assert "\x1b" not in one.source
    assert pickle.loads(pickle.dumps(one)) == one


def test_what_is_no_examination_is_listed_so_that_reading_says_why(tmp_path):
    (tmp_path / "x.txt").write_text("no picture")
    for path, reason in (
        (tmp_path, "found nothing|not DICOM"),
        (tmp_path / "absent", "cannot be read"),
        (tmp_path / "x.txt", "a file of another kind"),
    ):
        (one,) = list_studies([path])
        with pytest.raises(BadImage, match=reason) as refusal:
            read_study(one)
        assert refusal.value.source == one.source


def test_a_declared_spacing_reaches_a_file_that_lost_its_own(tmp_path):
    import nibabel
    import numpy as np

    path = tmp_path / "sa.nii"
    path.write_bytes(nibabel.Nifti1Image(np.ones((9, 8, 3), np.float32), np.eye(4)).to_bytes())
    (one,) = list_studies([path])
    with pytest.raises(BadImage, match="declare the spacing"):
        read_study(one)
    assert read_study(one, declared_spacing_mm=(10.0, 1.8, 1.5)).placed.cine.spacing_mm == (10.0, 1.8, 1.5)


def test_the_real_study_is_one(shared_data):
    (one,) = list_studies([shared_data / "cmr" / "dicom_study"])
    assert one.source == "Se1"
    assert read_study(one).placed.cine.frames.shape == (25, 1, 208, 256)
    assert len(list(list_studies([shared_data / "cmr" / "acdc_cine"]))) == 2


def test_one_picture_by_itself_is_refused_as_one(tmp_path):
    folder = write_folder(tmp_path / "a", pictures(whole_stack(phases=2, slices=1)))
    (one,) = list_studies([folder / "00000"])
    with pytest.raises(BadImage, match="1 single pictures"):
        read_study(one)
