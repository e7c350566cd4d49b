"""How long the rest of a study will take on this machine: a few steps of every kind of run are measured, nothing is kept.

Early stopping is not foreseen, so the forecast is the most that it can be but for validation and disk.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from cardiolens.cohorts.loader import Loader
from cardiolens.cohorts.store import Cohort
from cardiolens.configs import digest
from cardiolens.study.choice import combinations
from cardiolens.study.plan import PlannedRun, Study
from cardiolens.study.runner import unfinished
from cardiolens.training.config import RunConfig
from cardiolens.training.examples import training_rows
from cardiolens.training.validation import autocast

_STEPS = 3


@dataclass(frozen=True)
class Expected:
    """One run and its time."""

    key: str
    examples: int
    """In all its epochs."""
    seconds: float


def forecast(study: Study, cohort: Cohort, device: torch.device, out: Path) -> list[Expected]:
    """Every run that folder `out` does not hold finished, sweeps included, in the plan's order.

    What a sweep will have trained already is no run of its own.

    Raises:
        BadOption: the cohort lacks what a run needs.
    """
    rates: dict[tuple, float] = {}
    found = []
    left = {run.key: run for run in unfinished(study, cohort, out)}
    bases = {sweep.key: sweep.base.config for sweep in study.sweeps}
    for run in (left[one.key] for one in all_runs(study) if one.key in left):
        config = run.config
        if run.sweep and config == bases[run.sweep]:
            continue
        examples = config.training.epochs * len(training_rows(cohort, config.method, config.data))
        kind = (digest(config.method), config.training.batch_size, config.training.precision)
        if kind not in rates:
            rates[kind] = examples_per_second(config, cohort, device)
        found.append(Expected(run.key, examples, examples / rates[kind]))
    return found


def all_runs(study: Study) -> Sequence[PlannedRun]:
    """The runs of sweeps and the others."""
    tried = [sweep.run(chosen) for sweep in study.sweeps for chosen in combinations(sweep.grid)]
    return [*(run for run in study.runs if not run.predicts), *tried, *(run for run in study.runs if run.predicts)]


def examples_per_second(config: RunConfig, cohort: Cohort, device: torch.device) -> float:
    """The rate of training steps, forward and backward, after one that warms up."""
    training = config.training
    rows = training_rows(cohort, config.method, replace(config.data, share=1.0))[: training.batch_size * (_STEPS + 1)]
    batches = Loader(
        cohort, rows, batch_size=min(training.batch_size, len(rows)), seed=0, columns=config.method.columns,
        images=config.method.needs_images, volumes=config.method.needs_volumes, cine=config.method.needs_cine, device=device,
    )  # fmt: skip
    method = config.method.build(seed=0).to(device).train()
    seen, seconds = 0, 0.0
    for number, batch in enumerate(batches.epoch(0, shuffle=False)):
        began = time.perf_counter()
        with autocast(device, training.precision):
            loss = method(batch).loss
        loss.backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        # A cohort of a single batch has no step after the first.
        if number or len(batches) == 1:
            seen, seconds = seen + len(batch), seconds + time.perf_counter() - began
    return seen / seconds
