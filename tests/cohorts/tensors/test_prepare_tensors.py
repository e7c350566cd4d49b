import re
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from fake_rows import contents
from published_folder import ROWS, SET, noise, publish, publish_set

from cardiolens.cohorts.build import build_cohort
from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.tensors import prepare_tensors as module
from cardiolens.cohorts.tensors.prepare_tensors import prepare_tensors
from cardiolens.cohorts.training_sets import members
from cardiolens.errors import BadInput, BadOption
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.imaging.views import PublishedWindow, cut, resize_bilinear
from cardiolens.parallel import Workers
from cardiolens.progress import QUIET, QuietProgress
from cardiolens.types import CineStack

PAIRED = "ecgs_train_ecg_imaging_noBase_gn.pt"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("published")


@pytest.fixture(scope="module")
def published(folder):
    return publish(folder)


@pytest.fixture(scope="module")
def cohort(published, folder, tmp_path_factory) -> Cohort:
    return prepare_tensors(folder, tmp_path_factory.mktemp("imported") / "cohort")


def _rows_of_files(cohort):
    """Rows by published split, in the files' order."""
    splits = cohort.subjects["split"].replace({"select": "val", "calibrate": "val"})
    return {split: np.flatnonzero(splits == split) for split in ROWS}


def _bits(ecgs):
    return ecgs.numpy().astype(np.float16)


def test_ecgs_pictures_and_labels_stay_together_in_the_files_order_and_splits(cohort, published):
    for split, rows in _rows_of_files(cohort).items():
        assert len(rows) == ROWS[split]
        np.testing.assert_array_equal(cohort.ecg[rows], _bits(published.ecgs[split]))
        np.testing.assert_array_equal(cohort.cmr[rows], (published.pictures[split].numpy() * 255).round().astype(np.uint8))
        np.testing.assert_array_equal(cohort.values(["cad"])[rows, 0], published.cad[split])
        np.testing.assert_array_equal(cohort.values(["af"])[rows, 0], np.arange(len(rows)) % 3 == 0)
    assert cohort.subjects["has_cmr"].all()
    assert cohort.manifest.num_refused == 0


def test_validation_is_halved(cohort):
    assert {"select", "calibrate"} <= set(cohort.subjects["split"])


def test_the_voltage_is_unknown(cohort):
    assert np.isnan(cohort.ecg_scale).all()


def test_the_order_of_a_training_set_is_the_hundredth_then_the_rest_of_the_tenth_then_of_all(cohort):
    train = _rows_of_files(cohort)["train"]
    order = members(cohort.training_sets["cad"].to_numpy())
    assert [list(train).index(row) for row in order] == [7, 2, 0, 5, 1, 3]


def test_phenotypes_without_a_scale_are_stored_as_standardised(cohort, published):
    assert not set(PHENOTYPE_COLUMNS) & set(cohort.subjects)
    train = _rows_of_files(cohort)["train"]
    for column, place in (("lvedv_z", 0), ("rvef_z", 9), ("wt_aha_1_z", 24), ("err_global_z", 74)):
        stored = cohort.values([column])[train, 0]
        known = published.mask["train"][:, place].numpy() == 1
        np.testing.assert_array_equal(stored[known], published.phenotypes["train"][:, place].numpy()[known])
        assert np.isnan(stored[~known]).all()
    assert np.isnan(cohort.values(["lvedv_z", "rvef_z", "wt_aha_1_z", "err_global_z"])[train]).any()


def test_a_scale_gives_phenotypes_their_units(tmp_path):
    published = publish(tmp_path / "in", sets=False, pictures=False)
    (tmp_path / "in" / "phenotype_scale.csv").write_text("column,mean,sd\nlvedv_ml,150,30\n")
    cohort = prepare_tensors(tmp_path / "in", tmp_path / "cohort")
    train = _rows_of_files(cohort)["train"]
    expected = published.phenotypes["train"][:, 0].numpy().astype(float) * 30 + 150
    known = published.mask["train"][:, 0].numpy() == 1
    np.testing.assert_allclose(cohort.values(["lvedv_ml"])[train, 0][known], expected[known])
    assert "lvedv_z" not in cohort.subjects
    assert "lvesv_z" in cohort.subjects


@pytest.mark.parametrize(
    "shape",
    [lambda t: t[:, None], list, lambda t: [("ecg", row[None]) for row in t], lambda t: t.double()],
    ids=["channels", "list", "domains", "double"],
)
def test_ecgs_in_every_published_shape_give_the_same_rows(tmp_path, cohort, published, shape):
    (tmp_path / "in").mkdir()
    torch.save(shape(published.ecgs["train"]), tmp_path / "in" / PAIRED)
    alone = prepare_tensors(tmp_path / "in", tmp_path / "cohort")
    assert alone.cmr is None
    train = _rows_of_files(cohort)["train"]
    np.testing.assert_array_equal(alone.ecg, cohort.ecg[train])
    assert list(alone.subjects["subject"]) == list(cohort.subjects["subject"][train])


def test_balanced_sets_alone_make_a_cohort_of_ecgs(tmp_path, published):
    for size, rows in SET.items():
        publish_set(
            tmp_path / "in", size, published.ecgs["train"][rows], [published.cad["train"][row] for row in rows], "diabetes"
        )
    cohort = prepare_tensors(tmp_path / "in", tmp_path / "cohort")
    order = members(cohort.training_sets["dm"].to_numpy())
    np.testing.assert_array_equal(cohort.ecg[order], _bits(published.ecgs["train"][[7, 2, 0, 5, 1, 3]]))
    assert list(cohort.values(["dm"])[order, 0]) == [published.cad["train"][row] for row in [7, 2, 0, 5, 1, 3]]
    assert set(cohort.subjects["split"]) == {"train"}


def test_a_balanced_ecg_that_is_not_paired_is_a_further_row_without_mri(tmp_path):
    published = publish(tmp_path / "in", sets=False, phenotypes=False)
    stranger = noise(99, 1)
    publish_set(tmp_path / "in", "all", torch.cat([published.ecgs["train"][:1], stranger]), [published.cad["train"][0], 1])
    cohort = prepare_tensors(tmp_path / "in", tmp_path / "cohort")
    assert len(cohort.subjects) == sum(ROWS.values()) + 1
    row = cohort.subjects.iloc[-1]
    assert (row["split"], row["has_cmr"], row["cad"]) == ("train", False, 1)
    assert np.isnan(row["af"])
    np.testing.assert_array_equal(cohort.ecg[-1:], _bits(stranger))
    assert dict(cohort.manifest.flow)["with those of balanced training sets alone"] == sum(ROWS.values()) + 1


def test_a_folder_without_any_such_file_is_told_which_are_looked_for(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(
        BadInput, match=r"no file of the published code; expected ecgs_\{train,val,test\}_ecg_imaging"
    ) as caught:
        prepare_tensors(tmp_path, tmp_path / "cohort")
    assert "Regression" in str(caught.value)
    with pytest.raises(BadInput, match="no such folder"):
        prepare_tensors(tmp_path / "nowhere", tmp_path / "cohort")


def test_an_ecg_in_two_splits_is_a_leak_and_counted(tmp_path):
    published = publish(tmp_path / "in", pictures=False, labels=False, phenotypes=False, sets=False)
    leaky = torch.cat([published.ecgs["test"], published.ecgs["train"][:3]])
    torch.save(leaky, tmp_path / "in" / "ecgs_test_ecg_imaging_noBase_gn.pt")
    with pytest.raises(BadInput, match="found 3 ECGs in both train and test; expected every ECG in one split"):
        prepare_tensors(tmp_path / "in", tmp_path / "cohort")
    assert not list(tmp_path.glob("cohort*"))


def test_a_balanced_set_of_test_ecgs_is_a_leak(tmp_path):
    published = publish(tmp_path / "in", pictures=False, labels=False, phenotypes=False, sets=False)
    publish_set(tmp_path / "in", "tenth", published.ecgs["val"][:2], [0, 1])
    with pytest.raises(BadInput, match="2 ECGs in both train and val"):
        prepare_tensors(tmp_path / "in", tmp_path / "cohort")


def test_unusable_rows_are_listed_one_by_one_and_the_others_go_on(tmp_path):
    published = publish(tmp_path / "in", phenotypes=False)
    for split in ("train", "test"):
        published.ecgs[split][1, 3, 17] = torch.nan
        published.ecgs[split][2] = 0.0
        torch.save(published.ecgs[split], tmp_path / "in" / f"ecgs_{split}_ecg_imaging_noBase_gn.pt")
    published.ecgs["train"][3] = published.ecgs["train"][4]
    published.ecgs["train"][5, 0, 0] = 1e6
    torch.save(published.ecgs["train"], tmp_path / "in" / PAIRED)
    for size, rows in SET.items():
        publish_set(tmp_path / "in", size, published.ecgs["train"][rows], [0] * len(rows))
    (tmp_path / "in" / "labels_train_CAD_all.pt").unlink()
    cohort = prepare_tensors(tmp_path / "in", tmp_path / "cohort")
    assert cohort.manifest.num_refused == 6
    reasons = pd.read_csv(cohort.path / "refused.csv")["reason"]
    assert reasons[0].startswith(f"{PAIRED} row 1: found samples that are no numbers")
    assert reasons.str.contains("flat line").sum() == 2
    assert reasons[3].startswith(f"{PAIRED} row 5")
    # The first of two stands.
    assert f"row 4: found the same ECG as in row 3 of {PAIRED}" in reasons[2]
    # Of the six in the set, two are refused.
    assert len(members(cohort.training_sets["cad"].to_numpy())) == 3


def test_a_picture_that_cannot_be_used_costs_only_the_picture(tmp_path):
    published = publish(tmp_path / "in", labels=False, phenotypes=False, sets=False)
    published.pictures["test"][0] = torch.nan
    published.pictures["test"][1, 0, 0, 0] = 7
    torch.save(published.pictures["test"], tmp_path / "in" / "images_test_ecg_imaging.pt")
    cohort = prepare_tensors(tmp_path / "in", tmp_path / "cohort")
    lost = pd.read_csv(cohort.path / "refused.csv")
    assert list(lost["part"]) == ["mri", "mri"]
    assert "images_test_ecg_imaging.pt row 1: found brightness" in lost["reason"][1]
    assert (~cohort.subjects["has_cmr"]).sum() == 2


def test_other_numbers_of_pictures_than_ecgs_are_refused(tmp_path):
    published = publish(tmp_path / "in", labels=False, phenotypes=False, sets=False)
    torch.save(published.pictures["train"][:-1], tmp_path / "in" / "images_train_ecg_imaging.pt")
    with pytest.raises(BadInput, match=re.escape(f"found 9 pictures; expected 10, as many as ECGs in {PAIRED}")):
        prepare_tensors(tmp_path / "in", tmp_path / "cohort")


def test_labels_that_contradict_one_another_are_refused(tmp_path):
    published = publish(tmp_path / "in", pictures=False, phenotypes=False, sets=False)
    publish_set(tmp_path / "in", "all", published.ecgs["train"][:4], [1 - label for label in published.cad["train"][:4]])
    with pytest.raises(BadInput, match=r"labels_train_CAD_all_balanced.pt: found 4 labels that another file contradicts"):
        prepare_tensors(tmp_path / "in", tmp_path / "cohort")


def test_flat_lines_are_no_leak_and_contradict_nobody(tmp_path):
    published = publish(tmp_path / "in", pictures=False, phenotypes=False, sets=False)
    for split in ("train", "test"):
        published.ecgs[split][:2] = 0.0
        torch.save(published.ecgs[split], tmp_path / "in" / f"ecgs_{split}_ecg_imaging_noBase_gn.pt")
    publish_set(tmp_path / "in", "all", published.ecgs["train"][:4], published.cad["train"][:4])
    cohort = prepare_tensors(tmp_path / "in", tmp_path / "cohort")
    assert (len(cohort.subjects), cohort.manifest.num_refused) == (sum(ROWS.values()) - 4, 4)


def test_the_published_window_shows_what_the_published_loader_shows(tmp_path, published, folder):
    cohort = prepare_tensors(folder, tmp_path / "cohort", published_window=True)
    frames = published.pictures["train"][4].numpy()
    box = PublishedWindow().box(CineStack(frames[:, None], (8.0, 1.8, 1.8), np.zeros(3), "frames"), 0)
    expected = np.round(resize_bilinear(cut(frames, box), 210).clip(0, 1) * 255).astype(np.uint8)
    np.testing.assert_array_equal(cohort.cmr[4], expected)
    assert isinstance(cohort.settings.views.crop, PublishedWindow)


def test_two_processes_give_the_same_bits_as_one(tmp_path, folder, cohort):
    twice = prepare_tensors(folder, tmp_path / "cohort", workers=Workers(2))
    assert contents(twice.path) == contents(cohort.path)


def test_a_stopped_import_is_completed_to_the_same_bits(tmp_path, folder, cohort, monkeypatch):
    out = tmp_path / "cohort"
    monkeypatch.setattr(module, "build_cohort", partial(build_cohort, chunk_rows=8))
    whole = contents(prepare_tensors(folder, tmp_path / "whole").path)
    make, made = module.TensorRows.make, []

    def stopped(self, index):
        if index == 12:
            raise KeyboardInterrupt
        return make(self, index)

    with monkeypatch.context() as patch:
        patch.setattr(module.TensorRows, "make", stopped)
        with pytest.raises(KeyboardInterrupt):
            prepare_tensors(folder, out)
    assert not out.exists()
    monkeypatch.setattr(module.TensorRows, "make", lambda self, index: made.append(index) or make(self, index))
    assert contents(prepare_tensors(folder, out).path) == whole
    assert made == list(range(8, 20))


def test_a_complete_cohort_of_these_files_is_opened_without_reading_them_again(folder, cohort, monkeypatch):
    monkeypatch.setattr(module, "scan_ecgs", None)
    assert prepare_tensors(folder, cohort.path).fingerprint == cohort.fingerprint


def test_a_cohort_of_other_files_is_refused_and_kept(tmp_path):
    publish(tmp_path / "in", pictures=False, phenotypes=False)
    made = prepare_tensors(tmp_path / "in", tmp_path / "cohort")
    torch.save([1] * ROWS["test"], tmp_path / "in" / "labels_test_flutter_all.pt")
    with pytest.raises(BadOption, match=r"labels_test_flutter_all\.pt"):
        prepare_tensors(tmp_path / "in", tmp_path / "cohort")
    assert Cohort.open(tmp_path / "cohort").fingerprint == made.fingerprint


def test_a_file_written_anew_is_read_anew(tmp_path):
    publish(tmp_path / "in", pictures=False, labels=False, phenotypes=False, sets=False)
    prepare_tensors(tmp_path / "in", tmp_path / "one")
    torch.save(noise(50, 10), tmp_path / "in" / PAIRED)
    second = prepare_tensors(tmp_path / "in", tmp_path / "two")
    np.testing.assert_array_equal(second.ecg[:10], _bits(noise(50, 10)))


class _Watched(QuietProgress):
    """Notes how much memory of its own the process has at every step."""

    def __init__(self):
        self.most = 0

    def task(self, *arguments, **options):
        watch = self

        class Task(type(QUIET.task("", total=0).__enter__())):
            def advance(self, count=1):
                watch.most = max(watch.most, _own_memory())

        return nullcontext(Task())


def _own_memory():
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) << 10


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks for memory in /proc")
def test_a_large_file_is_not_read_into_memory_at_once(tmp_path, folder, published):
    (tmp_path / "in").mkdir()
    prepare_tensors(folder, tmp_path / "first")
    torch.save(noise(7, 400), tmp_path / "in" / PAIRED)
    size = (tmp_path / "in" / PAIRED).stat().st_size
    before, watched = _own_memory(), _Watched()
    prepare_tensors(tmp_path / "in", tmp_path / "cohort", progress=watched)
    assert watched.most - before < size / 4
