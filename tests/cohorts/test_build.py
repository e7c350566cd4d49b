import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_rows import KEY, FakeRows, contents, fake_cohort, fake_settings

from cardiolens.cohorts import array_files
from cardiolens.cohorts.build import build_cohort
from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.training_sets import members
from cardiolens.errors import BadCohort, BadOption, CardiolensError, NoSpace
from cardiolens.privacy import keyed_hash


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return contents(fake_cohort(tmp_path_factory.mktemp("undisturbed") / "cohort", num_rows=200, refused=(5, 64, 199)).path)


def _killed_while_building(out, pids, *, processes, chunks, waits_at):
    """Start a build that gets no further than row `waits_at`, and kill it without warning when `chunks` chunks are stored."""
    code = (
        "from pathlib import Path; from fake_rows import fake_cohort\n"
        f"if __name__ == '__main__': fake_cohort(Path({str(out)!r}), num_rows=200, refused=(5, 64, 199), "
        f"processes={processes}, waits_at={waits_at}, pids=Path({str(pids)!r}))"
    )
    script = pids.parent / "build_in_own_process.py"
    script.write_text(code)
    process = subprocess.Popen([sys.executable, str(script)], env=_environment())
    stored = out.with_name(f"{out.name}.building") / "chunks"
    try:
        while len(list(stored.glob("*.parquet"))) < chunks:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.005)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("stride", [29, pytest.param(1, marks=pytest.mark.long)])
def test_killed_at_any_step_that_changes_the_disk_it_is_completed_to_the_same_bits(tmp_path, stride):
    script = Path(__file__).with_name("killed_at_steps.py")
    subprocess.run([sys.executable, str(script), str(tmp_path), str(stride)], env=_environment(), check=True)
    expected = contents(fake_cohort(tmp_path / "undisturbed", num_rows=33, refused=(5,)).path)
    completed = [path for path in tmp_path.iterdir() if path.name != "undisturbed"]
    assert len(completed) > 100 // stride
    for path in completed:
        assert contents(path) == expected, f"after a kill at step {path.name}"


def _environment():
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _alive(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_killed_twice_and_run_again_gives_the_same_bits(tmp_path, undisturbed):
    out, pids = tmp_path / "cohort", tmp_path / "pids"
    pids.mkdir()
    _killed_while_building(out, pids, processes=1, chunks=1, waits_at=70)
    _killed_while_building(out, pids, processes=2, chunks=3, waits_at=170)
    with pytest.raises(BadCohort, match="half-built"):
        Cohort.open(out)
    deadline = time.monotonic() + 60
    while any(_alive(pid.name) for pid in pids.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not [pid.name for pid in pids.iterdir() if _alive(pid.name)], "workers outlive the killed process"
    fake_cohort(out, num_rows=200, refused=(5, 64, 199))
    assert contents(out) == undisturbed
    assert not out.with_name("cohort.building").exists()


def test_two_processes_give_the_same_bits_as_one(tmp_path, undisturbed):
    cohort = fake_cohort(tmp_path / "cohort", num_rows=200, refused=(5, 64, 199), processes=2)
    assert contents(cohort.path) == undisturbed


@pytest.mark.parametrize("writes", [0, 100, 450])
def test_a_full_disk_is_said_and_what_is_complete_is_kept(tmp_path, undisturbed, monkeypatch, writes):
    left = iter(range(writes))

    def write_until_full(descriptor, content, offset):
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, content, offset)

    real = os.pwrite
    monkeypatch.setattr(array_files.os, "pwrite", write_until_full)
    out = tmp_path / "cohort"
    with pytest.raises(NoSpace, match="no space left"):
        fake_cohort(out, num_rows=200, refused=(5, 64, 199))
    assert not out.exists()
    monkeypatch.setattr(array_files.os, "pwrite", real)
    made = []
    monkeypatch.setattr("fake_rows.FakeRows.visit", lambda self, index: made.append(index) or 0)
    fake_cohort(out, num_rows=200, refused=(5, 64, 199))
    assert contents(out) == undisturbed
    assert len(made) <= 200 - 32 * (writes // 100) + 3


def test_a_disk_that_fills_up_while_finishing_is_said_and_the_cohort_is_completed_later(tmp_path, undisturbed, monkeypatch):
    out = tmp_path / "cohort"

    def full(path, kept):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("cardiolens.cohorts.assembly.keep_rows", full)
        with pytest.raises(NoSpace):
            fake_cohort(out, num_rows=200, refused=(5, 64, 199))
    fake_cohort(out, num_rows=200, refused=(5, 64, 199))
    assert contents(out) == undisturbed


def test_a_refused_subject_costs_one_line_and_leaves_no_gap(tmp_path):
    whole = fake_cohort(tmp_path / "whole")
    cohort = fake_cohort(tmp_path / "cohort", refused=(0, 33))
    kept = np.delete(np.arange(80), [0, 33])
    assert (cohort.ecg == whole.ecg[kept]).all()
    assert (cohort.cmr == whole.cmr[kept]).all()
    assert list(cohort.subjects["subject"]) == list(whole.subjects["subject"][kept])
    assert cohort.manifest.num_refused == 2
    lines = (cohort.path / "refused.csv").read_text().splitlines()
    assert lines[0] == "subject,visit,part,reason"
    assert len(lines) == 3
    assert "a flat lead" in lines[1]
    assert "1234567" not in lines[1]


def test_a_lost_part_costs_one_line_and_keeps_the_visit(tmp_path):
    cohort = fake_cohort(tmp_path / "cohort", refused=(33,), lost=(0, 34))
    table = pd.read_csv(cohort.path / "refused.csv")
    assert list(table["part"]) == ["mri", "ecg", "mri"]
    assert (len(cohort.subjects), cohort.manifest.num_refused) == (79, 1)
    assert not table["reason"].str.contains("1234567").any()


def test_names_are_hidden_by_the_cohorts_own_key_in_every_process(tmp_path):
    one = fake_cohort(tmp_path / "one", refused=(5, 70), hash_key=b"a")
    two = fake_cohort(tmp_path / "two", refused=(5, 70), hash_key=b"a", processes=2)
    other = fake_cohort(tmp_path / "other", refused=(5, 70), hash_key=b"b")
    refused = [(cohort.path / "refused.csv").read_text() for cohort in (one, two, other)]
    assert refused[0] == refused[1] != refused[2]
    assert f"id-{keyed_hash('1234567', key=b'a', length=8)}" in refused[0]


def test_a_split_that_was_decided_elsewhere_stands(tmp_path):
    cohort = fake_cohort(tmp_path / "cohort", split="test")
    assert set(cohort.subjects["split"]) == {"test"}


def test_ranks_that_were_drawn_elsewhere_stand_after_rows_were_refused(tmp_path):
    cohort = fake_cohort(tmp_path / "cohort", refused=(1,), ranks={3: 1, 7: 0})
    assert list(members(cohort.training_sets["cad"].to_numpy())) == [6, 2]


def test_the_flow_is_stored(tmp_path):
    cohort = build_cohort(
        tmp_path / "cohort", fake_settings(), FakeRows(), num_rows=4, split_key=KEY, flow=(("files found", 9), ("visits", 4))
    )
    assert Cohort.open(cohort.path).manifest.flow == (("files found", 9), ("visits", 4))


def test_a_cohort_of_refused_subjects_only_is_an_error(tmp_path):
    with pytest.raises(BadCohort, match=r"no usable subject among 3.*flat lead"):
        fake_cohort(tmp_path / "cohort", num_rows=3, refused=(0, 1, 2))


def test_a_cohort_without_mri_has_no_picture_file(tmp_path):
    cohort = fake_cohort(tmp_path / "cohort", with_mri=False)
    assert cohort.cmr is None
    assert not (cohort.path / "cmr.npy").exists()


def test_more_subjects_leave_the_others_where_they_were(tmp_path):
    small, large = (fake_cohort(tmp_path / str(n), num_rows=n) for n in (40, 90))
    assert small.subjects.equals(large.subjects[:40])
    assert (small.ecg == large.ecg[:40]).all()


def test_visits_of_a_subject_stay_together(tmp_path):
    subjects = fake_cohort(tmp_path / "cohort", visits=2).subjects
    assert subjects["subject"].nunique() == 40
    assert (subjects.groupby("subject")["split"].agg(set).map(len) == 1).all()


def test_a_complete_cohort_of_the_same_settings_is_opened_unchanged(tmp_path, monkeypatch):
    first = fake_cohort(tmp_path / "cohort")
    monkeypatch.setattr("fake_rows.FakeRows.make", None)
    assert fake_cohort(tmp_path / "cohort").fingerprint == first.fingerprint


def test_a_complete_cohort_of_other_settings_is_refused_with_the_difference(tmp_path):
    fake_cohort(tmp_path / "cohort")
    with pytest.raises(BadOption, match=r"source.seed 0 \(asked for 1\)"):
        fake_cohort(tmp_path / "cohort", seed=1)
    with pytest.raises(BadOption, match=r"num_planned 80 \(asked for 81\)"):
        fake_cohort(tmp_path / "cohort", num_rows=81)


def test_a_half_built_cohort_of_other_settings_is_refused_and_kept(tmp_path):
    out = tmp_path / "cohort"
    with pytest.raises(ZeroDivisionError):
        fake_cohort(out, fails_at=40)
    before = contents(tmp_path)
    with pytest.raises(BadOption, match=r"cohort.building: found a half-built cohort with source.seed 0 \(asked for 1\)"):
        fake_cohort(out, seed=1)
    assert contents(tmp_path) == before
    fake_cohort(out)


def test_a_folder_with_other_files_and_a_file_are_not_touched(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("folder", "file"):
        with pytest.raises(BadOption, match="choose another name"):
            fake_cohort(tmp_path / name)
    assert contents(tmp_path) == {"folder/thesis.txt": b"mine", "file": b"mine"}


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "cohort").mkdir()
    assert len(fake_cohort(tmp_path / "cohort").subjects) == 80


def test_a_killed_worker_is_said_and_the_rest_is_done_later(tmp_path):
    with pytest.raises(CardiolensError, match="a worker process was killed"):
        fake_cohort(tmp_path / "cohort", processes=2, killed_at=70)
    assert len(fake_cohort(tmp_path / "cohort").subjects) == 80
