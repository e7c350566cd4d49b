"""A study's runs, each done once: in the order that they need, side by side where they do not need one another.

A run lies in `runs/<digest>` under the digest of its settings, its cohort and what it starts from: it is found again by every
study that asks for it, and goes on where it was stopped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
from cardiolens.training.predict import predict_run
from cardiolens.training.run import Run
from cardiolens.training.train import train

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
    study: Study, cohort: Cohort, out: Path, *, asked: Asked, workers: Workers = HERE, progress: Progress = QUIET
) -> StudyRuns:
    """Do, or complete, the runs of a study in folder `out`.

    Raises:
        BadOption: the cohort lacks what a run needs.
        BadRun: a training diverged.
        NoSpace: the disk is full; free some and run again.
        CardiolensError: a worker was killed; run again.
    """
    state = _State(cohort, out, asked)
    waiting: list[PlannedRun | Sweep] = [*study.sweeps, *study.runs]
    total = len(study.runs) + sum(map(len, study.sweeps))
    with progress.task(f"study {study.name}", total=total, unit="runs") as task:
        while waiting:
            ready = [one for one in waiting if state.is_ready(one)]
            assert ready, "a study of runs that wait for one another"
            planned = [run for one in ready for run in state.expanded(one)]
            # Pre-training runs are few and long: what is ready is done at once, then the next wave is looked at.
            tasks = [state.task(run) for run in planned]
            for done in workers.map(do_run, tasks, count=len(tasks)):
                task.advance()
                task.note(done)
            state.settle(ready, planned, tasks)
            waiting = [one for one in waiting if one not in ready]
    return StudyRuns(state.places, state.chosen, state.predictions, state.held_out)


def do_run(task: RunTask) -> str:
    """Train one run, ask it about people, and say so in one line. Done work is not done again."""
    cohort = Cohort.open(task.cohort)
    run = train(task.config, cohort, task.place, start_from=task.start)
    for asked, answers in task.asked:
        if not answers.exists():
            people = cohort if asked.cohort == task.cohort else Cohort.open(asked.cohort)
            # The halves of validation serve different ends and keep their names.
            splits = SPLIT_GROUPS[VALIDATION] if asked.split == VALIDATION else (asked.split,)
            tables = [predict_run(run, people, split) for split in splits]
            write_predictions(concat_predictions(tables), answers)
    value = run.result["best_value"]
    return f"{task.key}: {run.result['epochs']} epochs" + ("" if value is None else f", validation {value:.4f}")


class _State:
    """What is known so far."""

    def __init__(self, cohort: Cohort, out: Path, asked: Asked) -> None:
        self._cohort, self._out, self._asked = cohort, out, asked
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
        _remember(place, run)
        start = tuple(self.places[key] for key in run.start)
        asked = (self._asked, place / self._answers), (Asked(self._cohort.path, VALIDATION), place / self._held_out)
        return RunTask(run.key, run.config, self._cohort.path, place, start, asked if run.predicts else ())

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
