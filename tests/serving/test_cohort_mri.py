"""One examination as a cohort takes it: by masks, by the segmenter, from a zip, a NIfTI file or folders of series."""

import json
import pickle
import zipfile
from dataclasses import replace

import nibabel
import numpy as np
import pytest

from cardiolens.bundles.segmenter_files import shipped_segmenter_path
from cardiolens.cohorts.file_rows import MriParts
from cardiolens.cohorts.phenotype_sources import OWN_WITH_STRAIN, OWN_WITHOUT_STRAIN
from cardiolens.cohorts.release.folder import ReleaseConfig
from cardiolens.cohorts.release.subject import Layout, write_subject
from cardiolens.errors import BadImage
from cardiolens.formats.cmr.label_map import NAMED
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.imaging.segmented import Agreement
from cardiolens.serving import cohort_mri
from cardiolens.serving.cohort_mri import CohortMri
from cardiolens.synthetic.generator import SyntheticConfig

RIGHT = [column for column in PHENOTYPE_COLUMNS if column.startswith("rv")]


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """One synthetic visit as a zip of DICOM files and as NIfTI with its masks."""
    config = ReleaseConfig(
        mri_share=1.0, ecg_share=1.0, repeat_share=0.0, odd_scan_share=0.0, num_phases=10, most_slices=6, nifti=True,
        generator=SyntheticConfig(frame_pixels=96),
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("release")
    write_subject(folder, seed=5, index=0, layout=Layout.FLAT, config=config)
    return folder


@pytest.fixture(scope="module")
def scan(release):
    (path,) = release.rglob("*_20209_*.zip")
    return path


@pytest.fixture(scope="module")
def masks(release):
    (path,) = release.rglob("*label*.nii.gz")
    return path


@pytest.fixture(scope="module")
def pictures(release, masks):
    (path,) = (path for path in release.rglob("*.nii.gz") if path != masks)
    return path


BY_MASKS = CohortMri(shipped_segmenter_path(), NAMED["ukbb"])


@pytest.fixture(scope="module")
def by_masks(scan, masks) -> MriParts:
    return BY_MASKS(scan, masks)


def _finite(parts: MriParts) -> set[str]:
    return {column for column, value in parts.phenotypes.items() if np.isfinite(value)}


def test_masks_give_a_picture_and_every_phenotype_that_is_promised(by_masks):
    assert (by_masks.picture.shape, by_masks.picture.dtype) == ((3, 210, 210), np.uint8)
    assert by_masks.picture.std(axis=(1, 2)).min() > 10
    assert (by_masks.picture[0] != by_masks.picture[2]).any()
    assert set(by_masks.phenotypes) == set(PHENOTYPE_COLUMNS)
    assert _finite(by_masks) == set(OWN_WITHOUT_STRAIN) == set(BY_MASKS.measures)
    assert by_masks.phenotypes["lvesv_ml"] < by_masks.phenotypes["lvedv_ml"]


def test_volumes_and_cine_are_kept_only_where_they_are_asked_for(by_masks, scan, masks):
    assert (by_masks.volumes, by_masks.cine) == (None, None)
    both = replace(BY_MASKS, volumes=True, cine=True)(scan, masks)
    assert both.volumes.dtype == both.cine.dtype == np.uint8
    assert both.volumes.shape[0] == 2
    assert both.volumes.ndim == 4
    assert both.cine.ndim == 3
    assert (both.picture == by_masks.picture).all()
    one = replace(BY_MASKS, cine=True)(scan, masks)
    assert one.volumes is None
    assert (one.cine == both.cine).all()


def test_strain_is_measured_where_it_is_asked_for(scan, masks, by_masks):
    with_strain = replace(BY_MASKS, strain=True)
    assert with_strain.measures == OWN_WITH_STRAIN
    measured = with_strain(scan, masks)
    assert _finite(measured) > _finite(by_masks)
    assert measured.phenotypes["ecc_global_percent"] < 0 < measured.phenotypes["err_global_percent"]


def test_nifti_gives_what_dicom_gives(pictures, masks, by_masks):
    parts = BY_MASKS(pictures, masks)
    assert parts.phenotypes["lvedv_ml"] == pytest.approx(by_masks.phenotypes["lvedv_ml"], rel=0.01)
    assert np.abs(parts.picture.astype(int) - by_masks.picture).mean() < 2


def test_masks_of_both_ends_of_systole_alone_are_enough_for_volumes(tmp_path, pictures, masks, by_masks):
    whole = nibabel.load(masks)
    labels = np.asarray(whole.dataobj).copy()
    sizes = (labels == 1).sum(axis=(0, 1, 2))
    kept = [int(sizes.argmax()), int(sizes.argmin())]
    labels[..., [phase for phase in range(labels.shape[3]) if phase not in kept]] = 0
    nibabel.save(nibabel.Nifti1Image(labels, whole.affine, whole.header), tmp_path / "ends.nii.gz")
    parts = BY_MASKS(pictures, tmp_path / "ends.nii.gz")
    for column in ("lvedv_ml", "lvesv_ml", "lvm_g"):
        assert parts.phenotypes[column] == pytest.approx(by_masks.phenotypes[column], rel=0.05)
    assert parts.picture.shape == (3, 210, 210)


def test_the_shipped_segmenter_labels_what_has_no_masks(scan, by_masks):
    parts = CohortMri(shipped_segmenter_path())(scan, None)
    assert parts.phenotypes["lvedv_ml"] == pytest.approx(by_masks.phenotypes["lvedv_ml"], rel=0.2)
    assert parts.picture.shape == by_masks.picture.shape
    assert set(OWN_WITHOUT_STRAIN) - _finite(parts) <= set(RIGHT)


def test_it_travels_by_pickle_and_does_the_same(scan, masks, by_masks):
    reader = replace(BY_MASKS, volumes=True)
    again = pickle.loads(pickle.dumps(reader))
    assert again == reader
    parts = again(scan, masks)
    assert (parts.picture == by_masks.picture).all()
    np.testing.assert_equal(parts.phenotypes, by_masks.phenotypes)


def _segmented_with(monkeypatch, masks, **agreement):
    def label(study, _):
        segmented, named = cohort_mri.label_by_masks(study, masks, NAMED["ukbb"])
        return replace(segmented, agreement={0: Agreement(**({"lv": 0.98, "myocardium": 0.95, "rv": 0.95} | agreement))}), named

    monkeypatch.setattr(cohort_mri, "label_by_segmenter", label)
    monkeypatch.setattr(cohort_mri, "_segmenter", lambda _: None)
    return CohortMri(shipped_segmenter_path())


def test_an_examination_that_is_labelled_without_confidence_is_refused(monkeypatch, scan, masks):
    reader = _segmented_with(monkeypatch, masks, myocardium=0.5)
    with pytest.raises(BadImage, match=r"passes agree on the left ventricle by 0\.50 only, 0\.85 is needed.*give masks"):
        reader(scan, None)


def test_an_uncertain_right_ventricle_costs_its_own_values_alone(monkeypatch, scan, masks, by_masks):
    parts = _segmented_with(monkeypatch, masks, rv=0.5)(scan, None)
    assert _finite(by_masks) - _finite(parts) == set(RIGHT)
    assert (parts.picture == by_masks.picture).all()


def test_masks_are_never_taken_without_the_meaning_of_their_numbers(monkeypatch, scan, masks):
    monkeypatch.setattr(cohort_mri, "label_by_segmenter", None)
    with pytest.raises(BadImage, match="found masks without a label map"):
        CohortMri(shipped_segmenter_path())(scan, masks)


def test_masks_under_the_wrong_map_are_refused(scan, masks):
    with pytest.raises(BadImage):
        replace(BY_MASKS, label_map=NAMED["acdc"])(scan, masks)


@pytest.fixture
def in_folders(tmp_path, scan):
    """The same examination with a folder for each series."""
    with zipfile.ZipFile(scan) as archive:
        archive.extractall(tmp_path / "flat")
    import pydicom

    for file in (tmp_path / "flat").rglob("*"):
        if file.is_file() and pydicom.misc.is_dicom(file):
            series = pydicom.dcmread(file, stop_before_pixels=True).SeriesNumber
            (tmp_path / "visit" / f"series{series}").mkdir(parents=True, exist_ok=True)
            file.rename(tmp_path / "visit" / f"series{series}" / file.name)
    return tmp_path / "visit"


def test_folders_of_series_are_one_examination(in_folders, masks, by_masks):
    assert len(list(in_folders.iterdir())) > 1
    parts = BY_MASKS(in_folders, masks)
    assert (parts.picture == by_masks.picture).all()
    np.testing.assert_equal(parts.phenotypes, by_masks.phenotypes)


def test_two_examinations_in_one_folder_are_refused(tmp_path, pictures):
    for name in ("a", "b"):
        (tmp_path / f"{name}_sa.nii.gz").write_bytes(pictures.read_bytes())
    with pytest.raises(BadImage, match="found several examinations; expected one per visit"):
        BY_MASKS(tmp_path, None)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nothing"])
def test_what_cannot_be_read_is_refused_by_its_name(tmp_path, content):
    (tmp_path / "scan.zip").write_bytes(content)
    with pytest.raises(BadImage, match=r"^scan\.zip: found"):
        BY_MASKS(tmp_path / "scan.zip", None)
    with pytest.raises(BadImage, match=r"^nowhere\.zip: found"):
        BY_MASKS(tmp_path / "nowhere.zip", None)


def test_what_decides_its_results_is_told_in_plain_values():
    told = [reader.describe() for reader in (BY_MASKS, replace(BY_MASKS, strain=True, label_map=None))]
    assert json.loads(json.dumps(told)) == told
    assert told[0]["masks"] == "ukbb"
    assert told[1]["masks"] is None
    assert (told[0]["strain"], told[1]["strain"]) == (False, True)
    assert len(told[0]["segmenter_sha256"]) == 64


def test_the_day_of_the_examination_is_told(by_masks, scan):
    assert by_masks.taken_on is not None
    assert by_masks.taken_on.year >= 2014
