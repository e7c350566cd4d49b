"""Does MRI teach the ECG? Supervised, MDM and MMCL over five seeds, measured on 10,000 independent synthetic hearts.

    python benchmarks/transfer.py [WORK_FOLDER]

About an hour on two cores. Every run is kept in the work folder and never repeated, so the script can be stopped at any time.
Writes `benchmarks/results/transfer-<date>-<processor>.md` and `.csv`.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from machine import describe_machine, result_path

from cardiolens.atomic import write_atomically
from cardiolens.cohorts.prepare_synthetic import prepare_synthetic
from cardiolens.cohorts.store import Cohort
from cardiolens.evaluation.comparison import compare, comparison_table, oracle_predictions
from cardiolens.evaluation.metrics import evaluate
from cardiolens.evaluation.rendering import as_markdown
from cardiolens.progress import PlainProgress
from cardiolens.recipes import transfer
from cardiolens.training.predict import predict_run
from cardiolens.training.run import Run
from cardiolens.training.train import train

PROGRESS = PlainProgress()


def main(work: Path) -> None:
    """Prepare, train, choose, measure, write."""
    began = time.monotonic()
    cohort = prepare_synthetic(work / "cohort", subjects=transfer.SUBJECTS, seed=transfer.COHORT_SEED, progress=PROGRESS)
    test = prepare_synthetic(
        work / "test", subjects=transfer.TEST_SUBJECTS, seed=transfer.TEST_SEED, with_mri=False, progress=PROGRESS
    )
    mdm = train(transfer.mdm(), cohort, work / "mdm", progress=PROGRESS).path
    mmcl = train(transfer.mmcl(), cohort, work / "mmcl", start_from=mdm, progress=PROGRESS).path
    starts = {"Supervised": None, "MDM": mdm, "MMCL": mmcl}
    runs = {
        (method, lr): [_tuned(method, lr, seed, cohort, work, start) for seed in transfer.SEEDS]
        for lr in transfer.LEARNING_RATES
        for method, start in starts.items()
    }
    chosen = {method: max(transfer.LEARNING_RATES, key=lambda lr, m=method: _validated(runs[m, lr])) for method in starts}
    metrics = [_measured(run, test, work) for method, lr in chosen.items() for run in runs[method, lr]]
    choice = {f"{method} at {lr:g}": round(_validated(found), 3) for (method, lr), found in runs.items()}
    write_results(pd.concat(metrics, ignore_index=True), test, chosen, choice, time.monotonic() - began)


def write_results(
    metrics: pd.DataFrame, test: Cohort, chosen: dict[str, float], choice: dict[str, float], seconds: float
) -> None:
    """The comparison, with what validation chose it by."""
    comparison = compare(metrics, split="all", oracle=oracle_predictions(test.subjects).assign(split="all"))
    text = f"""# Supervised, MDM and MMCL on synthetic hearts

Command: `python benchmarks/transfer.py`. Date: {datetime.now(UTC):%Y-%m-%d}. Machine: {describe_machine()}.
{transfer.SUBJECTS} synthetic pairs (seed {transfer.COHORT_SEED}), of which 70 % train; measured on {transfer.TEST_SUBJECTS}
independent hearts with ECG only (seed {transfer.TEST_SEED}). Fine-tuning seeds: {", ".join(map(str, transfer.SEEDS))}.
Sizes and epochs: `recipes/transfer.py`. This process ran {seconds / 60:.0f} minutes (finished runs are kept, not repeated).
The oracle is the true risk that the labels were drawn from.

Learning rate of fine-tuning, chosen on validation: {", ".join(f"{method} {lr:g}" for method, lr in chosen.items())}. Mean over
seeds of what validation saw (mean of three AUCs and the phenotypes' mean r): {choice}.

{as_markdown(comparison_table(comparison))}
"""
    write_atomically(result_path("transfer", ".md"), text.encode())
    write_atomically(result_path("transfer", ".csv"), comparison.to_csv(index=False).encode())
    print(text)


def _tuned(method: str, lr: float, seed: int, cohort: Cohort, work: Path, start: Path | None) -> Run:
    config = transfer.joint()
    config = replace(config, name=method, training=replace(config.training, seed=seed, base_lr=lr))
    return train(config, cohort, work / "runs" / f"{method}-{seed}-{lr:g}".lower(), start_from=start, progress=PROGRESS)


def _validated(runs: list[Run]) -> float:
    return float(np.mean([run.result["best_value"] for run in runs]))


def _measured(run: Run, test: Cohort, work: Path) -> pd.DataFrame:
    stored = work / "metrics" / f"{run.path.name}.parquet"
    if not stored.exists():
        stored.parent.mkdir(exist_ok=True)
        evaluate(predict_run(run, test, "all")).to_parquet(stored.with_suffix(".part"))
        stored.with_suffix(".part").replace(stored)
    return pd.read_parquet(stored)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out/transfer"))
