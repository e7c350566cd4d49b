"""Trains real methods at the smallest sizes on one or several processes, in float64, where only mistakes make a difference."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import socket
import time
from collections.abc import Generator
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from every_method import METHODS, six_subjects
from torch import nn

from cardiolens.batch import Batch, Share
from cardiolens.keyed_random import sample_keys
from cardiolens.progress import QUIET
from cardiolens.training.config import RunConfig, TrainingConfig
from cardiolens.training.distributed import from_first, joined, own_share
from cardiolens.training.loop import fit
from cardiolens.training.run import Run


@dataclass(frozen=True)
class Case:
    """One training."""

    method: str
    rows: int = 18
    """Subjects, in batches of four: the last batch of 18 has two, that of 17 one, which every process then has."""
    settings: tuple[tuple[str, object], ...] = ()
    """Of `TrainingConfig`, besides the usual."""
    frozen: bool = True
    """Batch norm keeps to its stored statistics: those of a share are not those of the whole batch."""
    stopped_at: int | None = None
    """The batch of the second epoch before which the last process, and it alone, is interrupted."""


class DoubleBatches:
    """Batches in float64, of which this process has its share."""

    def __init__(self, rows: int, *, share: Share, parts: int = 1, stopped_at: int | None = None) -> None:
        self._stopped_at = stopped_at if share.rank == share.processes - 1 else None
        times = -(-rows // 6)
        six = six_subjects()
        tensors = {f.name: v for f in fields(six) if isinstance(v := getattr(six, f.name), torch.Tensor)}
        many = {name: torch.cat([tensor] * times)[:rows] for name, tensor in tensors.items()}
        # Subjects of different sixes differ.
        many["ecg"] = many["ecg"] * torch.linspace(0.5, 2, rows)[:, None, None]
        self._all = Batch(**{name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in many.items()})
        self._share, self._parts = share, parts

    def __len__(self) -> int:
        return -(-len(self._all) // 4)

    def epoch(self, epoch: int, *, shuffle: bool, start_batch: int = 0) -> Generator[Batch, None, None]:
        rows = len(self._all)
        order = np.random.default_rng(epoch).permutation(rows) if shuffle else np.arange(rows)
        keys = torch.from_numpy(sample_keys(seed=1, epoch=epoch, rows=order))
        for k in range(start_batch, len(self)):
            if (epoch, k) == (1, self._stopped_at):
                signal.raise_signal(signal.SIGINT)
            whole = np.arange(4 * k, min(4 * k + 4, rows))
            own = whole[self._share.places(len(whole), parts=self._parts)]
            batch = Batch(**{f.name: v[order[own]] for f in fields(self._all)
                             if isinstance(v := getattr(self._all, f.name), torch.Tensor)})  # fmt: skip
            yield replace(batch, keys=keys[own], whole=None if len(own) == len(whole) else len(whole))


def train(case: Case, folder: Path) -> tuple[dict[str, torch.Tensor], list[dict[str, float]]]:
    """The weights and the metrics that a training ends with, resumed where the folder holds it."""
    settings = {"epochs": 2, "batch_size": 4, "base_lr": 0.01, "warmup_epochs": 0.5, "weight_decay": 0.1, "clip_norm": 1.0}
    training = TrainingConfig(**settings | dict(case.settings))
    config = RunConfig("case", METHODS[case.method], training)
    run = from_first(lambda: Run.start_or_resume(folder, config, cohort="a cohort"))
    method = run.config.method.build(seed=0).double()
    for module in method.modules():
        if case.frozen and isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval().train = lambda mode=True, module=module: module
    batches = DoubleBatches(case.rows, share=own_share(), parts=training.accumulation, stopped_at=case.stopped_at)
    fit(method, batches, DoubleBatches(7, share=own_share()), training, run, progress=QUIET)
    return method.state_dict(), run.metrics()


def on_processes(processes: int, cases: dict[str, Case], folder: Path) -> list[dict]:
    """What every process ends with, by name of the case."""
    context, port = multiprocessing.get_context("spawn"), free_port()
    started = [context.Process(target=_process, args=(rank, processes, port, cases, folder)) for rank in range(processes)]
    for one in started:
        one.start()
    for one in started:
        one.join(timeout=900)
        assert one.exitcode == 0
    return [pickle.loads((folder / f"{rank}.pickle").read_bytes()) for rank in range(processes)]


def _process(rank: int, processes: int, port: int, cases: dict[str, Case], folder: Path) -> None:
    in_float64()
    folder.mkdir(exist_ok=True)
    set_environment(rank, processes, port)
    found: dict = {}
    try:
        with joined("cpu"):
            for name, case in cases.items():
                found[name] = train(case, folder / name)
    except (KeyboardInterrupt, SystemExit) as stopped:
        found["stopped"] = type(stopped), getattr(stopped, "code", None)
    # A group that lives on aborts the process where Python ends while its threads still run.
    until = time.monotonic() + 60
    while (group_lives := _group_lives()) and time.monotonic() < until:
        time.sleep(0.01)
    assert not group_lives
    (folder / f"{rank}.pickle").write_bytes(pickle.dumps(found))


def _group_lives() -> bool:
    found = False
    for name in Path("/proc/self/task").glob("*/comm"):
        # A thread may end between two looks.
        with contextlib.suppress(OSError):
            found |= "gloo" in name.read_text()
    return found


def in_float64() -> None:
    """Make methods compute in float64 in this process, on one thread."""
    torch.set_num_threads(1)
    # Methods leave bf16 by `float()`, which here would lose half of the digits.
    torch.Tensor.float = torch.Tensor.double
    # PyTorch's own refuses the weights of keyed random numbers, which are float32.
    torch.lerp = lambda start, end, weight: start + weight * (end - start)


def set_environment(rank: int, processes: int, port: int) -> None:
    """What torchrun tells a process."""
    told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "LOCAL_WORLD_SIZE": processes, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in told.items()}, MASTER_ADDR="localhost")


def free_port() -> int:
    """A port where processes can meet."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]
