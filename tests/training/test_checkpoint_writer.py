import threading

import pytest
import torch
from dying_disk import FullDisk

from cardiolens.errors import NoSpace
from cardiolens.training.checkpoint import Checkpoints
from cardiolens.training.checkpoint_writer import CheckpointWriter

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")


class SlowCheckpoints(Checkpoints):
    """Begins to write only when it may."""

    def __init__(self, folder):
        super().__init__(folder)
        self.may_write = threading.Event()

    def save(self, state, *, step):
        assert self.may_write.wait(60)
        return super().save(state, step=step)


def test_what_is_written_is_the_state_when_it_was_asked_for(tmp_path):
    checkpoints = SlowCheckpoints(tmp_path)
    weights = torch.zeros(3)
    with CheckpointWriter(checkpoints) as writer:
        writer.write({"nested": [{"weights": weights}], "best": None}, step=1)
        weights += 1
        checkpoints.may_write.set()
    stored = checkpoints.newest()
    assert torch.equal(stored["nested"][0]["weights"], torch.zeros(3))
    assert stored["best"] is None


def test_the_loop_does_not_wait_for_the_disk_but_the_next_checkpoint_does(tmp_path):
    checkpoints = SlowCheckpoints(tmp_path)
    with CheckpointWriter(checkpoints) as writer:
        writer.write({}, step=1)
        assert checkpoints.newest() is None, "it has come back, and nothing is written yet"
        threading.Timer(0.2, checkpoints.may_write.set).start()
        writer.write({}, step=2)
        assert checkpoints.may_write.is_set(), "the second did not come back before the first could be written"
    assert checkpoints.newest() is not None


def test_a_full_disk_is_raised_once_at_the_next_look(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    checkpoints.save({"step": 1}, step=1)
    with FullDisk(tmp_path, last=0).installed(monkeypatch), CheckpointWriter(checkpoints) as writer:
        writer.write({"step": 2}, step=2)
        with pytest.raises(NoSpace, match="no space left"):
            writer.wait()
        writer.check()
    assert checkpoints.newest()["step"] == 1


def test_a_full_disk_is_raised_where_the_loop_ends(tmp_path, monkeypatch):
    writing = CheckpointWriter(Checkpoints(tmp_path / "checkpoints"))
    with FullDisk(tmp_path, last=0).installed(monkeypatch), pytest.raises(NoSpace), writing as writer:
        writer.write({}, step=1)


def test_what_ended_the_loop_comes_before_a_full_disk(tmp_path, monkeypatch):
    def interrupted():
        with CheckpointWriter(Checkpoints(tmp_path / "checkpoints")) as writer:
            writer.write({}, step=1)
            raise KeyboardInterrupt

    with FullDisk(tmp_path, last=0).installed(monkeypatch), pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not any(thread.name == "checkpoint writer" for thread in threading.enumerate())
