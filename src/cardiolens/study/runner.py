"""A study's runs, each done once: in the order that they need, side by side where they do not need one another. On a GPU,
fine-tunings of one method that differ by seed or learning rate are computed as one (`training.together`).

A run lies in `runs/<digest>` under the digest of its settings, its cohort and what it starts from: it is found again by every
study that asks for it, and goes on where it was stopped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from cardiolens.atomic import write_atomically
from cardiolens.cohorts.splits import SPLIT_GROUPS
from cardiolens.cohorts.store import Cohort
from cardiolens.configs import digest, to_json
from cardiolens.evaluation.predictions import concat_predictions, write_predictions
from cardiolens.parallel import HERE, Workers
from cardiolens.progress import QUIET, Progress
from cardiolens.study.choice import best_of, combinations
from cardiolens.study.plan import PlannedRun, Study, Sweep, with_settings
from cardiolens.training.config import RunConfig
from cardiolens.training.device import choose_device
from cardiolens.training.predict import predict_run
from cardiolens.training.run import DONE, Run
from cardiolens.training.together import ensemble_pays, in_groups
from cardiolens.training.train import Wanted, train, train_as_one

VALIDATION = "validation"


@dataclass(frozen=True)
class Asked:
    """Whom the finished runs are asked about."""

    cohort: Path
    split: str = "test"


@dataclass(frozen=True)
class RunTask:
    """All that a worker needs for one run."""

    key: str
    config: RunConfig
    cohort: Path
    place: Path
    start: tuple[Path, ...]
    asked: tuple[tuple[Asked, Path], ...]
    """Whom the finished run is asked about, and where its answers go, named by whom they are about."""
    device: str
    """Where it is trained, as `choose_device` takes it: a worker on another machine chooses its own."""


@dataclass(frozen=True)
class StudyRuns:
    """Where everything lies after a study."""

    places: dict[str, Path]
    """Folder of each run by key."""
    chosen: dict[str, dict[str, Any]]
    """Settings that validation chose, by sweep."""
    predictions: dict[str, Path]
    """Table of each run that predicts, by key."""
    held_out: dict[str, Path]
    """What it says about the validation subjects of its own cohort, on whom risks are calibrated, by key."""


def run_study(
    study: Study,
    cohort: Cohort,
    out: Path,
    *,
    asked: Asked,
    workers: Workers = HERE,
    device: str = "cpu",
    progress: Progress = QUIET,
) -> StudyRuns:
    """Do, or complete, the runs of a study in folder `out`. `device` is a name that `choose_device` takes.

    Raises:
        BadOption: the cohort lacks what a run needs.
        BadRun: a training diverged.
        NoSpace: the disk is full; free some and run again.
        CardiolensError: a worker was killed; run again.
    """
    state = _State(cohort, out, asked, device)
    waiting: list[PlannedRun | Sweep] = [*study.sweeps, *study.runs]
    total = len(study.runs) + sum(map(len, study.sweeps))
    with progress.task(f"study {study.name}", total=total, unit="runs") as task:
        while waiting:
            ready = [one for one in waiting if state.is_ready(one)]
            assert ready, "a study of runs that wait for one another"
            planned = [run for one in ready for run in state.expanded(one)]
            # Pre-training runs are few and long: what is ready is done at once, then the next wave is looked at.
            tasks = [state.task(run) for run in planned]
            for run, task_of_run in zip(planned, tasks, strict=True):
                _remember(task_of_run.place, run)
            groups = grouped(tasks, choose_device(device))
            for done in workers.map(do_runs, groups, count=len(groups)):
                task.advance(len(done))
                for line in done:
                    task.note(line)
            state.settle(ready, planned, tasks)
            waiting = [one for one in waiting if one not in ready]
    return StudyRuns(state.places, state.chosen, state.predictions, state.held_out)


def unfinished(study: Study, cohort: Cohort, out: Path) -> list[PlannedRun]:
    """The runs, those of sweeps included, that are not done in folder `out`, with the settings chosen so far. Writes nothing.

    What builds on a run that is not done is not done either.
    """
    state = _State(cohort, out, Asked(cohort.path), "cpu")
    waiting: list[PlannedRun | Sweep] = [*study.sweeps, *study.runs]
    left: list[PlannedRun] = []
    while ready := [one for one in waiting if state.is_ready(one)]:
        for one in ready:
            planned = state.expanded(one)
            tasks = [state.task(run) for run in planned]
            missing = [run for run, task in zip(planned, tasks, strict=True) if not (task.place / DONE).exists()]
            left += missing
            if not missing:
                state.settle([one], planned, tasks)
        waiting = [one for one in waiting if one not in ready]
    return left + [run for one in waiting for run in (state.expanded(one) if isinstance(one, Sweep) else [one])]


def grouped(tasks: Sequence[RunTask], device: torch.device) -> list[tuple[RunTask, ...]]:
    """What is given to a worker at once: on a GPU, fine-tunings from the same weights that are computed as one."""
    if not ensemble_pays(device):
        return [(task,) for task in tasks]
    groups, seen, by_start = [], set(), {}
    for task in tasks:
        if task.place in seen:
            # Two entries of a plan that are the same run: the second finds it done.
            groups.append((task,))
        else:
            seen.add(task.place)
            by_start.setdefault(task.start, []).append(task)
    alike = [
        tuple(those[place] for place in places)
        for those in by_start.values()
        for places in in_groups([task.config for task in those])
    ]
    return alike + groups


def do_runs(tasks: Sequence[RunTask]) -> list[str]:
    """Do several runs that `grouped` put together, and say so in one line each."""
    device = choose_device(tasks[0].device)
    if len(tasks) > 1 and ensemble_pays(device):
        wanted = [Wanted(task.config, task.place) for task in tasks]
        train_as_one(wanted, Cohort.open(tasks[0].cohort), start_from=tasks[0].start, device=device)
    return [do_run(task) for task in tasks]


def do_run(task: RunTask) -> str:
    """Train one run, ask it about people, and say so in one line. Done work is not done again."""
    cohort = Cohort.open(task.cohort)
    device = choose_device(task.device)
    run = train(task.config, cohort, task.place, start_from=task.start, device=device)
    for asked, answers in task.asked:
        if not answers.exists():
            people = cohort if asked.cohort == task.cohort else Cohort.open(asked.cohort)
            # The halves of validation serve different ends and keep their names.
            splits = SPLIT_GROUPS[VALIDATION] if asked.split == VALIDATION else (asked.split,)
            tables = [predict_run(run, people, split, device=device) for split in splits]
            write_predictions(concat_predictions(tables), answers)
    value = run.result["best_value"]
    return f"{task.key}: {run.result['epochs']} epochs" + ("" if value is None else f", validation {value:.4f}")


class _State:
    """What is known so far."""

    def __init__(self, cohort: Cohort, out: Path, asked: Asked, device: str) -> None:
        self._cohort, self._out, self._asked, self._device = cohort, out, asked, device
        people = cohort if asked.cohort == cohort.path else Cohort.open(asked.cohort)
        self._answers = f"predictions-{asked.split}-{people.fingerprint[:12]}.parquet"
        self._held_out = f"predictions-{VALIDATION}-{cohort.fingerprint[:12]}.parquet"
        self._digests: dict[str, str] = {}
        self.places: dict[str, Path] = {}
        self.chosen: dict[str, dict[str, Any]] = {}
        self.predictions: dict[str, Path] = {}
        self.held_out: dict[str, Path] = {}

    def is_ready(self, one: PlannedRun | Sweep) -> bool:
        run = one.base if isinstance(one, Sweep) else one
        return all(start in self.places for start in run.start) and (isinstance(one, Sweep) or self._is_settled(one))

    def _is_settled(self, run: PlannedRun) -> bool:
        return not run.sweep or run.sweep in self.chosen

    def expanded(self, one: PlannedRun | Sweep) -> list[PlannedRun]:
        """The runs behind a plan's entry, with the settings that were chosen for them."""
        if isinstance(one, Sweep):
            return [one.run(chosen) for chosen in combinations(one.grid)]
        return [replace(one, config=with_settings(one.config, self.chosen[one.sweep])) if one.sweep else one]

    def task(self, run: PlannedRun) -> RunTask:
        name = digest_of(run.config, self._cohort.fingerprint, [self._digests[start] for start in run.start])
        self._digests[run.key] = name
        place = self._out / "runs" / name
        start = tuple(self.places[key] for key in run.start)
        asked = (self._asked, place / self._answers), (Asked(self._cohort.path, VALIDATION), place / self._held_out)
        answers = asked if run.predicts else ()
        return RunTask(run.key, run.config, self._cohort.path, place, start, answers, self._device)

    def settle(self, ready: Sequence[PlannedRun | Sweep], planned: Sequence[PlannedRun], tasks: Sequence[RunTask]) -> None:
        """Take note of finished runs, and choose where a sweep is complete."""
        self.places |= {run.key: task.place for run, task in zip(planned, tasks, strict=True)}
        for task in tasks:
            if task.asked:
                (_, self.predictions[task.key]), (_, self.held_out[task.key]) = task.asked
        for sweep in ready:
            if isinstance(sweep, Sweep):
                tried = [sweep.run(chosen).key for chosen in combinations(sweep.grid)]
                self.chosen[sweep.key] = best_of(
                    sweep.grid, [_validated(self.places[key]) for key in tried], higher_is_better=sweep.higher_is_better
                )


def digest_of(config: RunConfig, cohort: str, starts: Sequence[str]) -> str:
    """The name under which a run of this content lies: 16 hexadecimal digits."""
    return digest({"config": to_json(config), "cohort": cohort, "starts": list(starts)})[:16]


def _validated(place: Path) -> float:
    value = Run.open(place).result["best_value"]
    return float("nan") if value is None else float(value)


def _remember(place: Path, run: PlannedRun) -> None:
    """A person who looks into `runs` finds what each folder is."""
    note = place.with_suffix(".json")
    if not note.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        content: Mapping[str, Any] = {"key": run.key, "name": run.config.name, "start": list(run.start)}
        write_atomically(note, json.dumps(content, indent=1).encode())
