import contextlib
import hashlib
import pickle

import pytest
import torch
from dying_disk import DyingDisk, FullDisk, Killed

from cardiolens.errors import BadRun, NoSpace
from cardiolens.training.checkpoint import Checkpoints, DamagedCheckpoint

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")


def _state(step):
    return {"step": step, "weights": {"a": torch.arange(step * 100, step * 100 + 1000)}, "names": ["x"], "best": None}


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path / "checkpoints")


def _files(checkpoints):
    return sorted(path.name for path in checkpoints.folder.iterdir())


def test_a_checkpoint_comes_back_as_it_was_saved(checkpoints):
    checkpoints.save(_state(3), step=3)
    stored = checkpoints.newest()
    assert {name: stored[name] for name in ("step", "names", "best")} == {"step": 3, "names": ["x"], "best": None}
    assert torch.equal(stored["weights"]["a"], _state(3)["weights"]["a"])


def test_without_a_checkpoint_there_is_none(checkpoints):
    assert checkpoints.newest() is None


def test_the_newest_wins_and_two_are_kept(checkpoints):
    for step in (1, 2, 10):
        checkpoints.save(_state(step), step=step)
    assert checkpoints.newest()["step"] == 10
    assert [name[:14] for name in _files(checkpoints)] == ["step-000000002", "step-000000010"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(bytes(byte ^ (i == 600) for i, byte in enumerate(path.read_bytes()))),
    ],
    ids=["cut short", "empty", "one bit"],
)
def test_a_damaged_newest_gives_way_to_the_one_before_with_a_warning(checkpoints, damage):
    checkpoints.save(_state(1), step=1)
    damage(checkpoints.save(_state(2), step=2))
    with pytest.warns(DamagedCheckpoint, match="step-000000002"):
        assert checkpoints.newest()["step"] == 1


def test_a_checkpoint_is_read_without_running_code(checkpoints, tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("owned",), None)

    checkpoints.folder.mkdir()
    content = pickle.dumps({"schema_version": 1, "step": Evil()}, protocol=2)
    name = f"step-000000001-{hashlib.sha256(content).hexdigest()[:32]}.pt"
    (checkpoints.folder / name).write_bytes(content)
    with pytest.warns(DamagedCheckpoint, match="does not read"):
        assert checkpoints.newest() is None


def test_a_checkpoint_of_another_schema_version_is_refused(checkpoints, monkeypatch):
    monkeypatch.setattr("cardiolens.training.checkpoint.SCHEMA_VERSION", 0)
    checkpoints.save(_state(1), step=1)
    monkeypatch.undo()
    with pytest.raises(BadRun, match="schema version"):
        checkpoints.newest()


def test_stray_files_are_left_alone(checkpoints):
    checkpoints.folder.mkdir()
    stray = checkpoints.folder / "notes.txt"
    stray.write_text("mine")
    checkpoints.save(_state(1), step=1)
    assert checkpoints.newest()["step"] == 1
    checkpoints.clear()
    assert _files(checkpoints) == ["notes.txt"]


def test_a_process_that_dies_at_any_file_operation_leaves_a_whole_checkpoint(tmp_path, monkeypatch):
    deaths = 0
    while True:
        checkpoints = Checkpoints(tmp_path / str(deaths))
        for step in (1, 2):
            checkpoints.save(_state(step), step=step)
        disk = DyingDisk(tmp_path, last=deaths)
        with disk.installed(monkeypatch), contextlib.suppress(Killed):
            checkpoints.save(_state(3), step=3)
        if not disk.died:
            break
        stored = checkpoints.newest()
        assert stored["step"] in (2, 3)
        assert torch.equal(stored["weights"]["a"], _state(stored["step"])["weights"]["a"])
        checkpoints.save(_state(4), step=4)
        assert len(_files(checkpoints)) == 2, "what the dead process left behind is removed"
        deaths += 1
    assert deaths >= 5


def test_a_full_disk_is_said_in_one_line_and_spares_what_is_there(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    checkpoints.save(_state(1), step=1)
    for last in range(5):
        with FullDisk(tmp_path, last=last).installed(monkeypatch), pytest.raises(NoSpace, match="no space left"):
            checkpoints.save(_state(2), step=2)
        assert checkpoints.newest()["step"] == 1
        assert len(_files(checkpoints)) == 1, "nothing half-written stays"
