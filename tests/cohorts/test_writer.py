import json
import os

import numpy as np
import pytest
from fake_rows import KEY, FakeRows, contents, fake_cohort, fake_settings

from cardiolens.cohorts.build import make_chunk
from cardiolens.cohorts.writer import open_writer
from cardiolens.errors import BadOption


def _open(out, *, num_planned=80):
    return open_writer(out, fake_settings(), num_planned=num_planned, split_key=KEY)


def test_chunks_may_come_in_any_order(tmp_path):
    with _open(tmp_path / "cohort") as writer:
        for chunk in reversed(writer.missing_chunks()):
            writer.store(chunk, make_chunk((FakeRows(), chunk)))
        writer.finish()
    assert contents(tmp_path / "cohort") == contents(fake_cohort(tmp_path / "in_order").path)


def test_only_stored_chunks_are_not_missing(tmp_path):
    with _open(tmp_path / "cohort") as writer:
        first, second, third = writer.missing_chunks()
        assert (first.start, third.stop) == (0, 80)
        writer.store(second, make_chunk((FakeRows(), second)))
    with _open(tmp_path / "cohort") as writer:
        assert writer.missing_chunks() == [first, third]


def test_nobody_else_builds_the_same_cohort_at_the_same_time(tmp_path):
    first, second = _open(tmp_path / "cohort"), _open(tmp_path / "cohort")
    with first, pytest.raises(BadOption, match="another process building this cohort"), second:
        pass
    with _open(tmp_path / "cohort"):
        pass


@pytest.mark.parametrize("step", ["rmtree", "rename"])
def test_stopped_between_the_last_steps_it_is_completed(tmp_path, monkeypatch, step):
    out = tmp_path / "cohort"

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"cardiolens.cohorts.writer.{'shutil' if step == 'rmtree' else 'os'}.{step}", killed)
        with pytest.raises(KeyboardInterrupt):
            fake_cohort(out)
    assert not out.exists()
    with pytest.raises(BadOption, match=r"source\.seed 0 \(asked for 1\)"):
        fake_cohort(out, seed=1)
    fake_cohort(out)
    assert contents(out) == contents(fake_cohort(tmp_path / "undisturbed").path)


def test_what_a_crash_left_unfinished_is_swept_up(tmp_path):
    with _open(tmp_path / "cohort"):
        (tmp_path / "cohort.building" / ".ecg.npy.part").write_text("half")
    cohort = fake_cohort(tmp_path / "cohort")
    assert {path.name for path in cohort.path.iterdir()} == {
        "cohort.json", "subjects.parquet", "training_sets.parquet", "label_counts.csv", "refused.csv", "ecg.npy",
        "ecg_scale.npy", "cmr.npy",
    }  # fmt: skip


def test_a_signal_that_is_not_finite_is_our_mistake(tmp_path):
    with _open(tmp_path / "cohort", num_planned=1) as writer:
        rows = make_chunk((FakeRows(), range(1)))
        rows[0].ecg[3, 4] = np.nan
        with pytest.raises(AssertionError):
            writer.store(range(1), rows)


def test_a_half_built_cohort_of_another_version_of_the_program_is_refused(tmp_path):
    with _open(tmp_path / "cohort"):
        pass
    plan = tmp_path / "cohort.building" / "plan.json"
    plan.write_text(json.dumps(json.loads(plan.read_text()) | {"made_by": "cardiolens 0.0.1"}))
    with pytest.raises(BadOption, match=r"made_by cardiolens 0\.0\.1 \(asked for cardiolens"), _open(tmp_path / "cohort"):
        pass


def test_no_open_file_is_left_behind(tmp_path):
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    fake_cohort(tmp_path / "cohort")
    with pytest.raises(BadOption):
        fake_cohort(tmp_path / "cohort", seed=1)
    after = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    assert after == before
