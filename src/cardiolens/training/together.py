"""Several runs of one method on one cohort, which differ in seed or learning rate: all at once, by what the device likes best.

On a GPU the small kernels of a fine-tuning leave most of it idle, so runs are computed as one (`ensemble`). A CPU is busy with
one run; there they are done side by side by processes. How much each gains: benchmarks/together.py. Every run ends as the
ordinary folder that `train` would have made alone, up to the last digits, and one that was stopped may go on by either way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from cardiolens.cohorts.store import Cohort
from cardiolens.parallel import Workers
from cardiolens.progress import QUIET, Progress
from cardiolens.training.config import RunConfig
from cardiolens.training.ensemble import can_step_together
from cardiolens.training.run import Run
from cardiolens.training.train import CPU, Wanted, sources_of, train, train_as_one

MOST_AT_ONCE = 8
"""Runs that share a GPU in one ensemble: what they keep of a step for its gradients grows with their number."""


def ensemble_pays(device: torch.device) -> bool:
    """Whether several runs are better computed as one on this device than by processes of their own."""
    return device.type == "cuda"


def in_groups(configs: Sequence[RunConfig]) -> list[list[int]]:
    """The places of runs that can be computed as one, group by group, `MOST_AT_ONCE` at most; in order of their first."""
    groups: list[list[int]] = []
    for place, config in enumerate(configs):
        fitting = [group for group in groups if len(group) < MOST_AT_ONCE and can_step_together(configs[group[0]], config)]
        if fitting:
            fitting[0].append(place)
        else:
            groups.append([place])
    return groups


def train_all(
    wanted: Sequence[Wanted],
    cohort: Cohort,
    *,
    start_from: Path | Sequence[Path] | None = None,
    device: torch.device = CPU,
    processes: int = 1,
    progress: Progress = QUIET,
) -> list[Run]:
    """The finished run of each, begun, resumed, or returned where it is done. Errors are those of `train`.

    On a CPU `processes` of them are trained side by side, each by its share of the processors.
    """
    if ensemble_pays(device):
        for group in in_groups([one.config for one in wanted]):
            train_as_one([wanted[place] for place in group], cohort, start_from=start_from, device=device, progress=progress)
    elif processes > 1 and len(wanted) > 1:
        processes = min(processes, len(wanted))
        threads = max(1, torch.get_num_threads() // processes)
        tasks = [_Task(one, cohort.path, tuple(sources_of(start_from)), device.type, threads) for one in wanted]
        with progress.task(wanted[0].config.name, total=len(wanted), unit="runs") as shown:
            for line in Workers(processes).map(_train_one, tasks, count=len(tasks)):
                shown.advance()
                shown.note(line)
    else:
        for one in wanted:
            train(one.config, cohort, one.out, start_from=start_from, device=device, progress=progress)
    return [Run.open(one.out) for one in wanted]


@dataclass(frozen=True)
class _Task:
    wanted: Wanted
    cohort: Path
    sources: tuple[Path, ...]
    device: str
    threads: int


def _train_one(task: _Task) -> str:
    torch.set_num_threads(task.threads)
    config = task.wanted.config
    run = train(config, Cohort.open(task.cohort), task.wanted.out, start_from=task.sources, device=torch.device(task.device))
    value = run.result["best_value"]
    ended = f"seed {config.training.seed}: {run.result['epochs']} epochs"
    return ended if value is None else f"{ended}, validation {value:.4f}"
