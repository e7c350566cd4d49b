"""Two processes against one: the same weights and the same numbers, to the tenth digit."""

import multiprocessing
import os
import signal
import time
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close
from trained_together import Case, free_port, on_processes, set_environment

from cardiolens.batch import StepOutput
from cardiolens.errors import BadOption, NoSpace
from cardiolens.training.distributed import average, averaged, from_first, is_first, joined, largest, own_device

CASES = {
    "masked": Case("masked"),
    "masked, one row left over": Case("masked", rows=17),
    "masked in parts": Case("masked", settings=(("accumulation", 2),)),
    "contrastive": Case("contrastive"),
    "contrastive in parts": Case("contrastive", settings=(("accumulation", 2),)),
    "contrastive in cached parts": Case("contrastive", settings=(("cached_parts", 2),)),
    "supervised": Case("supervised", rows=17),
    "byol": Case("byol", rows=16),
}
WALL_CLOCK = {"seconds", "examples_per_second"}
pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("together")
    return on_processes(1, CASES, folder / "one") + on_processes(2, CASES, folder / "two")


@pytest.mark.parametrize("name", CASES)
def test_two_processes_end_with_the_weights_of_one(trained, name):
    alone, first, second = (weights for weights, _ in (found[name] for found in trained))
    for key, weight in alone.items():
        assert torch.equal(first[key], second[key]), f"{key} differs between the two"
        assert_close(first[key], weight, rtol=1e-10, atol=1e-10, msg=lambda text, key=key: f"{key}: {text}")


@pytest.mark.parametrize("name", CASES)
def test_two_processes_report_the_numbers_of_one(trained, name):
    alone, first, _ = (metrics for _, metrics in (found[name] for found in trained))
    assert len(first) == len(alone) == 2, "the second process writes none"
    for line, expected in zip(first, alone, strict=True):
        assert line.keys() == expected.keys()
        for key in line.keys() - WALL_CLOCK:
            assert line[key] == pytest.approx(expected[key], rel=1e-10, abs=1e-10, nan_ok=True), key


def test_cached_parts_change_nothing_on_any_number_of_processes(trained):
    whole, _ = trained[0]["contrastive"]
    for found in trained:
        for key, weight in found["contrastive in cached parts"][0].items():
            assert_close(weight, whole[key], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("before", "after"), [(2, 1), pytest.param(1, 2, marks=pytest.mark.long)])
def test_what_some_processes_began_others_may_end(trained, tmp_path, before, after):
    case = Case("contrastive")
    whole, metrics = trained[0]["contrastive"]
    stopped = on_processes(before, {"it": replace(case, stopped_at=2)}, tmp_path / "run")
    # The first to stop says so, the other ends silently; which of them is first is left to chance.
    silent = [(SystemExit, 130)] * (before - 1)
    assert sorted((found["stopped"] for found in stopped), key=str) == [(KeyboardInterrupt, None), *silent]
    weights, resumed = on_processes(after, {"it": case}, tmp_path / "run")[0]["it"]
    for key, weight in whole.items():
        assert_close(weights[key], weight, rtol=1e-10, atol=1e-10)
    assert [line["train_loss"] for line in resumed] == pytest.approx([line["train_loss"] for line in metrics], rel=1e-10)


def _fail(rank, port, ending):
    set_environment(rank, 2, port)
    with joined("cpu"):
        largest(rank)
        if rank == 0:
            ending()
        # The other one has gone meanwhile, and the store with it, unless it waited.
        time.sleep(1)
        largest(rank)


def _kill_oneself():
    os.kill(os.getpid(), signal.SIGKILL)


def _run_out_of_space():
    raise NoSpace("checkpoints")


@pytest.mark.parametrize(
    ("ending", "codes", "said"),
    [(_run_out_of_space, [1, 2], "checkpoints: no space left"), (_kill_oneself, [-9, 1], "LostProcess: another process")],
)
def test_one_process_that_ends_ends_all_and_the_first_to_know_why_says_so(ending, codes, said, capfd):
    context, port = multiprocessing.get_context("spawn"), free_port()
    pair = [context.Process(target=_fail, args=(rank, port, ending)) for rank in (0, 1)]
    for one in pair:
        one.start()
    for one in pair:
        one.join(300)
    assert [one.exitcode for one in pair] == codes
    assert capfd.readouterr().err.count(said) == 1


def test_every_process_takes_the_gpu_of_its_rank(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert own_device("auto") == own_device("cuda") == torch.device("cuda:1")
    assert own_device("cpu") == torch.device("cpu")
    with pytest.raises(BadOption, match="found cuda:1, 2 GPUs and 2 processes"):
        own_device("cuda:1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(BadOption, match="found auto, 1 GPUs and 2 processes"):
        own_device("auto")


def test_a_process_alone_shares_nothing():
    numbers = torch.tensor([1.0, 2.0])
    average([numbers])
    output = StepOutput(numbers.sum())
    assert is_first()
    assert (numbers.tolist(), largest(3), from_first(lambda: 4)) == ([1.0, 2.0], 3, 4)
    assert averaged(output) is output
