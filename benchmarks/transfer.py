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
from cardiolens.training.config import RunConfig
from cardiolens.training.predict import predict_run
from cardiolens.training.train import train

PROGRESS = PlainProgress()


def main(work: Path) -> None:
    """Prepare, train, measure, write."""
    began = time.monotonic()
    cohort = prepare_synthetic(work / "cohort", subjects=transfer.SUBJECTS, seed=transfer.COHORT_SEED, progress=PROGRESS)
    test = prepare_synthetic(
        work / "test", subjects=transfer.TEST_SUBJECTS, seed=transfer.TEST_SEED, with_mri=False, progress=PROGRESS
    )
    mdm = train(transfer.mdm(), cohort, work / "mdm", progress=PROGRESS).path
    mmcl = train(transfer.mmcl(), cohort, work / "mmcl", start_from=mdm, progress=PROGRESS).path
    starts = {"Supervised": None, "MDM": mdm, "MMCL": mmcl}
    # Seed by seed, so that a script that is stopped early still has whole comparisons.
    for seed in transfer.SEEDS:
        for method, start in starts.items():
            _measure(_named(transfer.joint(), method, seed), cohort, test, work, start)
        write_results(work, test, time.monotonic() - began)
    fresh = train(transfer.mmcl_without_mdm(), cohort, work / "mmcl-without-mdm", progress=PROGRESS).path
    for seed in transfer.SEEDS:
        _measure(_named(transfer.joint(), "MMCL w/o MDM", seed), cohort, test, work, fresh)
        write_results(work, test, time.monotonic() - began)


def write_results(work: Path, test: Cohort, seconds: float) -> None:
    """The comparison of what has been measured so far."""
    metrics = pd.concat([pd.read_parquet(path) for path in sorted((work / "metrics").glob("*.parquet"))], ignore_index=True)
    comparison = compare(metrics, split="all", oracle=oracle_predictions(test.subjects).assign(split="all"))
    seeds = metrics.groupby("method")["seed"].nunique().to_dict()
    text = f"""# Supervised, MDM and MMCL on synthetic hearts

Command: `python benchmarks/transfer.py`. Date: {datetime.now(UTC):%Y-%m-%d}. Machine: {describe_machine()}.
{transfer.SUBJECTS} synthetic pairs (seed {transfer.COHORT_SEED}), of which 70 % train; measured on {transfer.TEST_SUBJECTS}
independent hearts with ECG only (seed {transfer.TEST_SEED}). Fine-tuning seeds so far: {seeds}. Sizes and epochs:
`recipes/transfer.py`. This process ran {seconds / 60:.0f} minutes. The oracle is the true risk that the labels were drawn from.

{as_markdown(comparison_table(comparison))}
"""
    write_atomically(result_path("transfer", ".md"), text.encode())
    write_atomically(result_path("transfer", ".csv"), comparison.to_csv(index=False).encode())


def _named(config: RunConfig, method: str, seed: int) -> RunConfig:
    return replace(config, name=method, training=replace(config.training, seed=seed))


def _measure(config: RunConfig, cohort: Cohort, test: Cohort, work: Path, start: Path | None) -> None:
    place = f"{config.name}-{config.training.seed}".lower().replace(" ", "-").replace("/", "")
    stored = work / "metrics" / f"{place}.parquet"
    if stored.exists():
        return
    run = train(config, cohort, work / "runs" / place, start_from=start, progress=PROGRESS)
    metrics = evaluate(predict_run(run, test, "all"))
    stored.parent.mkdir(exist_ok=True)
    metrics.to_parquet(stored.with_suffix(".part"))
    stored.with_suffix(".part").replace(stored)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out/transfer"))
