"""What a study is: runs that build on one another, settings that validation chooses, and whom to predict. Plain values.

A run is named by its key, such as `mmcl` or `cad/mmcl/seed-101`. Where it lies on the disk follows from its content, so two
studies that share a run share its result.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from cardiolens.errors import BadOption
from cardiolens.recipes.paper import scaled_lr
from cardiolens.training.config import RunConfig

BASE_RATE = "training.blr"


@dataclass(frozen=True)
class PlannedRun:
    """One training run."""

    key: str
    config: RunConfig
    start: tuple[str, ...] = ()
    """Keys of the runs whose encoders it starts from; a later one wins where two have the same encoder."""
    sweep: str = ""
    """Key of the sweep whose best settings it takes; empty keeps its own."""
    predicts: bool = False
    """Whether what it says about the test subjects is part of the results."""


@dataclass(frozen=True)
class Sweep:
    """Settings that are chosen by the validation number of a run with each combination of values."""

    key: str
    base: PlannedRun
    """What is run; its `key` and `sweep` are not used."""
    grid: Mapping[str, tuple[Any, ...]]
    """Values by dotted setting, such as `training.base_lr`."""
    higher_is_better: bool = True
    """Of the validation number: a score, and not a loss."""

    def run(self, chosen: Mapping[str, Any]) -> PlannedRun:
        """The run with one combination of values."""
        name = ",".join(f"{setting.rpartition('.')[2]}={value:g}" for setting, value in chosen.items())
        config = with_settings(self.base.config, chosen)
        return replace(self.base, key=f"{self.key}/{name}", config=config, sweep="", predicts=False)

    def __len__(self) -> int:
        """How many runs it takes."""
        return math.prod(map(len, self.grid.values()))


@dataclass(frozen=True)
class Study:
    """Runs and sweeps, in an order in which each comes after what it builds on."""

    name: str
    runs: tuple[PlannedRun, ...]
    sweeps: tuple[Sweep, ...] = ()
    tabular: tuple[str, ...] = field(default=())
    """Label columns that the tabular baseline predicts too."""

    def __post_init__(self) -> None:
        keys = [run.key for run in self.runs] + [sweep.key for sweep in self.sweeps]
        known = {run.key for run in self.runs}
        chosen = {sweep.key for sweep in self.sweeps}
        starts = {start for run in [*self.runs, *(sweep.base for sweep in self.sweeps)] for start in run.start}
        missing = sorted((starts - known) | ({run.sweep for run in self.runs if run.sweep} - chosen))
        if len(set(keys)) < len(keys) or missing:
            raise BadOption(
                self.name,
                found=f"a study that needs {missing[0]}, which it does not run" if missing else "a key twice",
                expected="keys of its own, each once",
                remedy="mend the study",
            )

    def joined(self, other: Study) -> Study:
        """With the runs and sweeps of another study; where both have a key, its own stands."""
        runs, sweeps = {run.key for run in self.runs}, {sweep.key for sweep in self.sweeps}
        return replace(
            self,
            runs=(*self.runs, *(run for run in other.runs if run.key not in runs)),
            sweeps=(*self.sweeps, *(sweep for sweep in other.sweeps if sweep.key not in sweeps)),
            tabular=tuple(dict.fromkeys((*self.tabular, *other.tabular))),
        )

    def without(self, unwanted: Sequence[str]) -> Study:
        """The study without some runs, by key, and all that builds on them."""
        gone = set(unwanted)
        for run in self.runs:
            if gone.intersection(run.start):
                gone.add(run.key)
        return self.only([run.key for run in self.runs if run.key not in gone])

    def only(self, wanted: Sequence[str]) -> Study:
        """The study cut down to some runs, by key, and what they build on."""
        by_key = {run.key: run for run in self.runs}
        sweeps = {sweep.key: sweep for sweep in self.sweeps}
        waiting = [by_key[key] for key in wanted]
        kept: set[str] = set()
        while waiting:
            run = waiting.pop()
            if run.key not in kept:
                kept.add(run.key)
                needed = [*run.start, *(sweeps[run.sweep].base.start if run.sweep else ())]
                waiting += [by_key[key] for key in needed]
        runs = tuple(run for run in self.runs if run.key in kept)
        used = {run.sweep for run in runs}
        return replace(self, runs=runs, sweeps=tuple(sweep for sweep in self.sweeps if sweep.key in used))


def with_settings(config: RunConfig, settings: Mapping[str, Any]) -> RunConfig:
    """The same with other values of dotted settings; `training.blr` is a learning rate per four examples, as the paper gives
    them, and is multiplied out by the batch size that the others leave.

    Raises:
        BadOption: there is no such setting.
    """
    for name, value in settings.items():
        if name != BASE_RATE:
            config = _with(config, name.split("."), value, name)
    if BASE_RATE in settings:
        rate = scaled_lr(settings[BASE_RATE], batch_size=config.training.batch_size)
        config = replace(config, training=replace(config.training, base_lr=rate))
    return config


def _with(config: Any, path: Sequence[str], value: Any, whole: str) -> Any:
    if not is_dataclass(config) or path[0] not in {one.name for one in fields(config)}:
        raise BadOption("settings", found=whole, expected="a setting of the run", remedy="mend the name")
    inner = value if len(path) == 1 else _with(getattr(config, path[0]), path[1:], value, whole)
    return replace(config, **{path[0]: inner})
