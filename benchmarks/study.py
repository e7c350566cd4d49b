"""The papers' comparisons on synthetic hearts, at a size for two CPU cores, measured on 10,000 other hearts.

    python benchmarks/study.py [WORK_FOLDER] [--only PARTS]

6,000 synthetic pairs (seed 7), of which 70 % train; 10,000 others (seed 7000) are asked about. The same by hand, once the two
cohorts are there:

    cardiolens study demo --cohort WORK/cohort --test-cohort WORK/test --out WORK/out --jobs 2

Hours in all. Every run is kept in the work folder and never repeated, so it can be stopped at any time. Tables and figures are
copied to `benchmarks/results/study_<date>_<processor>/`.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from machine import describe_machine, result_path

from cardiolens.atomic import write_atomically
from cardiolens.cohorts.prepare_synthetic import prepare_synthetic
from cardiolens.progress import PlainProgress
from cardiolens.recipes.demo_dual_phase import GRID

SUBJECTS, SEED = 6000, 7
TEST_SUBJECTS, TEST_SEED = 10_000, 7000
PROCESSES = 2
PROGRESS = PlainProgress()
# No larger file than a page belongs among results; predictions stay in the work folder.
_KEPT = ("tables", "figures", "metrics.csv")


def main(work: Path, only: str) -> None:
    """Prepare, run, copy."""
    prepare_synthetic(
        work / "cohort", subjects=SUBJECTS, seed=SEED, with_volumes=True, with_cine=True, grid=GRID,
        processes=PROCESSES, progress=PROGRESS,
    )  # fmt: skip
    prepare_synthetic(work / "test", subjects=TEST_SUBJECTS, seed=TEST_SEED, processes=PROCESSES, progress=PROGRESS)
    command = [
        "study", "demo", "--cohort", str(work / "cohort"), "--test-cohort", str(work / "test"), "--out", str(work / "out"),
        "--jobs", str(PROCESSES), *(["--only", only] if only else []),
    ]  # fmt: skip
    subprocess.run([sys.executable, "-m", "cardiolens", *command], check=True)
    keep(work / "out", result_path("study", ""))


def keep(out: Path, results: Path) -> None:
    """Copy what was found, with where it comes from."""
    for name in _KEPT:
        if (out / name).is_dir():
            shutil.copytree(out / name, results / name, dirs_exist_ok=True)
        elif (out / name).exists():
            shutil.copy2(out / name, results / name)
    text = f"""Command: `python benchmarks/study.py`. Date: {datetime.now(UTC):%Y-%m-%d}. Machine: {describe_machine()}.
{SUBJECTS:,} synthetic pairs (seed {SEED}), of which 70 % train; measured on {TEST_SUBJECTS:,} other synthetic hearts (seed
{TEST_SEED}). Sizes: `study/contenders.py` and `study/paper.demo_sizes`. Research use only: not a medical device.
"""
    write_atomically(results / "README.md", text.encode())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", nargs="?", type=Path, default=Path("out/study"))
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    main(given.work, given.only)
