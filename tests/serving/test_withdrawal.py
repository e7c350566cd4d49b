"""People taken out of everything below a folder: cohorts, tables, and the names of all that learned from them."""

import json
import shutil
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fake_rows import FakeRows, contents, fake_cohort, fake_settings

from cardiolens.atomic import sha256
from cardiolens.cohorts.build import build_cohort
from cardiolens.cohorts.participants import Participants
from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.tensors.export_tensors import EXPORT
from cardiolens.errors import BadCohort, BadOption
from cardiolens.evaluation.predictions import read_predictions, write_predictions
from cardiolens.privacy import hide_participants, hiding_by, keyed_hash, user_key
from cardiolens.recipes import smoke
from cardiolens.serving import withdrawal
from cardiolens.serving.withdrawal import WithdrawalReport, withdraw
from cardiolens.training.run import Run

NUMBERS = [str(1_000_000 + 7 * index) for index in range(30)]
GONE = [NUMBERS[4], NUMBERS[9], NUMBERS[20]]


class OfPeople(FakeRows):
    """Rows of people whose hash a key file knows."""

    names = ()

    def subject(self, index):
        return self.names[index]


def _cohort(out, people, numbers=NUMBERS, kind="archive") -> Cohort:
    class Rows(OfPeople):
        names = tuple(map(people.subject, numbers))

    settings = replace(fake_settings(), source={"kind": kind})
    return build_cohort(out, settings, Rows(refused=(2,)), num_rows=len(numbers), split_key=people.split_key)


@pytest.fixture
def people(tmp_path):
    return Participants.open_or_make(tmp_path / "key.json").recorded(NUMBERS)


@pytest.fixture
def cohort(tmp_path, people):
    return _cohort(tmp_path / "work" / "cohort", people)


@pytest.fixture
def work(cohort):
    return cohort.path.parent


def _gone(people) -> set[str]:
    return {people.subject(number) for number in GONE}


def _without(work, people, gone=GONE) -> WithdrawalReport:
    with hiding_by(people.key):
        return withdraw([work], gone, people)


def test_they_are_gone_from_the_cohort_and_nothing_is_found(cohort, work, people):
    report = _without(work, people)
    left = Cohort.open(cohort.path, verify=True)
    assert set(left.subjects["subject"]) == set(cohort.subjects["subject"]) - _gone(people)
    assert report.cohorts == {"work/cohort": 3}
    assert report.files_searched == len(list(cohort.path.iterdir()))
    assert (report.still_named, report.tables, report.trained, report.notes) == ([], {}, [], [])
    assert not report.left_to_do
    everything = b"".join(contents(work).values())
    assert not [subject for subject in _gone(people) if subject.encode() in everything]


def test_a_second_time_nothing_is_left_to_do_and_no_byte_changes(work, people):
    _without(work, people)
    after = contents(work)
    assert _without(work, people).cohorts == {"work/cohort": 0}
    assert contents(work) == after


def test_the_same_place_named_twice_is_one_place(cohort, work, people, monkeypatch):
    monkeypatch.chdir(work)
    with hiding_by(people.key):
        report = withdraw([cohort.path, work, cohort.path / "..", withdrawal.Path(".")], GONE, people)
    assert report.cohorts == {"work/cohort": 3}
    assert report.files_searched == len(list(cohort.path.iterdir()))


def test_cohorts_of_one_name_are_told_apart(work, people):
    _cohort(work / "second" / "cohort", people, NUMBERS[:8])
    assert _without(work, people).cohorts == {"work/cohort": 3, "work/second/cohort": 1}


def test_whoever_withdrew_before_is_looked_for_too(work, people):
    people = people.without({people.subject(NUMBERS[0])})
    report = _without(work, people, [NUMBERS[1]])
    assert report.cohorts == {"work/cohort": 2}


@pytest.mark.parametrize("listed", [["00123"], ["123"], ["000123", "4"]])
def test_a_list_with_other_zeros_means_the_same_person(tmp_path, listed):
    people = Participants.open_or_make(tmp_path / "key.json").recorded(["00123", "x", "y"])
    _cohort(tmp_path / "work" / "cohort", people, ["x", "00123", "y2", "y"])
    assert _without(tmp_path / "work", people, listed).cohorts == {"work/cohort": 1}


def test_a_synthetic_cohort_beside_it_is_untouched(work, people):
    made = fake_cohort(work / "synthetic")
    before = contents(made.path)
    assert _without(work, people).cohorts == {"work/cohort": 3, "work/synthetic": 0}
    assert contents(made.path) == before


def test_a_cohort_of_tensors_is_said_to_name_nobody(work, people):
    build_cohort(work / "t", replace(fake_settings(), source={"kind": "tensors"}), FakeRows(), num_rows=5, split_key=b"k")
    assert _without(work, people).notes == ["work/t: made of tensors, which name nobody: its people cannot be found"]


def test_the_wrong_key_file_is_refused_before_anything_is_changed(tmp_path, work):
    other = Participants.open_or_make(tmp_path / "other.json").recorded(NUMBERS)
    before = contents(work)
    with pytest.raises(BadOption, match=r"other\.json: found a key file that knows nobody of cohort; .*give it by --key"):
        _without(work, other)
    assert contents(work) == before


def test_a_half_built_cohort_is_refused_before_anything_is_changed(work, people):
    (work / "new.building").mkdir()
    before = contents(work)
    for path in (work, work / "new", work / "new.building"):
        with pytest.raises(BadCohort, match=r"new\.building: found a half-built cohort"):
            _without(path, people)
    assert contents(work) == before


def test_everybody_cannot_be_removed(cohort, work, people):
    before = contents(work)
    with pytest.raises(BadCohort, match="nobody left"):
        _without(work, people, NUMBERS)
    assert contents(work) == before


def test_a_place_that_is_none_is_refused(tmp_path, people):
    with pytest.raises(BadOption, match="nowhere: found no such folder"):
        _without(tmp_path / "nowhere", people)


def _predictions(cohort, split="test") -> pd.DataFrame:
    subjects = np.tile(cohort.subjects["subject"].to_numpy(str), 2)
    column = np.repeat(["cad", "af"], len(cohort.subjects))
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "run": "r", "method": pd.Categorical(np.where(column == "cad", "MMCL", "Supervised"), ["Supervised", "MMCL"]),
            "seed": 0, "task": column, "column": column, "split": split, "subject": subjects,
            "target": np.where(random.random(len(subjects)) < 0.3, np.nan, 1.0), "score": random.normal(size=len(subjects)),
        }
    )  # fmt: skip


def test_predictions_lose_their_rows_and_read_back_as_before(cohort, work, people):
    path = write_predictions(_predictions(cohort), work / "runs" / "run=3" / "predictions.parquet")
    before = read_predictions(path)
    report = _without(work, people)
    assert report.tables == {"work/runs/run=3/predictions.parquet": 6}
    after = read_predictions(path)
    expected = before[~before["subject"].isin(_gone(people))].reset_index(drop=True)
    expected["subject"] = expected["subject"].cat.remove_unused_categories()
    pd.testing.assert_frame_equal(after, expected)
    assert list(after["method"].cat.categories) == list(before["method"].cat.categories)
    assert report.still_named == []
    assert not [path for path in path.parent.iterdir() if path.name != "predictions.parquet"]


def test_embeddings_and_tables_of_text_lose_their_rows(cohort, work, people):
    table = pd.DataFrame({"a": 1.0}, index=cohort.subjects["subject"])
    table.to_parquet(work / "embeddings.parquet")
    table.to_csv(work / "table.csv")
    report = _without(work, people)
    assert report.tables == {"work/embeddings.parquet": 3, "work/table.csv": 3}
    assert report.still_named == []


def test_embeddings_of_files_lose_those_whose_name_bore_the_number(work, people):
    sources = [hide_participants(f"{number}_20205_2_0.xml") for number in NUMBERS]
    vectors = pd.DataFrame({"source": sources, "subject": [source[:11] for source in sources], "embedding_0": np.arange(30.0)})
    vectors.to_parquet(work / "embeddings.parquet", index=False)
    report = _without(work, people)
    assert report.tables == {"work/embeddings.parquet": 3}
    assert report.still_named == []
    left = pd.read_parquet(work / "embeddings.parquet")
    assert left["embedding_0"].tolist() == [k for k in range(30) if NUMBERS[k] not in GONE]


def test_a_table_in_the_cohorts_own_folder_loses_their_lines_too(cohort, work, people):
    (cohort.path / "mine.csv").write_text("subject,a\n" + "".join(f"{subject},1\n" for subject in cohort.subjects["subject"]))
    report = _without(work, people)
    assert report.tables == {"work/cohort/mine.csv": 3}
    assert report.still_named == []
    assert len((cohort.path / "mine.csv").read_text().splitlines()) == len(cohort.subjects) - 2


def test_tables_that_cannot_be_taken_apart_are_left_alone_and_told(cohort, work, people):
    gone = sorted(_gone(people))[0]
    tables = {
        "semicolons.csv": f"subject;a\n{gone};1\n",
        "other_column.csv": f"who,a\n{gone},1\n",
        "row_names.csv": f"subject,a\nrow1,{gone},1\n",
    }
    for name, text in tables.items():
        (work / name).write_text(text)
    report = _without(work, people)
    assert report.tables == {}
    assert sorted(report.still_named) == sorted(f"work/{name}" for name in tables)
    assert {name: (work / name).read_text() for name in tables} == tables


def _mentions(work, people):
    gone = sorted(_gone(people))[0]
    (work / "report.html").write_text(f"<html><body><td>{gone}</td></body></html>")
    (work / "log.txt").write_text(f"{'x' * 5_000_000}\nread id-{gone[:8]}_20205_2_0.xml\n")
    by_user = keyed_hash(GONE[0], key=user_key())[:8]
    (work / "answers.csv").write_text(f"file,age\nid-{by_user}_20205_2_0.xml,55\n")
    (work / "nested.json").write_text(json.dumps({"worst": [{"who": gone}]}))
    np.save(work / "order.npy", np.array(["0" * 12, gone]))
    np.savez_compressed(work / "order.npz", names=np.array([gone]))
    pd.DataFrame({"path": [f"ecg/{gone}/rest.xml"]}).to_parquet(work / "within.parquet")
    pd.DataFrame({gone: [1.0]}).to_parquet(work / "wide.parquet")
    with zipfile.ZipFile(work / "old.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cohort/refused.csv", f"subject\n{gone}\n")
    (work / f"map_{gone}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (work / f"of{gone}").mkdir()
    (work / f"of{gone}" / "empty.txt").write_text("")
    return {
        "report.html", "log.txt", "answers.csv", "nested.json", "order.npy", "order.npz", "within.parquet", "wide.parquet",
        "old.zip", f"map_{gone}.png", f"of{gone}/empty.txt",
    }  # fmt: skip


def test_a_mention_is_found_wherever_it_is(work, people):
    expected = _mentions(work, people)
    report = _without(work, people)
    assert {name.removeprefix("work/") for name in report.still_named} == expected
    assert report.left_to_do


def test_mentions_of_others_and_numbers_alike_are_no_finding(cohort, work, people):
    stays = sorted(set(cohort.subjects["subject"]) - _gone(people))[0]
    gone = sorted(_gone(people))[0]
    (work / "log.txt").write_text(
        f"{stays} id-{stays[:8]} {gone[:11]} {gone}ab {sha256(cohort.path / 'cohort.json')} {gone[:8]}"
    )
    np.save(work / "numbers.npy", np.frombuffer(gone.encode() * 10, dtype=np.uint8))
    assert _without(work, people).still_named == []


def test_the_key_file_is_no_finding_and_a_copy_of_it_is(tmp_path, cohort, people):
    shutil.copy(people.path, tmp_path / "key.json.bak")
    report = _without(tmp_path, people)
    assert report.still_named == [f"{tmp_path.name}/key.json.bak"]


def test_what_a_killed_process_left_of_the_key_file_is_taken_away(tmp_path, cohort, people):
    (tmp_path / ".key.json.123.part").write_bytes(people.path.read_bytes())
    assert _without(tmp_path, people).still_named == []
    assert not (tmp_path / ".key.json.123.part").exists()


def test_a_link_that_leads_elsewhere_is_said(tmp_path, work, people):
    (tmp_path / "far.csv").write_text("subject\n")
    (work / "far.csv").symlink_to(tmp_path / "far.csv")
    (work / "near").symlink_to(work / "cohort")
    report = _without(work, people)
    assert report.notes == ["work/far.csv: a link, not followed"]
    assert report.cohorts == {"work/cohort": 3}


def _run(path, cohort, start="") -> Run:
    return Run.start_or_resume(path, smoke.mdm(), cohort=cohort.fingerprint, start=start)


def _bundle(untrained, path, **provenance):
    shutil.copytree(untrained, path)
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | {"provenance": provenance}))


@pytest.fixture
def models(work, cohort, people, untrained_bundle):
    """Runs and bundles of this cohort and of another one."""
    other = _cohort(work / "other", people, NUMBERS[21:])
    first = _run(work / "runs" / "first", cohort)
    (first.path / "model.safetensors").write_bytes(b"weights of the first")
    _run(work / "runs" / "stranger", other)
    from_first = _run(work / "runs" / "from_first", other, start=sha256(first.path / "model.safetensors"))
    (from_first.path / "model.safetensors").write_bytes(b"weights of the second")
    _bundle(untrained_bundle, from_first.path / "bundle", cohort=other.fingerprint)
    _bundle(untrained_bundle, work / "bundles" / "ours", cohort=cohort.fingerprint)
    _bundle(untrained_bundle, work / "bundles" / "from_ours", cohort=other.fingerprint, start=from_first.start)
    _run(work / "runs" / "from_two", other, start=f"{'0' * 64} {from_first.start}")
    _bundle(untrained_bundle, work / "bundles" / "theirs", cohort=other.fingerprint)
    _bundle(untrained_bundle, work / "bundles" / "unknown")
    for name, stored in (("odd", {"provenance": {"cohort": ["a"]}}), ("odder", []), ("oddest", {"cohort": {"a": 1}})):
        (work / name).mkdir()
        (work / name / "config.json").write_text(json.dumps(stored))
    (work / "odd" / "broken").mkdir()
    (work / "odd" / "broken" / "config.json").write_text("{")
    return work


def test_every_run_and_bundle_that_learned_from_them_is_named_with_numbers_and_no_other(models, cohort, people):
    gone = cohort.subjects[cohort.subjects["subject"].isin(_gone(people))]
    counts = gone["split"].value_counts().to_dict()
    report = _without(models, people)
    assert {(one.name, one.kind) for one in report.trained} == {
        ("work/runs/first", "run"), ("work/runs/from_first", "run"), ("work/runs/from_first/bundle", "bundle"),
        ("work/bundles/ours", "bundle"), ("work/bundles/from_ours", "bundle"), ("work/runs/from_two", "run"),
    }  # fmt: skip
    assert all(one.subjects_per_split == counts for one in report.trained)
    assert not report.left_to_do


def test_they_are_named_again_the_next_time(models, people):
    first = _without(models, people).trained
    assert first
    assert _without(models, people).trained == first


def test_a_run_held_whoever_left_its_cohort_since(work, cohort, people):
    _run(work / "before", cohort)
    # Row 2 was refused: the cohort changes, and nobody trained on that person.
    _without(work, people, [NUMBERS[2]])
    _run(work / "between", Cohort.open(cohort.path))
    assert _without(work, people, [NUMBERS[2]]).trained == []
    splits = cohort.subjects.set_index("subject")["split"]
    once = _without(work, people, [NUMBERS[4]]).trained
    assert {(one.name, *one.subjects_per_split.items()) for one in once} == {
        (name, (splits[people.subject(NUMBERS[4])], 1)) for name in ("work/before", "work/between")
    }
    _run(work / "late", Cohort.open(cohort.path))
    held = {one.name: sum(one.subjects_per_split.values()) for one in _without(work, people, [NUMBERS[5], NUMBERS[6]]).trained}
    assert held == {"work/before": 3, "work/between": 3, "work/late": 2}


def test_an_export_of_the_cohort_is_named_and_leaves_something_to_do(work, cohort, people):
    assert withdrawal._EXPORT == EXPORT
    (work / "exported").mkdir()
    (work / "exported" / EXPORT).write_text(json.dumps({"cohort": cohort.fingerprint, "made_by": "x"}))
    report = _without(work, people)
    assert [(one.name, one.kind) for one in report.trained] == [("work/exported", "export")]
    assert report.left_to_do


def test_names_that_are_shown_hide_participants(work, people):
    (work / "1000028_20205_2_0.csv").write_text("subject\n" + people.subject(GONE[0]) + "\n")
    (shown,) = _without(work, people).tables
    assert "1000028" not in shown
    assert shown.startswith("work/id-")


def test_a_removal_that_was_killed_between_its_last_steps_is_finished(work, cohort, people):
    _without(work, people)
    cohort.path.rename(work / "cohort.withdrawing")
    (work / "cohort.withdrawn").mkdir()
    (work / "cohort.withdrawn" / "cohort.json").write_text("{}")
    assert _without(work, people).cohorts == {"work/cohort": 0}
    assert [path.name for path in work.iterdir()] == ["cohort"]
