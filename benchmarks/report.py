"""How long a report takes, and how much memory: 6,000 test subjects, 3 diseases, 61 phenotypes, 5 seeds, 8 methods.

    python benchmarks/report.py

Predictions are made up (a truth plus noise); two halves of validation of 900 subjects come on top. Bootstrap numbers, those of
all differences to one method among them, rest on 10,000 samples of participants. Making up runs in a process of its own.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from machine import describe_machine, load, result_path

from cardiolens.atomic import write_atomically
from cardiolens.evaluation.content import ReportContent
from cardiolens.evaluation.predictions import read_predictions, write_predictions
from cardiolens.evaluation.report import SECTIONS, write_report
from cardiolens.evaluation.sections.evidence import Evidence
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS

SPLITS = {"select": 900, "calibrate": 900, "test": 6000}
DISEASES = {"cad": 0.08, "af": 0.04, "dm": 0.06}
METHODS = ("Supervised", "SimCLR", "CLOCS", "BYOL", "MDM", "MMCL w/o MDM", "MMCL", "Tabular")
SEEDS = range(5)
BEFORE = load()


def main() -> None:
    """Make up predictions in another process, write the report once, then time each section on its own."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with ProcessPoolExecutor(1) as elsewhere:
            elsewhere.submit(make_up, folder).result()
        began = time.perf_counter()
        predictions = read_predictions(folder / "predictions.parquet")
        read = time.perf_counter() - began
        content = ReportContent(
            title="benchmark",
            predictions=predictions,
            detailed_method="MMCL",
            is_synthetic=True,
            commands=("python benchmarks/report.py",),
            environment={},
            next_steps=(),
            subjects=pd.read_parquet(folder / "subjects.parquet"),
        )
        page = write_report(folder / "report", content)
        seconds = time.perf_counter() - began
        numbers = {
            "rows": len(predictions),
            "seconds": round(seconds, 1),
            "seconds_to_read": round(read, 1),
            "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "page_mb": round(page.stat().st_size / 1e6, 2),
            "seconds_by_section": by_section(content),
            "load_before": BEFORE,
            "machine": describe_machine(),
        }
    print(json.dumps(numbers, indent=1))
    write_atomically(result_path("report", ".json"), (json.dumps(numbers, indent=1) + "\n").encode())


def make_up(folder: Path) -> None:
    """Write `predictions.parquet` and `subjects.parquet`."""
    subjects = made_up_subjects(np.random.default_rng(1))
    subjects.to_parquet(folder / "subjects.parquet")
    write_predictions(made_up_predictions(subjects, np.random.default_rng(2)), folder / "predictions.parquet")


def by_section(content: ReportContent) -> dict[str, float]:
    """Seconds of each section; the first that needs something pays for it."""
    evidence, seconds = Evidence(content), {}
    for make in SECTIONS:
        began = time.perf_counter()
        make(evidence)
        seconds[make.__name__] = round(time.perf_counter() - began, 2)
    return seconds


def made_up_subjects(rng: np.random.Generator) -> pd.DataFrame:
    """A table of covariates, as a cohort has it."""
    count = sum(SPLITS.values())
    return pd.DataFrame(
        {
            "subject": [f"{k:012x}" for k in range(count)],
            "split": np.repeat(list(SPLITS), list(SPLITS.values())),
            "has_cmr": True,
            "sex": rng.choice(["F", "M"], count),
            "age_years": rng.uniform(45, 82, count),
            "bmi": rng.normal(27, 4, count),
            "heart_rate_bpm": rng.normal(66, 11, count),
            "ethnicity": rng.choice(["White", "Asian", "Black"], count, p=[0.9, 0.06, 0.04]),
        }
    )


def made_up_predictions(subjects: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Every method and seed about every column; the tabular one about diseases alone."""
    names = pd.Categorical(subjects["subject"])
    split, count = pd.Categorical(subjects["split"]), len(subjects)
    tables = []
    for column in (*DISEASES, *PHENOTYPE_COLUMNS):
        truth = rng.normal(size=count)
        is_disease = column in DISEASES
        target = (truth > np.quantile(truth, 1 - DISEASES[column])).astype(float) if is_disease else 150 + 30 * truth
        for method in METHODS:
            for seed in SEEDS if is_disease or method != "Tabular" else ():
                score = truth + rng.normal(0, 2, count)
                numbers = {"target": target, "score": score if is_disease else 150 + 10 * score}
                task = column if is_disease else "phenotypes"
                who = {"run": f"{method}-{seed}", "method": method, "seed": seed, "task": task, "column": column}
                fixed = {
                    k: v if k == "seed" else pd.Categorical.from_codes(np.zeros(count, np.int8), [v]) for k, v in who.items()
                }
                tables.append(pd.DataFrame(fixed | {"split": split, "subject": names} | numbers))
    union = {
        name: pd.api.types.union_categoricals([table[name] for table in tables])
        for name in ("run", "method", "task", "column", "split", "subject")
    }
    others = {name: np.concatenate([table[name] for table in tables]) for name in ("seed", "target", "score")}
    return pd.DataFrame(union | others)


if __name__ == "__main__":
    sys.exit(main())
