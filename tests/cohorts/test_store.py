import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_rows import fake_cohort

from cardiolens.atomic import sha256
from cardiolens.cohorts.manifest import MANIFEST, SUBJECTS
from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.training_sets import members
from cardiolens.errors import BadCohort, BadOption


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return fake_cohort(tmp_path_factory.mktemp("original") / "cohort").path


@pytest.fixture
def cohort(original, tmp_path):
    return Cohort.open(Path(shutil.copytree(original, tmp_path / "cohort")))


def _changed_table(cohort, change):
    """Store a changed subjects.parquet as if the writer had made it so."""
    change(cohort.subjects)
    cohort.subjects.to_parquet(cohort.path / SUBJECTS, index=False)
    stored = json.loads((cohort.path / MANIFEST).read_text())
    stored["tables"][SUBJECTS] = sha256(cohort.path / SUBJECTS)
    (cohort.path / MANIFEST).write_text(json.dumps(stored))


def test_every_row_is_in_one_split_and_select_and_calibrate_make_up_validation(cohort):
    parts = [cohort.rows(split) for split in ("train", "select", "calibrate", "test")]
    assert sorted(np.concatenate(parts)) == list(range(80)) == list(cohort.rows("all"))
    assert sorted(np.concatenate(parts[1:3])) == list(cohort.rows("validation"))


def test_an_unknown_split_is_refused_with_the_known_ones(cohort):
    with pytest.raises(BadOption, match=r"found valid.*validation"):
        cohort.rows("valid")


def test_arrays_cannot_be_written(cohort):
    for array in (cohort.ecg, cohort.ecg_scale, cohort.cmr):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_rows_without_mri_are_zero_and_marked(cohort):
    has_cmr = cohort.subjects["has_cmr"].to_numpy()
    assert (has_cmr == (np.arange(80) % 3 > 0)).all()
    assert not cohort.cmr[~has_cmr].any()
    assert cohort.cmr[has_cmr].any(axis=(1, 2, 3)).all()


def test_values_are_numbers_with_nan_where_unknown(cohort):
    values = cohort.values(["cad", "lvm_g"])
    assert values.shape == (80, 2)
    assert (np.isnan(values[:, 1]) == (np.arange(80) % 4 > 0)).all()


@pytest.mark.parametrize(("column", "found"), [("lvm", "no column lvm"), ("sex", "column sex with text")])
def test_a_column_that_is_no_number_is_refused_with_what_is_near(cohort, column, found):
    with pytest.raises(BadOption, match=found):
        cohort.values([column])
    with pytest.raises(BadOption, match="lvm_g"):
        cohort.values(["lvm"])


def test_another_schema_version_is_refused_in_one_line(cohort):
    stored = json.loads((cohort.path / MANIFEST).read_text()) | {"schema_version": 3}
    (cohort.path / MANIFEST).write_text(json.dumps(stored))
    with pytest.raises(BadCohort, match=r"schema version 3; expected version 1 or 2") as caught:
        Cohort.open(cohort.path)
    assert "\n" not in str(caught.value)


def test_a_folder_without_manifest_a_missing_one_and_a_half_built_one_are_told_apart(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "half.building").mkdir()
    for name, found in (("empty", "no cohort.json"), ("absent", "no such folder"), ("half", "a half-built cohort")):
        with pytest.raises(BadCohort, match=found):
            Cohort.open(tmp_path / name)


def test_a_manifest_with_an_unknown_key_or_no_json_is_refused(cohort):
    stored = json.loads((cohort.path / MANIFEST).read_text())
    (cohort.path / MANIFEST).write_text(json.dumps(stored | {"colour": "red"}))
    with pytest.raises(BadCohort, match="colour"):
        Cohort.open(cohort.path)
    (cohort.path / MANIFEST).write_text("{")
    with pytest.raises(BadCohort, match="no JSON"):
        Cohort.open(cohort.path)


@pytest.mark.parametrize("name", ["ecg.npy", "ecg_scale.npy", "cmr.npy", "subjects.parquet", "refused.csv"])
@pytest.mark.parametrize("damage", ["cut", "longer", "gone"])
def test_a_damaged_file_is_named(cohort, name, damage):
    path = cohort.path / name
    if damage == "gone":
        path.unlink()
    else:
        content = path.read_bytes()
        path.write_bytes(content[:-1] if damage == "cut" else content + b"x")
    with pytest.raises(BadCohort, match=name):
        Cohort.open(cohort.path)


def test_a_flipped_bit_in_an_array_is_found_when_asked_for(cohort):
    path = cohort.path / "ecg.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    Cohort.open(cohort.path)
    with pytest.raises(BadCohort, match=r"ecg\.npy changed"):
        Cohort.open(cohort.path, verify=True)


def test_a_subject_in_two_splits_is_refused(tmp_path):
    cohort = fake_cohort(tmp_path / "cohort", visits=2)

    def leak(subjects):
        row = subjects.index[(subjects["visit"] == 1) & (subjects["split"] == "train")][0]
        subjects.loc[row, "split"] = "test"

    _changed_table(cohort, leak)
    with pytest.raises(BadCohort, match="1 subjects in more than one split"):
        Cohort.open(cohort.path)


def test_a_visit_stored_twice_and_an_unknown_split_are_refused(tmp_path):
    twice = fake_cohort(tmp_path / "twice")
    _changed_table(twice, lambda subjects: subjects.update(pd.DataFrame({"subject": [subjects["subject"][1]]})))
    with pytest.raises(BadCohort, match="1 visits stored twice"):
        Cohort.open(twice.path)
    unknown = fake_cohort(tmp_path / "unknown")
    _changed_table(unknown, lambda subjects: subjects.update(pd.DataFrame({"split": ["dev"]})))
    with pytest.raises(BadCohort, match="splits named dev"):
        Cohort.open(unknown.path)


def test_the_fingerprint_follows_the_content_and_not_the_place(tmp_path):
    one, same, other = (fake_cohort(tmp_path / name, seed=seed) for name, seed in (("a", 0), ("b", 0), ("c", 1)))
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_optional_arrays_are_opened_where_they_are(cohort):
    np.save(cohort.path / "cmr_volumes.npy", np.zeros((80, 2, 3, 4, 4), np.uint8))
    stored = json.loads((cohort.path / MANIFEST).read_text())
    stored["arrays"]["cmr_volumes.npy"] = {"dtype": "uint8", "shape": [80, 2, 3, 4, 4], "sha256": ""}
    (cohort.path / MANIFEST).write_text(json.dumps(stored))
    opened = Cohort.open(cohort.path)
    assert opened.cmr_volumes.shape == (80, 2, 3, 4, 4)
    assert opened.cmr_cine is None


def test_a_cohort_of_schema_version_1_is_read_and_its_training_sets_are_always_the_same():
    folder = Path(__file__).parent / "fixtures" / "v1"
    old, again = Cohort.open(folder, verify=True), Cohort.open(folder)
    assert (len(old.subjects), old.manifest.flow, old.manifest.history) == (11, (), ())
    assert (members(old.training_sets["cad"].to_numpy()) == members(again.training_sets["cad"].to_numpy())).all()
    assert old.subjects["cad"].to_numpy()[members(old.training_sets["cad"].to_numpy())].mean() == 0.5


def test_training_sets_and_their_sizes_are_stored(cohort):
    stored = pd.read_parquet(cohort.path / "training_sets.parquet")
    assert list(stored) == ["everybody", "cad"]
    assert cohort.manifest.training_sets["everybody"]["all"] == len(cohort.rows("train"))
    assert cohort.manifest.training_sets["cad"]["all"] == (stored["cad"] >= 0).sum()


def test_a_changed_table_of_training_sets_is_found(cohort):
    (cohort.path / "training_sets.parquet").write_bytes(b"other")
    with pytest.raises(BadCohort, match=r"training_sets\.parquet missing or changed"):
        Cohort.open(cohort.path)
