"""People taken out of a finished cohort: nothing of them is left, nothing of the others changes, and a kill costs nothing."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_rows import FakeRows, contents, fake_cohort

from cardiolens.cohorts.archive.prepare import prepare_archive
from cardiolens.cohorts.labels.counts import label_counts
from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.training_sets import binary_columns, members
from cardiolens.cohorts.withdraw import bare_number, finish_removal, remove_subjects
from cardiolens.errors import BadCohort, NoSpace
from cardiolens.formats import wfdb_record
from cardiolens.synthetic.generator import make_subject

PEOPLE = FakeRows(visits=2)


def _people(*numbers):
    return {PEOPLE.subject(2 * number) for number in numbers}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Forty people with two visits each; row 10 (person 5) is refused, and of rows 12 (person 6) and 40 (person 20) the MRI."""
    return fake_cohort(tmp_path_factory.mktemp("made") / "cohort", num_rows=80, visits=2, refused=(10,), lost=(12, 40))


@pytest.fixture
def cohort(made, tmp_path):
    shutil.copytree(made.path, tmp_path / "cohort")
    return Cohort.open(tmp_path / "cohort")


def test_every_row_of_them_vanishes_and_the_others_stay_as_they_were(made, cohort):
    gone = _people(0, 7, 39)
    assert remove_subjects(cohort.path, gone) == 3
    left = Cohort.open(cohort.path, verify=True)
    kept = np.flatnonzero(~made.subjects["subject"].isin(gone))
    assert len(kept) == len(made.subjects) - 6
    assert left.subjects.equals(made.subjects.iloc[kept].reset_index(drop=True))
    for name in ("ecg", "ecg_scale", "cmr"):
        stored = getattr(made, name)
        assert getattr(left, name).dtype == stored.dtype
        assert (getattr(left, name) == stored[kept]).all()


def test_training_sets_keep_their_order_and_have_no_gap(made, cohort):
    gone = _people(*range(0, 40, 3))
    remove_subjects(cohort.path, gone)
    left = Cohort.open(cohort.path)
    assert list(left.training_sets) == list(made.training_sets)
    for name in made.training_sets:
        before = made.subjects.iloc[members(made.training_sets[name].to_numpy())]
        after = left.subjects.iloc[members(left.training_sets[name].to_numpy())]
        expected = before[~before["subject"].isin(gone)]
        assert after[["subject", "visit"]].to_numpy().tolist() == expected[["subject", "visit"]].to_numpy().tolist()
        ranks = left.training_sets[name]
        assert sorted(ranks[ranks >= 0]) == list(range(len(expected)))
        assert left.manifest.training_sets[name]["all"] == len(expected) < len(before)


def test_counts_are_those_of_the_people_who_are_left(cohort):
    remove_subjects(cohort.path, _people(1, 2, 3, 5))
    left = Cohort.open(cohort.path)
    counts = pd.read_csv(cohort.path / "label_counts.csv")
    pd.testing.assert_frame_equal(counts, label_counts(left.subjects, binary_columns(left.subjects)), check_dtype=False)
    manifest = left.manifest
    assert (manifest.num_rows, manifest.num_subjects, manifest.num_refused) == (len(left.subjects), 36, 0)
    assert sum(manifest.rows_per_split.values()) == manifest.num_rows


def test_their_lines_among_the_refused_vanish_and_the_others_stay_to_the_byte(made, cohort):
    before = (made.path / "refused.csv").read_text().splitlines()
    assert len(before) == 4
    remove_subjects(cohort.path, _people(6))
    after = (cohort.path / "refused.csv").read_text().splitlines()
    assert after == [before[0], *(line for line in before[1:] if not line.startswith(tuple(_people(6))))]
    assert len(after) == 3


def test_somebody_of_whom_everything_was_refused_is_removed_too(tmp_path):
    cohort = fake_cohort(tmp_path / "cohort", num_rows=20, refused=(3, 4))
    who = FakeRows().subject(3)
    assert remove_subjects(cohort.path, {who}) == 1
    left = Cohort.open(cohort.path, verify=True)
    assert (left.manifest.num_rows, left.manifest.num_refused) == (18, 1)
    assert left.manifest.history[0].subjects_per_split == {}
    assert not [name for name, content in contents(cohort.path).items() if who.encode() in content]


def test_the_cohort_remembers_what_it_was_and_how_many_left(made, cohort):
    remove_subjects(cohort.path, _people(0, 7))
    once = Cohort.open(cohort.path).fingerprint
    remove_subjects(cohort.path, _people(8))
    twice = Cohort.open(cohort.path)
    assert [one.fingerprint_before for one in twice.manifest.history] == [made.fingerprint, once]
    assert twice.fingerprint not in {made.fingerprint, once}
    splits = made.subjects[made.subjects["subject"].isin(_people(0, 7))].drop_duplicates("subject")["split"]
    assert twice.manifest.history[0].subjects_per_split == splits.value_counts().to_dict()
    assert sum(twice.manifest.history[1].subjects_per_split.values()) == 1


def test_nothing_is_touched_where_none_of_them_is_in_it(cohort):
    before = {path: path.stat().st_mtime_ns for path in cohort.path.iterdir()}
    assert remove_subjects(cohort.path, {"0" * 12}) == 0
    assert remove_subjects(cohort.path, ()) == 0
    assert {path: path.stat().st_mtime_ns for path in cohort.path.iterdir()} == before


def test_a_second_time_nothing_is_left_to_do(cohort):
    assert remove_subjects(cohort.path, _people(1)) == 1
    after = contents(cohort.path)
    assert remove_subjects(cohort.path, _people(1)) == 0
    assert contents(cohort.path) == after


def test_everybody_cannot_be_removed_and_the_cohort_stays(made, cohort):
    with pytest.raises(BadCohort, match=r"nobody left without those who withdrew.*delete the cohort"):
        remove_subjects(cohort.path, _people(*range(40)))
    assert contents(cohort.path) == contents(made.path)
    assert [path.name for path in cohort.path.parent.iterdir()] == ["cohort"]


def test_a_cohort_without_the_last_mri_has_no_pictures(made, cohort):
    seen = set(made.subjects["subject"][made.subjects["has_cmr"]])
    blind = set(made.subjects["subject"]) - seen
    assert not blind, "every person of two visits has an MRI here"
    other = fake_cohort(cohort.path.with_name("other"), num_rows=9)
    assert remove_subjects(other.path, set(other.subjects["subject"][other.subjects["has_cmr"]])) == 6
    left = Cohort.open(other.path, verify=True)
    assert left.cmr is None
    assert not (other.path / "cmr.npy").exists()
    assert len(left.ecg) == 3


def test_what_the_user_keeps_in_the_folder_stays(cohort):
    (cohort.path / "notes").mkdir()
    (cohort.path / "notes" / "plan.txt").write_text("mine")
    (cohort.path / "README").write_text("mine too")
    (cohort.path / "link").symlink_to("nowhere")
    remove_subjects(cohort.path, _people(1))
    assert (cohort.path / "notes" / "plan.txt").read_text() == "mine"
    assert (cohort.path / "README").read_text() == "mine too"
    assert os.readlink(cohort.path / "link") == "nowhere"
    Cohort.open(cohort.path, verify=True)


def test_of_a_link_the_cohort_itself_is_rewritten(cohort, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "linked"
    link.symlink_to(cohort.path)
    assert remove_subjects(link, _people(1)) == 1
    assert link.is_symlink()
    assert not Cohort.open(cohort.path).subjects["subject"].isin(_people(1)).any()
    assert [path.name for path in link.parent.iterdir()] == ["linked"]


def test_a_cohort_of_the_first_schema_loses_people_too(tmp_path):
    shutil.copytree(Path(__file__).parent / "fixtures" / "v1", tmp_path / "v1")
    before = Cohort.open(tmp_path / "v1")
    who = before.subjects["subject"][0]
    assert remove_subjects(tmp_path / "v1", {who}) == 1
    left = Cohort.open(tmp_path / "v1", verify=True)
    assert len(left.subjects) == len(before.subjects) - 1
    assert who not in set(left.subjects["subject"])
    kept = before.subjects["subject"] != who
    assert (left.ecg == before.ecg[kept.to_numpy()]).all()
    for name in before.training_sets:
        order = before.subjects["subject"].iloc[members(before.training_sets[name].to_numpy())]
        new = left.subjects["subject"].iloc[members(left.training_sets[name].to_numpy())]
        assert list(new) == [subject for subject in order if subject != who]


def test_a_full_disk_is_said_and_the_cohort_is_as_it_was(made, cohort, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("cardiolens.cohorts.withdraw.copy_rows", full)
        with pytest.raises(NoSpace):
            remove_subjects(cohort.path, _people(1))
    assert contents(cohort.path) == contents(made.path)
    assert remove_subjects(cohort.path, _people(1)) == 1
    assert [path.name for path in cohort.path.parent.iterdir()] == ["cohort"]


def test_a_folder_that_only_has_such_a_name_is_not_touched(tmp_path):
    for name in ("study", "study.withdrawn", "study.withdrawing"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "thesis.txt").write_text("mine")
    (tmp_path / "list").write_text("")
    (tmp_path / "list.withdrawn").write_text("1234567")
    before = contents(tmp_path)
    finish_removal(tmp_path / "study")
    finish_removal(tmp_path / "list")
    assert contents(tmp_path) == before


def test_a_number_is_the_same_with_and_without_zeros():
    assert [bare_number(name) for name in ("00123", "123", "000", "P00123", "0012a", "", "٠١")] == [
        "123", "123", "0", "P00123", "0012a", "", "٠١",
    ]  # fmt: skip


def _whole(folder):
    """A cohort with its key, predictions and an embedding of everybody, and the list of who withdrew."""
    (folder / "cohorts").mkdir(parents=True)
    rows = []
    for index in range(5):
        wfdb_record.write(folder.parent / f"{index}.hea", make_subject(seed=3, index=index, with_mri=False).recording)
        rows.append(f"{1000 + index},{folder.parent / f'{index}.hea'},{40 + index}")
    (folder.parent / "m.csv").write_text("\n".join(["subject,ecg,age_years", *rows, "1005,nowhere.xml,45"]) + "\n")
    cohort = prepare_archive(folder / "cohorts" / "one", folder.parent / "m.csv", key_file=folder / "key.json")
    cohort.subjects.to_parquet(folder / "embeddings.parquet", index=False)
    cohort.subjects.to_csv(folder / "table.csv", index=False)
    (folder / "gone.txt").write_text("1001\n1005\n")
    return cohort


@pytest.mark.parametrize("stride", [2, pytest.param(1, marks=pytest.mark.long)])
def test_killed_at_any_step_that_changes_the_disk_and_done_again_the_bytes_are_the_same(tmp_path, stride):
    script = Path(__file__).with_name("withdrawn_killed_at_steps.py")
    before = _whole(tmp_path / "whole")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), str(stride)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout[-2000:]
    steps = sorted((int(path.name) for path in tmp_path.iterdir() if path.name.isdigit()), reverse=True)
    expected = contents(tmp_path / str(steps[0]))
    assert len(steps) > 40 // stride
    for step in steps[1:]:
        assert contents(tmp_path / str(step)) == expected, f"after a kill at step {step}"
    left = Cohort.open(tmp_path / str(steps[0]) / "cohorts" / "one", verify=True)
    assert len(left.subjects) == len(before.subjects) - 1 == 4
    assert len(json.loads(expected["key.json"])["participants"]) == 4
