"""The command under torchrun itself: one model, one voice."""

import os
import signal
import subprocess
import sys
import time

import pytest

from cardiolens.training.run import Run

WALL_CLOCK = {"seconds", "examples_per_second"}
pytestmark = pytest.mark.timeout(1200)


def _start(processes, *arguments):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), "-m"]
    return subprocess.Popen(
        [*command, "cardiolens", "train", *map(str, arguments), "--device", "cpu"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def _said(process):
    """Exit status, and what cardiolens itself said, without torchrun's own log."""
    out, error = process.communicate(timeout=900)
    return process.returncode, [line for line in (out + error).splitlines() if line.startswith(("cardiolens:", "done:"))]


def _metrics(folder):
    return [{k: v for k, v in line.items() if k not in WALL_CLOCK} for line in Run.open(folder).metrics()]


def test_two_processes_write_the_run_of_one(tiny_cohort, tmp_path):
    recipe = ("smoke.mdm", "--cohort", tiny_cohort.path, "--out")
    two, one = _start(2, *recipe, tmp_path / "two"), _start(1, *recipe, tmp_path / "one")
    assert _said(two) == (0, [f"done: {tmp_path / 'two'}"])
    assert _said(one) == (0, [f"done: {tmp_path / 'one'}"])
    for line, expected in zip(_metrics(tmp_path / "two"), _metrics(tmp_path / "one"), strict=True):
        assert line == pytest.approx(expected, rel=1e-4, abs=2e-4)


def test_what_is_wrong_with_all_processes_is_said_once(tiny_cohort, tmp_path):
    recipe = ("smoke.mmcl", "--training.sync-batch-norm", "--cohort", tiny_cohort.path, "--out", tmp_path / "run")
    status, said = _said(_start(2, *recipe))
    assert status == 1
    assert said == [
        "cardiolens: training.sync_batch_norm: found true on cpu; expected false, or a GPU for every process; "
        "leave it out; every process then normalises its share"
    ]


def test_several_seeds_are_not_for_several_processes(tiny_cohort, tmp_path):
    recipe = ("smoke.finetune", "--seeds", 0, 1, "--cohort", tiny_cohort.path, "--out", tmp_path / "run")
    status, said = _said(_start(2, *recipe))
    assert status == 1
    assert said == [
        "cardiolens: --seeds: found 2 of them in 2 processes; expected one process, which trains them at once; "
        "start it without torchrun, or train one seed at a time"
    ]


@pytest.mark.long
@pytest.mark.parametrize("victims", [slice(0, 1), slice(1, 2), slice(0, 2)], ids=["first", "second", "both"])
def test_processes_that_are_killed_go_on_with_the_same_bits(tiny_cohort, tmp_path, victims):
    settings = ("--training.epochs", 12, "--training.checkpoint-every-steps", 5)
    recipe = ("demo.mmcl", *settings, "--cohort", tiny_cohort.path, "--out")
    folder = tmp_path / "killed"
    process = _start(2, *recipe, folder)
    until = time.monotonic() + 120
    while not list(folder.glob("checkpoints/*.pt")) and time.monotonic() < until:
        time.sleep(0.05)
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=True)
    for child in children.stdout.split()[victims]:
        os.kill(int(child), signal.SIGKILL)
    status, said = _said(process)
    assert status == 1
    lost = "cardiolens: another process of this training ended; what is complete is kept; run the same command again to go on"
    assert said in ([], [f"{lost} from there"])
    assert _said(_start(2, *recipe, folder)) == (0, [f"done: {folder}"])

    whole = tmp_path / "whole"
    assert _said(_start(2, *recipe, whole))[0] == 0
    assert (folder / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert _metrics(folder) == _metrics(whole)
