"""From a study's finished runs to the paper's tables and figures, as files. Nothing is trained or predicted here.

tables/    CSV, Markdown and LaTeX of Tables I to V
figures/   PNG of Figures 4 and 5
predictions.parquet, metrics.csv   what they are made of
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from cardiolens.atomic import write_atomically
from cardiolens.cohorts.store import Cohort
from cardiolens.errors import BadRun
from cardiolens.evaluation.comparison import oracle_predictions
from cardiolens.evaluation.differences import differences
from cardiolens.evaluation.metrics import evaluate
from cardiolens.evaluation.paper_figures import low_data_curves, phenotype_scatters
from cardiolens.evaluation.paper_tables import PAPER_TABLES, Results
from cardiolens.evaluation.predictions import concat_predictions, read_predictions, write_predictions
from cardiolens.evaluation.rendering import as_csv, as_latex, as_markdown
from cardiolens.notice import NOTICE
from cardiolens.study.paper import CMR_OF_MMCL, LOW_DATA_METHODS, MMCL, share_of
from cardiolens.study.plan import Study
from cardiolens.study.runner import Asked, StudyRuns
from cardiolens.training.examples import training_rows

_REFERENCES = (MMCL, CMR_OF_MMCL)
_BOOTSTRAP_SEED = 2023


def write_results(
    study: Study, runs: StudyRuns, cohort: Cohort, out: Path, *, asked: Asked, tabular: pd.DataFrame | None = None
) -> list[Path]:
    """Write every table and figure that the study's runs allow; the files that were written.

    Raises:
        BadRun: no run predicts anything.
    """
    if not runs.predictions:
        raise BadRun(
            study.name, found="a study that predicts nothing", expected="fine-tuned runs", remedy="choose another part"
        )
    whole = [read_predictions(path) for key, path in runs.predictions.items() if share_of(key) == 1]
    predictions = concat_predictions([*whole, *([] if tabular is None else [tabular])])
    metrics = evaluate(predictions)
    write_predictions(predictions, out / "predictions.parquet")
    write_atomically(out / "metrics.csv", metrics.to_csv(index=False).encode())
    written = _write_tables(out / "tables", _results(predictions, metrics, cohort, asked))
    return [*written, *_write_figures(out / "figures", study, runs, cohort, predictions, asked)]


def _results(predictions: pd.DataFrame, metrics: pd.DataFrame, cohort: Cohort, asked: Asked) -> Results:
    present = set(predictions["method"])
    shared = shared_subjects(predictions)
    found = [
        differences(shared, reference=reference, split=asked.split, rng=np.random.default_rng(_BOOTSTRAP_SEED))
        for reference in _REFERENCES
        if reference in present and len(present) > 1
    ]
    oracle = None
    if cohort.settings.source.get("kind") == "synthetic":
        people = cohort if asked.cohort == cohort.path else Cohort.open(asked.cohort)
        told = oracle_predictions(people.subjects)
        oracle = told.assign(split=asked.split) if asked.split not in set(told["split"]) else told[told["split"] == asked.split]
    return Results(metrics, asked.split, pd.concat(found, ignore_index=True) if found else None, oracle)


def shared_subjects(predictions: pd.DataFrame) -> pd.DataFrame:
    """Per column the rows of subjects about whom every method says something: methods that need an MRI are silent on others."""
    said = predictions.groupby(["column", "subject"], observed=True)["method"].transform("nunique")
    asked = predictions.groupby("column", observed=True)["method"].transform("nunique")
    return predictions[said == asked]


def _write_tables(folder: Path, results: Results) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for make in PAPER_TABLES:
        try:
            table = make(results)
        except BadRun:
            continue  # none of its methods was run
        contents = {"csv": as_csv(table), "md": f"{as_markdown(table)}\n\n{NOTICE}\n", "tex": as_latex(table)}
        written += [
            write_atomically(folder / f"{table.name}.{ending}", content.encode()) for ending, content in contents.items()
        ]
    return written


def _write_figures(
    folder: Path, study: Study, runs: StudyRuns, cohort: Cohort, predictions: pd.DataFrame, asked: Asked
) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    drawn: dict[str, bytes] = {}
    of_mmcl = predictions[(predictions["method"] == MMCL) & predictions["task"].isin(_phenotype_tasks(study))]
    if not of_mmcl.empty:
        seed = int(of_mmcl["seed"].min())
        drawn["figure_4_phenotypes"] = phenotype_scatters(predictions, method=MMCL, seed=seed, split=asked.split)
    curves = low_data_results(study, runs, cohort, asked)
    if len(set(curves["train_size"])) > 1:
        drawn["figure_5_few_labels"] = low_data_curves(curves)
        write_atomically(folder / "figure_5_few_labels.csv", curves.to_csv(index=False).encode())
    return [write_atomically(folder / f"{name}.png", picture) for name, picture in drawn.items()]


def _phenotype_tasks(study: Study) -> set[str]:
    return {run.key.split("/")[0] for run in study.runs if run.predicts} - set(study.tabular or ("cad", "af", "dm"))


def low_data_results(study: Study, runs: StudyRuns, cohort: Cohort, asked: Asked) -> pd.DataFrame:
    """AUC of every run on a disease by the number of subjects it was trained on."""
    parts = []
    sizes: Mapping[str, int] = {}
    for run in study.runs:
        if run.key not in runs.predictions or run.config.name not in LOW_DATA_METHODS or not run.config.data.balanced:
            continue
        kind = f"{run.key.split('/')[0]} {run.config.data.share}"
        if kind not in sizes:
            sizes = {**sizes, kind: len(training_rows(cohort, run.config.method, run.config.data))}
        metrics = evaluate(read_predictions(runs.predictions[run.key]))
        parts.append(metrics[(metrics["metric"] == "auroc") & (metrics["split"] == asked.split)].assign(train_size=sizes[kind]))
    columns = ["method", "column", "metric", "seed", "train_size", "value", "low", "high"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
