"""From a study's finished runs to the papers' tables and figures, as files, and to the report. Nothing is trained here.

tables/    CSV, Markdown and LaTeX of Tables I to V, of what goes beyond them, and of the second paper's models
figures/   PNG of Figures 4 to 6 and of the second paper's bars, with their numbers as CSV
index.html the report, with all of them
predictions.parquet, metrics.csv   what they are made of
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cardiolens.atomic import write_atomically
from cardiolens.cohorts.store import Cohort
from cardiolens.errors import BadRun
from cardiolens.evaluation.canvas import with_footer
from cardiolens.evaluation.comparison import compare
from cardiolens.evaluation.content import ReportContent, figure_footer, measured_in_words
from cardiolens.evaluation.curves import learning_curves
from cardiolens.evaluation.differences import differences, shared_subjects
from cardiolens.evaluation.metrics import evaluate
from cardiolens.evaluation.paper_figures import low_data_curves, model_bars, phenotype_scatters
from cardiolens.evaluation.paper_tables import DUAL_PHASE_MODELS, PAIRS, PAPER_TABLES, Results, beyond, dual_phase
from cardiolens.evaluation.predictions import concat_predictions, read_predictions, write_predictions
from cardiolens.evaluation.rendering import Table, as_csv, as_latex, as_markdown, plain_table
from cardiolens.evaluation.report import write_report
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.notice import NOTICE
from cardiolens.progress import QUIET, Progress
from cardiolens.study.heat_maps import MOST_SUBJECTS, write_heat_maps
from cardiolens.study.paper import CMR_OF_MMCL, LOW_DATA_METHODS, MMCL, share_of
from cardiolens.study.plan import Study
from cardiolens.study.reporting import cohort_content, model_settings
from cardiolens.study.runner import StudyRuns
from cardiolens.training.examples import training_rows
from cardiolens.training.run import METRICS, Run

_HEAT_MAPS = {"mmcl_without_mdm": "MMCL w/o MDM", "mmcl": "MMCL"}
_REFERENCES = (MMCL, CMR_OF_MMCL, "ECG only")
_COMPARED = ("auroc", "mean_r", "mean_r2", "r")
_BOOTSTRAP_SEED = 2023
_HEAT_MAP_TITLES = {
    "retrieval": "Finding the right MRI for an ECG, and the ECG for an MRI",
    "localisation": "Where the positive similarity lies: share inside the heart, and whether the maximum does",
    "sanity": "How much of a map survives when the weights are random",
}
_CAPTIONS = {
    "figure_4_phenotypes": "Figure 4: twenty phenotypes predicted from the ECG against their measured values.",
    "figure_5_few_labels": "Figure 5: diseases by the number of subjects that fine-tuning saw.",
    "figure_6_heat_maps": "Figure 6: where the local projections of an MRI agree (red) or disagree (blue) with the projection "
    "of the same subject's ECG. What such maps are worth stands in the tables of localisation beside it.",
    "dual_phase_bars": "The second paper's models: explained variance of phenotype groups and AUC of diseases.",
}


@dataclass(frozen=True)
class FinishedStudy:
    """A study whose runs are all done, and whom they were asked about."""

    study: Study
    runs: StudyRuns
    cohort: Cohort
    """What was trained on."""
    people: Cohort
    """What was asked about; often the same."""
    split: str
    commands: tuple[str, ...] = ()
    """What a reader types to get the same."""
    notes: tuple[str, ...] = ()
    """What was left out, and why."""
    mapped: int = MOST_SUBJECTS
    """How many subjects at most heat maps are computed of."""


def write_results(
    done: FinishedStudy, out: Path, *, tabular: pd.DataFrame | None = None, progress: Progress = QUIET
) -> list[Path]:
    """Write every table and figure that the study's runs allow, and the report; the files that were written, the page last.

    A study of pre-training alone has figures and no page.

    Raises:
        BadRun: no run predicts anything and there is nothing to draw.
    """
    for folder in ("tables", "figures"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    heat_maps: list[Path] = []
    if places := {name: done.runs.places[key] for key, name in _HEAT_MAPS.items() if key in done.runs.places}:
        heat_maps = _write_figure_6(out / "figures", done, places, progress)
    if not done.runs.predictions:
        if not heat_maps:
            found, remedy = "a study with nothing to show", "choose another part"
            raise BadRun(done.study.name, found=found, expected="fine-tuned runs", remedy=remedy)
        return heat_maps
    asked, held_out = (
        [read_predictions(path) for key, path in answers.items() if share_of(key) == 1]
        for answers in (done.runs.predictions, done.runs.held_out)
    )
    everything = concat_predictions([*asked, *held_out, *([] if tabular is None else [tabular])])
    write_predictions(everything, out / "predictions.parquet")
    content = cohort_content(done.cohort, done.people, done.split)
    results = _results(everything, done.split, content["oracle"])
    write_atomically(out / "metrics.csv", results.metrics.to_csv(index=False).encode())
    tables = list(_tables(results))
    written = [path for table in tables for path in _write_table(out / "tables", table)]
    figures = _write_figures(out / "figures", done, everything, results)
    methods = list(results.metrics["method"].unique())
    detailed = next((method for method in _REFERENCES if method in methods), methods[0])
    of_detailed = [run.key for run in done.study.runs if run.predicts and run.config.name == detailed]
    pretraining = {key: place / METRICS for key, place in done.runs.places.items() if key not in done.runs.predictions}
    report = ReportContent(
        title=f"cardiolens study {done.study.name}",
        predictions=everything,
        metrics=results.metrics,
        detailed_method=detailed,
        commands=done.commands,
        notes=done.notes,
        next_steps=(),
        tables=tuple(tables),
        figures=_captioned(figures),
        heat_maps=_captioned(heat_maps),
        heat_map_tables=tuple(_heat_map_tables(heat_maps)),
        curves=learning_curves({key: path for key, path in pretraining.items() if "/" not in key and path.exists()}),
        model=model_settings(Run.open(done.runs.places[of_detailed[0]])) if of_detailed else {},
        **content,
    )
    return [*written, *figures, *heat_maps, write_report(out, report, progress=progress)]


def _captioned(paths: list[Path]) -> dict[str, tuple[str, bytes]]:
    return {path.stem: (_CAPTIONS[path.stem], path.read_bytes()) for path in paths if path.suffix == ".png"}


def _heat_map_tables(paths: list[Path]) -> Iterator[Table]:
    for path in paths:
        if path.suffix == ".csv":
            yield plain_table(pd.read_csv(path), name=path.stem, title=_HEAT_MAP_TITLES[path.stem])


def _results(predictions: pd.DataFrame, split: str, oracle: pd.DataFrame | None) -> Results:
    present = set(predictions["method"].unique())
    shared = shared_subjects(predictions)
    wanted = dict.fromkeys(_REFERENCES, present)
    for method, reference in PAIRS:
        wanted[reference] = wanted.get(reference, {reference}) | {method}
    found = []
    for reference, methods in wanted.items():
        if reference in present and len(methods & present) > 1:
            chosen = shared if methods >= present else shared[shared["method"].isin(methods)]
            rng = np.random.default_rng(_BOOTSTRAP_SEED)
            found.append(differences(chosen, reference=reference, split=split, rng=rng, metrics=_COMPARED))
    return Results(evaluate(predictions, split=split), split, pd.concat(found, ignore_index=True) if found else None, oracle)


def _tables(results: Results) -> Iterator[Table]:
    for make in (*PAPER_TABLES, beyond, dual_phase):
        try:
            yield make(results)
        except BadRun:
            continue  # none of its methods was run


def _write_table(folder: Path, table: Table) -> list[Path]:
    contents = {"csv": as_csv(table), "md": f"{as_markdown(table)}\n\n{NOTICE}\n", "tex": as_latex(table)}
    return [write_atomically(folder / f"{table.name}.{ending}", content.encode()) for ending, content in contents.items()]


def _write_figures(folder: Path, done: FinishedStudy, predictions: pd.DataFrame, results: Results) -> list[Path]:
    drawn: dict[str, bytes] = {}
    about_synthetic = done.people.is_synthetic
    footer = figure_footer(trained_on_synthetic=done.cohort.is_synthetic, about_synthetic=about_synthetic)
    of_mmcl = predictions[((predictions["method"] == MMCL) & predictions["column"].isin(PHENOTYPE_COLUMNS)).to_numpy()]
    if not of_mmcl.empty:
        seed = int(of_mmcl["seed"].min())
        drawn["figure_4_phenotypes"] = phenotype_scatters(
            predictions, method=MMCL, seed=seed, split=done.split, measured=measured_in_words(about_synthetic=about_synthetic)
        )
    curves = low_data_results(done)
    if len(set(curves["train_size"])) > 1:
        drawn["figure_5_few_labels"] = low_data_curves(curves)
        write_atomically(folder / "figure_5_few_labels.csv", curves.to_csv(index=False).encode())
    models = results.metrics[results.metrics["method"].isin(DUAL_PHASE_MODELS)]
    if not models.empty:
        drawn["dual_phase_bars"] = model_bars(compare(models, split=done.split, shown=("mean_r2", "auroc")))
    return [write_atomically(folder / f"{name}.png", with_footer(picture, footer)) for name, picture in drawn.items()]


def _write_figure_6(folder: Path, done: FinishedStudy, places: dict[str, Path], progress: Progress) -> list[Path]:
    # An ECG-only test cohort shows no maps; the trained cohort's own test split does.
    has_mri = done.people.subjects["has_cmr"].to_numpy(bool)[done.people.rows(done.split)].any()
    people, split = (done.people, done.split) if has_mri else (done.cohort, "test")
    return write_heat_maps(places, people, split, folder, most=done.mapped, progress=progress)


def low_data_results(done: FinishedStudy) -> pd.DataFrame:
    """AUC of every run on a disease by the number of subjects it was trained on."""
    parts = []
    sizes: dict[str, int] = {}
    for run in done.study.runs:
        config = run.config
        if run.key not in done.runs.predictions or config.name not in LOW_DATA_METHODS or not config.data.balanced:
            continue
        kind = f"{run.key.split('/')[0]} {config.data.share}"
        if kind not in sizes:
            sizes[kind] = len(training_rows(done.cohort, config.method, config.data))
        metrics = evaluate(read_predictions(done.runs.predictions[run.key]))
        asked = (metrics["metric"] == "auroc") & (metrics["split"] == done.split)
        parts.append(metrics[asked].assign(train_size=sizes[kind]))
    columns = ["method", "column", "metric", "seed", "train_size", "value", "low", "high"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
