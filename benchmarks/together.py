"""How much faster several fine-tunings that differ by seed are at once: one after the other, by processes, as one ensemble.

Run: `python benchmarks/together.py`, and with `--device cuda` on a GPU. A round trains every member by a few steps in each
of the ways, one way after the other, so that whatever else the machine does hits all of them; only the ratios within a round
count, and their median is told with the least and the greatest. Examples are noise of the real shape; sizes are those of the
recipes `demo.finetune` and `paper.finetune`. Starting processes, a few seconds, is left out. Results go to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from machine import load, write_result

from cardiolens.batch import Batch
from cardiolens.keyed_random import sample_keys
from cardiolens.parallel import start_worker
from cardiolens.recipes import demo, paper
from cardiolens.training.config import Precision
from cardiolens.training.fitting import Fitting, Member
from cardiolens.training.loop import step
from cardiolens.training.run import Run

SIZES = {"demo": demo.finetune, "paper": paper.finetune}
STEPS = {"demo": 6, "paper": 1}


class NoiseBatches:
    """The same batch of noise again and again."""

    def __init__(self, *, batch_size: int, seed: int, device: torch.device) -> None:
        draw = torch.Generator().manual_seed(seed)
        self._batch = Batch(
            ecg=torch.randn(batch_size, 12, 5000, generator=draw),
            ecg_scale=torch.ones(batch_size, 3),
            keys=torch.from_numpy(sample_keys(seed=seed, epoch=0, rows=np.arange(batch_size))),
            target=(torch.arange(batch_size) % 2).float()[:, None],
            target_known=torch.ones(batch_size, 1, dtype=torch.bool),
        ).to(device)

    def __len__(self) -> int:
        return 1 << 30

    def epoch(self, epoch: int, *, shuffle: bool, start_batch: int = 0) -> Generator[Batch, None, None]:
        while True:
            yield self._batch


def fitting_of(size: str, precision: Precision, seed: int, device: torch.device, folder: Path) -> Fitting:
    """One training of a recipe's size, before its first step."""
    config = SIZES[size]()
    config = replace(config, training=replace(config.training, seed=seed, precision=precision))
    batches = NoiseBatches(batch_size=config.training.batch_size, seed=seed, device=device)
    run = Run.start_or_resume(folder / f"{size}-{precision}-{seed}", config, cohort="noise")
    return Fitting(Member(config.method.build(seed=seed).to(device), batches, None, config.training, run))


def one_after_the_other(fittings: list[Fitting], steps: int) -> None:
    """Each by itself."""
    for one in fittings:
        for _ in range(steps):
            step([one])


def as_one(fittings: list[Fitting], steps: int) -> None:
    """All in one ensemble."""
    for _ in range(steps):
        step(fittings)


_here: list[Fitting] = []


def _prepare_here(size: str, precision: Precision, seeds: list[int], device: str, folder: Path, threads: int) -> None:
    torch.set_num_threads(threads)
    _here[:] = [fitting_of(size, precision, seed, torch.device(device), folder) for seed in seeds]


def _step_here(steps: int) -> None:
    one_after_the_other(_here, steps)
    _wait_for(torch.device("cuda" if _here and _here[0].state.device.type == "cuda" else "cpu"))


@contextmanager
def side_by_side(
    size: str, precision: Precision, members: int, device: torch.device, folder: Path, processes: int
) -> Iterator[Callable[[int], None]]:
    """Processes that hold their share of the members; what is yielded steps them all."""
    threads = max(1, torch.get_num_threads() // processes)
    spawn = multiprocessing.get_context("spawn")
    with ExitStack() as open_pools:
        pools = [
            open_pools.enter_context(ProcessPoolExecutor(1, mp_context=spawn, initializer=start_worker))
            for _ in range(processes)
        ]
        shares = [list(range(index, members, processes)) for index in range(processes)]
        for pool, share in zip(pools, shares, strict=True):
            pool.submit(_prepare_here, size, precision, share, device.type, folder / f"{share[0]}", threads).result()

        def steps_of_all(steps: int) -> None:
            for done in [pool.submit(_step_here, steps) for pool in pools]:
                done.result()

        yield steps_of_all


def compared(size: str, precision: Precision, chosen: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Seconds per step of a member, and how many times the rate of one after the other each way has."""
    device = torch.device(chosen.device)
    alone, together = (
        [fitting_of(size, precision, seed, device, folder / way) for seed in range(chosen.members)] for way in ("alone", "one")
    )
    steps = STEPS[size] * (10 if device.type == "cuda" else 1)
    with side_by_side(size, precision, chosen.members, device, folder / "processes", chosen.processes) as stepped:
        ways: dict[str, Callable[[int], None]] = {
            "one_after_the_other": lambda steps: one_after_the_other(alone, steps),
            "side_by_side": stepped,
            "as_one": lambda steps: as_one(together, steps),
        }
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(chosen.rounds + 1):
            for way, train in ways.items():
                began = time.perf_counter()
                train(steps)
                _wait_for(device)
                # The first round warms up.
                if number:
                    seconds[way].append((time.perf_counter() - began) / steps / chosen.members)
    return {
        "milliseconds_per_step_of_a_member": {way: round(1e3 * statistics.median(taken), 2) for way, taken in seconds.items()},
        "times_the_rate_of_one_after_the_other": {
            way: _spread([base / one for base, one in zip(seconds["one_after_the_other"], taken, strict=True)])
            for way, taken in seconds.items()
            if way != "one_after_the_other"
        },
    }


def _spread(ratios: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(ratios), 2), "least": round(min(ratios), 2), "greatest": round(max(ratios), 2)}


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--members", type=int, default=4)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--print-only", action="store_true", help="write no file")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of everything together")
    chosen = parser.parse_args()
    load_before = load()
    torch.set_num_threads(chosen.threads)
    with tempfile.TemporaryDirectory() as folder:
        results = {
            f"{size}_{precision}": compared(size, precision, chosen, Path(folder))
            for size in chosen.size
            for precision in Precision
        }
    device = torch.cuda.get_device_name() if chosen.device.startswith("cuda") else "cpu"
    numbers = ("device", "members", "processes", "rounds", "threads")
    options = " ".join(f"--{name} {getattr(chosen, name)}" for name in numbers)
    settings = {"device": device, "members": chosen.members, "processes": chosen.processes, "threads": chosen.threads}
    if chosen.print_only:
        print(json.dumps(settings | results))
        return
    threads = f"{chosen.threads}_thread{'s' if chosen.threads > 1 else ''}"
    name = f"together_{threads if device == 'cpu' else 'cuda'}"
    write_result(name, f"python benchmarks/together.py {options}", settings | results, load_before=load_before)


if __name__ == "__main__":
    main()
