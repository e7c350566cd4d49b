import errno
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_rows import contents
from published_folder import ROWS, noise, publish

from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.tensors import export_tensors as module
from cardiolens.cohorts.tensors.export_tensors import export_tensors
from cardiolens.cohorts.tensors.prepare_tensors import prepare_tensors
from cardiolens.cohorts.tensors.tensor_rows import WINDOW
from cardiolens.cohorts.training_sets import draw_training_sets, members
from cardiolens.errors import BadOption, NoSpace
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.signals.cleaning import CleaningConfig
from cardiolens.tasks import TASKS

VALIDATION = ["select", "calibrate"]


@pytest.fixture(scope="module")
def exported(tiny_cohort, tmp_path_factory) -> Path:
    return export_tensors(tiny_cohort, tmp_path_factory.mktemp("export") / "tensors")


@pytest.fixture(scope="module")
def back(exported, tmp_path_factory) -> Cohort:
    return prepare_tensors(exported, tmp_path_factory.mktemp("back") / "cohort")


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Cohort:
    """Of noise: twenty rows with all that a folder can have."""
    folder = tmp_path_factory.mktemp("small")
    publish(folder / "in")
    return prepare_tensors(folder / "in", folder / "cohort")


def _load(path):
    return torch.load(path, weights_only=True)


def _same_rows(one, other):
    """For each row of one cohort the row of the other that has the same ECG."""
    place = {np.asarray(ecg).tobytes(): row for row, ecg in enumerate(other.ecg)}
    assert len(place) == len(other.ecg)
    return np.array([place[np.asarray(ecg).tobytes()] for ecg in one.ecg])


def test_a_cohort_comes_back_with_the_same_bits_splits_labels_and_phenotypes(tiny_cohort, back):
    rows = _same_rows(tiny_cohort, back)
    assert sorted(rows) == list(range(len(back.subjects)))
    np.testing.assert_array_equal(tiny_cohort.cmr, back.cmr[rows])
    for split in ("train", "validation", "test"):
        assert set(rows[tiny_cohort.rows(split)]) == set(back.rows(split))
    diseases = [column for name in ("cad", "af", "dm", "hf") for column in TASKS[name].columns]
    np.testing.assert_array_equal(tiny_cohort.values(diseases), back.values(diseases)[rows])
    np.testing.assert_allclose(tiny_cohort.values(PHENOTYPE_COLUMNS), back.values(PHENOTYPE_COLUMNS)[rows], rtol=1e-4)
    assert np.isnan(back.ecg_scale).all()


def test_training_sets_come_back_in_their_order(tiny_cohort, back):
    rows = _same_rows(tiny_cohort, back)
    sets = [name for name in ("cad", "af", "dm") if name in tiny_cohort.training_sets]
    assert sets
    for name in sets:
        order = members(tiny_cohort.training_sets[name].to_numpy())
        np.testing.assert_array_equal(members(back.training_sets[name].to_numpy()), rows[order])


def test_going_round_twice_changes_nothing(exported, back, tmp_path):
    again = export_tensors(back, tmp_path / "again")
    assert contents(again).keys() == contents(exported).keys()
    for path in sorted(exported.glob("*_noBase_gn.pt")):
        assert torch.equal(_load(path), _load(again / path.name))


def test_standardised_phenotypes_without_a_scale_come_back_as_they_are(small, tmp_path):
    again = prepare_tensors(export_tensors(small, tmp_path / "tensors"), tmp_path / "cohort")
    assert not (tmp_path / "tensors" / "phenotype_scale.csv").exists()
    columns = [column for column in small.subjects if column.endswith("_z")]
    assert len(columns) == 61
    np.testing.assert_array_equal(small.values(columns), again.values(columns)[_same_rows(small, again)])


def test_the_published_loaders_find_what_they_index(exported, tiny_cohort):
    train = _load(exported / "ecgs_train_ecg_imaging_noBase_gn.pt")
    assert (train.dtype, train.shape[1:]) == (torch.float32, (12, 5000))
    images = _load(exported / "images_train_ecg_imaging.pt")
    assert (images.dtype, images.shape) == (torch.float32, (len(train), 3, 210, 210))
    assert (images.min(), images.max()) == (0, 1)
    labels = _load(exported / "labels_train_CAD_all.pt")
    assert labels == [int(label) for label in tiny_cohort.values(["cad"])[tiny_cohort.rows("train"), 0]]
    test = _load(exported / "labelsOneHot" / "labels_test_CAD_all.pt")
    np.testing.assert_array_equal(test.argmax(1), tiny_cohort.values(["cad"])[tiny_cohort.rows("test"), 0])
    values = _load(exported / "labelsOneHot" / "labels_train_Regression_stdNormed.pt")
    mask = _load(exported / "labels_train_Regression_mask.pt")
    assert values.shape == mask.shape == (len(train), 75)
    assert mask[:, 10:24].sum() == 0
    known = mask[:, 0] == 1
    assert values[known, 0].mean() == pytest.approx(0, abs=1e-5)
    assert values[known, 0].std(correction=0) == pytest.approx(1, abs=1e-5)
    assert (values[mask == 0] == 0).all()


def test_a_tenth_and_a_hundredth_are_the_first_of_the_order_and_never_fewer_than_two(small, tmp_path):
    folder = export_tensors(small, tmp_path / "tensors")
    order = members(small.training_sets["cad"].to_numpy())
    for size, count in (("all", 6), ("tenth", 2), ("hundredth", 2)):
        ecgs = _load(folder / f"ecgs_train_CAD_{size}_balanced_noBase_gn.pt")
        np.testing.assert_array_equal(ecgs.half().numpy(), small.ecg[order[:count]])
        assert len(_load(folder / "labelsOneHot" / f"labels_train_CAD_{size}_balanced.pt")) == count


def test_the_same_ecgs_are_on_the_disk_once(exported):
    paired, phenotypes = (exported / f"ecgs_train_{use}_noBase_gn.pt" for use in ("ecg_imaging", "Regression"))
    assert paired.stat().st_ino == phenotypes.stat().st_ino


def test_no_subject_is_named(exported, tiny_cohort):
    names = [name.encode() for name in tiny_cohort.subjects["subject"]]
    for path, content in contents(exported).items():
        assert not any(name in content for name in names), path


def test_without_any_mri_all_ecgs_are_paired_with_nothing(small, tmp_path):
    folder = export_tensors(replace(small, cmr=None, subjects=small.subjects.assign(has_cmr=False)), tmp_path / "tensors")
    assert len(_load(folder / "ecgs_train_ecg_imaging_noBase_gn.pt")) == ROWS["train"]
    assert not list(folder.glob("images_*"))


def test_rows_without_mri_are_in_training_sets_and_phenotypes_only(small, tmp_path):
    has_cmr = np.arange(len(small.subjects)) != 0
    folder = export_tensors(replace(small, subjects=small.subjects.assign(has_cmr=has_cmr)), tmp_path / "tensors")
    assert len(_load(folder / "ecgs_train_ecg_imaging_noBase_gn.pt")) == ROWS["train"] - 1
    again = prepare_tensors(folder, tmp_path / "cohort")
    row = _same_rows(small, again)[0]
    assert not again.subjects["has_cmr"][row]
    assert again.training_sets["cad"][row] == small.training_sets["cad"][0] >= 0


def test_unknown_labels_are_never_healthy(small, tmp_path):
    cad = small.values(["cad"])[:, 0].copy()
    train, test = small.rows("train"), small.rows("test")
    cad[[train[4], test[0]]] = np.nan
    subjects = small.subjects.assign(cad=cad)
    changed = replace(small, subjects=subjects, training_sets=draw_training_sets(subjects, b"key", {}))
    folder = export_tensors(changed, tmp_path / "tensors")
    assert _load(folder / "labels_train_CAD_all.pt")[4] == -100
    # Two columns have no place for what is unknown.
    assert not (folder / "labelsOneHot" / "labels_test_CAD_all.pt").exists()
    assert (folder / "labelsOneHot" / "labels_val_CAD_all.pt").exists()
    readme = (folder / "README.txt").read_text()
    assert "labels_test_CAD_all.pt: 1 unknown labels are -100" in readme
    assert "labelsOneHot/labels_test_CAD_all.pt: not written" in readme
    again = prepare_tensors(folder, tmp_path / "cohort")
    np.testing.assert_array_equal(cad, again.values(["cad"])[_same_rows(small, again), 0])


def test_a_row_that_fits_no_file_is_counted(small, tmp_path):
    alone = np.arange(len(small.subjects)) == small.rows("validation")[0]
    standardised = [column for column in small.subjects if column.endswith("_z")]
    subjects = small.subjects.assign(has_cmr=~alone)
    subjects.loc[alone, standardised] = np.nan
    folder = export_tensors(replace(small, subjects=subjects), tmp_path / "tensors")
    assert "1 rows without MRI, without phenotypes and in no training set are in no file" in (folder / "README.txt").read_text()


def test_another_cleaning_than_the_published_one_is_noted(small, tmp_path):
    settings = replace(small.settings, cleaning=CleaningConfig(clip_sd=math.inf))
    folder = export_tensors(replace(small, manifest=replace(small.manifest, settings=settings)), tmp_path / "tensors")
    assert "cleaned by other settings" in (folder / "README.txt").read_text()
    assert "cleaned by other settings" not in (export_tensors(small, tmp_path / "plain") / "README.txt").read_text()


def test_in_the_published_window_the_loaders_cut_gives_the_picture_back(small, tmp_path):
    gradient = np.broadcast_to(np.linspace(0, 255, 210).astype(np.uint8), small.cmr.shape).copy()
    folder = export_tensors(replace(small, cmr=gradient), tmp_path / "tensors", published_window=True)
    images = _load(folder / "images_test_ecg_imaging.pt")
    top, bottom, left, right = WINDOW
    shown = images[0, 0, top:bottom, left:right]
    np.testing.assert_allclose(shown[5], np.linspace(0, 1, 78), atol=0.02)
    outside = images.clone()
    outside[:, :, top:bottom, left:right] = 0
    assert outside.abs().max() == 0
    again = prepare_tensors(folder, tmp_path / "cohort", published_window=True)
    assert np.abs(again.cmr[:, 0, 5].astype(int) - gradient[:, 0, 5]).max() <= 4


def test_a_complete_export_is_left_alone_and_another_cohorts_is_refused(small, tmp_path, tiny_cohort, monkeypatch):
    folder = export_tensors(small, tmp_path / "tensors")
    before = contents(folder)
    monkeypatch.setattr(module, "export_contents", None)
    assert export_tensors(small, folder) == folder
    with pytest.raises(BadOption, match="a complete export with cohort"):
        export_tensors(tiny_cohort, folder)
    with pytest.raises(BadOption, match="published_window False"):
        export_tensors(small, folder, published_window=True)
    assert contents(folder) == before


def test_a_folder_with_other_files_is_not_touched(small, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(BadOption, match="choose another name"):
        export_tensors(small, tmp_path / "mine")
    assert contents(tmp_path) == {"mine/thesis.txt": b"mine"}


@pytest.mark.parametrize("stride", [37, pytest.param(1, marks=pytest.mark.long)])
def test_killed_at_any_step_that_changes_the_disk_it_is_completed_to_the_same_bits(small, tmp_path, stride):
    script = Path(__file__).with_name("export_killed_at_steps.py")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, script, tmp_path, str(stride), small.path], env=environment, check=True)
    expected = contents(export_tensors(small, tmp_path / "undisturbed"))
    completed = [path for path in tmp_path.iterdir() if path.name != "undisturbed"]
    assert len(completed) > 100 // stride
    for path in completed:
        assert contents(path) == expected, f"after a kill at step {path.name}"


def test_a_full_disk_is_said_and_what_is_whole_is_kept(small, tmp_path, monkeypatch):
    real, files = module.write_rows, []

    def write_until_full(path, blocks, *, shape):
        files.append(path.name)
        if len(files) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, blocks, shape=shape)

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_rows", write_until_full)
        with pytest.raises(NoSpace, match="tensors: no space left"):
            export_tensors(small, tmp_path / "tensors")
    assert not (tmp_path / "tensors").exists()
    again = []
    monkeypatch.setattr(module, "write_rows", lambda path, *a, **k: again.append(path.name) or real(path, *a, **k))
    export_tensors(small, tmp_path / "tensors")
    assert files[2] in again
    assert not set(files[:2]) & set(again)


def test_the_ecgs_of_the_published_code_survive_a_way_through_a_cohort(small, tmp_path):
    """In half precision, which is all that a cohort keeps."""
    folder = export_tensors(small, tmp_path / "tensors")
    assert torch.equal(_load(folder / "ecgs_train_ecg_imaging_noBase_gn.pt"), noise(0, ROWS["train"]).half().float())
