"""What two of our deviations from the published code do, measured on the runs of `transfer.py`.

    python benchmarks/deviations.py [WORK_FOLDER]

`mean_over_windows` against the first window alone, over the seeds that are there; `joint_heads` against one model per task,
diseases on balanced examples as in the paper, for one seed. Run `transfer.py` first. Writes a dated JSON to `results/`.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from machine import load, write_result

from cardiolens.cohorts.store import Cohort
from cardiolens.evaluation.metrics import evaluate
from cardiolens.progress import PlainProgress
from cardiolens.recipes import demo, transfer
from cardiolens.training.config import RunConfig
from cardiolens.training.predict import predict_run
from cardiolens.training.run import Run
from cardiolens.training.train import train

WINDOW = 2500
SHOWN = {"cad": "auroc", "af": "auroc", "dm": "auroc", "phenotypes": "mean_r"}


def main(work: Path) -> None:
    """Measure both and write."""
    load_before = load()
    cohort, test = Cohort.open(work / "cohort"), Cohort.open(work / "test")
    joint = [run for path in sorted((work / "runs").glob("mmcl-*-0.001")) if (run := Run.open(path)).is_done]
    whole = [_shown(predict_run(run, test, "all")) for run in joint]
    first = replace(test, ecg=test.ecg[:, :, :WINDOW])
    first_window = [_shown(predict_run(run, first, "all")) for run in joint]
    result = {
        "mean_over_windows": _mean(whole),
        "first_window_alone": _mean(first_window),
        "runs": len(joint),
        "joint_heads_seed_0": whole[0],
        "one_model_per_task_seed_0": _separate(cohort, test, work),
    }
    write_result("deviations", "python benchmarks/deviations.py", result, load_before=load_before)


def _separate(cohort: Cohort, test: Cohort, work: Path) -> dict[str, float]:
    found = {}
    for task in demo.JOINT_TASKS:
        config = demo.finetune_phenotypes() if task == "phenotypes" else _one_disease(task)
        run = train(
            replace(config, training=replace(config.training, epochs=transfer.joint().training.epochs)),
            cohort,
            work / "runs" / f"alone-{task}",
            start_from=work / "mmcl",
            progress=PlainProgress(),
        )
        found |= _shown(predict_run(run, test, "all"))
    return found


def _one_disease(task: str) -> RunConfig:
    from cardiolens.tasks import TASKS

    config = demo.finetune()
    return replace(config, method=replace(config.method, tasks=(TASKS[task],)))


def _shown(predictions: pd.DataFrame) -> dict[str, float]:
    metrics = evaluate(predictions).set_index(["column", "metric"])["value"]
    return {column: round(float(metrics[column, metric]), 4) for column, metric in SHOWN.items() if (column, metric) in metrics}


def _mean(runs: list[dict[str, float]]) -> dict[str, float]:
    return {column: round(float(np.mean([run[column] for run in runs])), 4) for column in SHOWN}


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out/transfer"))
