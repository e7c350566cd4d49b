"""`withdraw` as its user meets it, on a cohort that `prepare folder` made."""

import json
import shutil

import pytest

from cardiolens.cli import main
from cardiolens.cohorts.store import Cohort
from cardiolens.formats import wfdb_record
from cardiolens.recipes import smoke
from cardiolens.synthetic.generator import make_subject
from cardiolens.training.run import Run
from command import run

PEOPLE = [f"00{100 + index}" for index in range(6)]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    rows = []
    for index, person in enumerate(PEOPLE):
        wfdb_record.write(folder / f"{person}.hea", make_subject(seed=9, index=index, with_mri=False).recording)
        rows.append(f"{person},{person}.hea,{50 + index}")
    (folder / "visits.csv").write_text("\n".join(["subject,ecg,age_years", *rows]) + "\n")
    return folder


@pytest.fixture(scope="module")
def prepared(archive, tmp_path_factory):
    out = tmp_path_factory.mktemp("prepared")
    # Without an MRI nothing of one is needed.
    assert main([*_prepare(archive, out / "cohort")]) == 0
    return out


def _prepare(archive, out, *more):
    argv = ("prepare", "folder", "--manifest", archive / "visits.csv", "--out", out, "--processes", 1, *more)
    return [str(part) for part in argv]


@pytest.fixture
def work(prepared, tmp_path):
    """A cohort and its key beside it, and a list of two who withdrew, whose zeros a spreadsheet took away."""
    shutil.copytree(prepared, tmp_path / "work")
    (tmp_path / "gone.csv").write_text("eid\n102\n104\n")
    return tmp_path / "work"


def _withdraw(capsys, work, *more, paths=None):
    return run(capsys, "withdraw", "--list", work.parent / "gone.csv", *(paths or [work / "cohort"]), *more)


def test_it_has_help_with_an_example(capsys):
    status, out, _ = run(capsys, "withdraw", "--help")
    assert status == 0
    assert "cardiolens withdraw --list" in out


def test_who_withdrew_is_gone_and_is_told(capsys, work):
    status, out, err = _withdraw(capsys, work)
    assert status == 0, err
    assert "cohort: 2 people removed" in out
    assert "files for them: found in 0. Research use only" in out
    assert len(Cohort.open(work / "cohort", verify=True).subjects) == 4
    assert not [person for person in PEOPLE if person in out + err]


def test_the_key_file_forgets_the_number_and_remembers_the_hash(capsys, work):
    before = json.loads((work / "cohort.participants.json").read_text())
    _withdraw(capsys, work)
    after = json.loads((work / "cohort.participants.json").read_text())
    assert set(after["participants"].values()) == set(PEOPLE) - {"00102", "00104"}
    gone = {subject for subject, person in before["participants"].items() if person in {"00102", "00104"}}
    assert gone <= set(after["withdrawn"])
    assert "00102" not in (work / "cohort.participants.json").read_text()


def test_they_are_never_taken_in_again_by_the_same_key(capsys, archive, work):
    _withdraw(capsys, work)
    key = work / "cohort.participants.json"
    status, out, err = run(capsys, *_prepare(archive, work / "later", "--key", key))
    assert status == 0, err
    assert "2  visits of people who withdrew" in out
    assert len(Cohort.open(work / "later").subjects) == 4
    assert set(json.loads(key.read_text())["participants"].values()) == set(PEOPLE) - {"00102", "00104"}


def test_again_it_finds_nothing_to_do(capsys, work):
    _withdraw(capsys, work)
    status, out, _ = _withdraw(capsys, work)
    assert status == 0
    assert "cohort: 0 people removed" in out


def test_the_folder_one_is_in_can_be_named(capsys, work, monkeypatch):
    monkeypatch.chdir(work / "cohort")
    status, out, err = _withdraw(capsys, work, paths=["."])
    assert status == 0, err
    assert "cohort: 2 people removed" in out


def test_a_link_to_a_cohort_finds_its_key_beside_either(capsys, work, tmp_path):
    (tmp_path / "link").symlink_to(work / "cohort")
    status, _, err = _withdraw(capsys, work, paths=[tmp_path / "link"])
    assert status == 0, err
    assert len(Cohort.open(work / "cohort").subjects) == 4


def test_runs_are_named_with_numbers_and_asked_to_be_trained_again(capsys, work):
    cohort = Cohort.open(work / "cohort")
    Run.start_or_resume(work / "runs" / "mdm", smoke.mdm(), cohort=cohort.fingerprint)
    status, out, _ = _withdraw(capsys, work, paths=[work / "cohort", work / "runs"])
    assert status == 0
    (line,) = [line for line in out.splitlines() if line.startswith("run ")]
    assert line.startswith("run runs/mdm comes from a cohort that held people who withdrew (")
    assert line.endswith("): train it again")


def test_a_mention_that_is_left_is_told_and_ends_with_status_1(capsys, work):
    key = json.loads((work / "cohort.participants.json").read_text())
    gone = next(subject for subject, person in key["participants"].items() if person == "00102")
    (work / "report.html").write_text(f"<p>{gone}</p>")
    status, out, _ = _withdraw(capsys, work, "--key", work / "cohort.participants.json", paths=[work])
    assert status == 1
    assert "found in 1." in out
    assert "still named in work/report.html: delete or write it again" in out
    (work / "report.html").unlink()
    assert _withdraw(capsys, work, "--key", work / "cohort.participants.json", paths=[work])[0] == 0


def test_an_export_that_is_left_ends_with_status_1(capsys, work):
    (work / "export").mkdir()
    (work / "export" / "export.json").write_text(json.dumps({"cohort": Cohort.open(work / "cohort").fingerprint}))
    status, out, _ = _withdraw(capsys, work, paths=[work / "cohort", work / "export"])
    assert status == 1
    assert "delete it, or write it again" in out


def test_a_link_is_told(capsys, work):
    (work / "cohort" / "link").symlink_to(work.parent / "gone.csv")
    assert "note: cohort/link: a link, not followed" in _withdraw(capsys, work)[1]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda work: (work / "cohort.participants.json").unlink(), "give its place by --key"),
        (lambda work: (work / "cohort.participants.json").write_text("{}"), "a file that is no key file"),
        (lambda work: (work.parent / "gone.csv").write_text("\n"), "found nobody in it"),
        (lambda work: (work.parent / "gone.csv").write_text("00102\nabc\n"), "found no number in line 2"),
        (lambda work: (work.parent / "gone.csv").unlink(), "a file that cannot be read"),
        (lambda work: (work.parent / "gone.csv").write_text("\n".join(PEOPLE)), "nobody left"),
        (lambda work: (work / "cohort" / "cohort.json").write_text("{}"), "a cohort.json without a schema version"),
        (lambda work: (work / "cohort").rename(work / "cohort.building"), "a half-built cohort"),
        (lambda work: shutil.rmtree(work / "cohort"), "no such folder"),
    ],
    ids=["no key", "broken key", "empty list", "no numbers", "no list", "everybody", "damaged", "half-built", "absent"],
)
def test_a_mistake_is_one_line_and_status_2_and_changes_nothing(capsys, work, spoil, said):
    spoil(work)
    before = {path: path.read_bytes() for path in work.rglob("*") if path.is_file()}
    status, out, err = _withdraw(capsys, work)
    assert (status, out) == (2, "")
    assert said in err
    # What a progress bar says of work that was begun ends before it.
    assert [line for line in err.splitlines() if line.startswith("cardiolens: ")] == [err.splitlines()[-1]]
    assert not [person for person in PEOPLE if person in err]
    assert {path: path.read_bytes() for path in work.rglob("*") if path.is_file()} == before


def test_the_key_of_another_cohort_is_refused(capsys, archive, work, tmp_path):
    assert run(capsys, *_prepare(archive, tmp_path / "other"))[0] == 0
    status, _, err = _withdraw(capsys, work, "--key", tmp_path / "other.participants.json")
    assert status == 2
    assert "found a key file that knows nobody of cohort" in err


def test_a_list_that_names_nobody_warns_and_is_no_failure(capsys, work):
    (work.parent / "gone.csv").write_text("7000001\n7000002\n")
    status, out, err = _withdraw(capsys, work)
    assert status == 0
    assert "2 listed, 0 known to this key" in out
    assert "cohort: 0 people removed" in out
    assert "warning: 2 listed, 0 known to this key; " in err


def test_who_is_known_is_counted_however_zeros_are_written(capsys, work):
    (work.parent / "gone.csv").write_text("102\n00104\n7000001\n")
    _, out, err = _withdraw(capsys, work)
    assert "3 listed, 2 known to this key" in out
    assert "warning" not in err


def test_predictions_of_files_lose_their_rows(capsys, work):
    from cardiolens.privacy import hide_participants

    (work.parent / "gone.csv").write_text("7000001\n102\n")
    shown = [hide_participants(f"{number}_20205_2_0.xml") for number in (7000001, 7000002)]
    (work / "predictions.csv").write_text("source,af_risk\n" + "".join(f"{name},0.1\n" for name in shown))
    status, out, _ = _withdraw(capsys, work, "--key", work / "cohort.participants.json", paths=[work])
    assert status == 0
    assert "work/predictions.csv: 1 rows removed" in out
    assert (work / "predictions.csv").read_text() == f"source,af_risk\n{shown[1]},0.1\n"
