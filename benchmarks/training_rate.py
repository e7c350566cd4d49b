"""Samples per second end to end: `train` on a cohort of noise of the paper's sizes, with loader, validation and checkpoints.

Run: `python benchmarks/training_rate.py --device cuda`. The first epoch, in which a compiled step is compiled and caches are
filled, is told apart. A last smaller batch is left out: of few subjects it would weigh far more than of 28,030. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from loader import NoiseRows

from cardiolens.cohorts.build import build_cohort
from cardiolens.cohorts.manifest import CohortSettings
from cardiolens.cohorts.store import Cohort
from cardiolens.parallel import Workers
from cardiolens.progress import Progress, ProgressTask
from cardiolens.recipes import paper
from cardiolens.training.config import Precision
from cardiolens.training.device import choose_device
from cardiolens.training.train import train

STAGES = {"mdm": paper.mdm, "mmcl": paper.mmcl}


class EpochTimes(Progress, ProgressTask):
    """Notes when each epoch was over, validation included."""

    def __init__(self) -> None:
        self.over: list[float] = []

    @contextmanager
    def task(self, title: str, *, total: int, done: int = 0, unit: str = "steps") -> Iterator[ProgressTask]:
        yield self

    def advance(self, count: int = 1) -> None:
        pass

    def note(self, line: str) -> None:
        if line.startswith("epoch "):
            self.over.append(time.perf_counter())


def rate(stage: str, cohort: Cohort, folder: Path, chosen: argparse.Namespace, device: torch.device) -> dict[str, object]:
    """What a training of some epochs took."""
    config = STAGES[stage]()
    training = replace(
        config.training,
        epochs=chosen.epochs,
        warmup_epochs=0.0,
        batch_size=chosen.batch_size or config.training.batch_size,
        precision=Precision(chosen.precision),
        compiled=chosen.compiled,
        drop_last=True,
    )
    if device.type == "cuda":
        torch.cuda.init()
        torch.cuda.reset_peak_memory_stats(device)
    times, began = EpochTimes(), time.perf_counter()
    run = train(replace(config, training=training), cohort, folder, device=device, progress=times)
    samples = len(cohort.rows("train")) // training.batch_size * training.batch_size
    later = times.over[-1] - times.over[0]
    return {
        "step": json.loads((run.path / "environment.json").read_text())["processes"][-1]["step"],
        "precision": chosen.precision,
        "batch_size": training.batch_size,
        "samples_per_epoch": samples,
        "epochs_timed": chosen.epochs - 1,
        "samples_per_second": samples * (chosen.epochs - 1) / later,
        "steps_alone_samples_per_second": run.metrics()[-1]["examples_per_second"],
        "seconds_until_first_epoch_was_over": times.over[0] - began,
        "peak_bytes": torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stage", nargs="+", choices=list(STAGES), default=list(STAGES))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", choices=[one.value for one in Precision], default="bf16")
    parser.add_argument("--compiled", action="store_true")
    parser.add_argument("--subjects", type=int, default=4096, help="of whom 70 %% train")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, help="default: the paper's")
    chosen = parser.parse_args()
    if chosen.epochs < 2:
        parser.error("--epochs takes 2 or more: the first is told apart")
    device = choose_device(chosen.device)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        settings = CohortSettings({"kind": "noise"})
        workers = Workers(min(8, os.cpu_count() or 1) if chosen.subjects > 256 else 1)
        rows = {"num_rows": chosen.subjects, "split_key": b"noise", "workers": workers}
        cohort = build_cohort(folder / "cohort", settings, NoiseRows(), **rows)
        found = {stage: rate(stage, cohort, folder / stage, chosen, device) for stage in chosen.stage}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
