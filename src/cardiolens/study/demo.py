"""The whole path on synthetic hearts: cohort, pre-training, fine-tuning, evaluation, an answer for one ECG file, a report.

Each step leaves its result in the demo's folder and is skipped where that is there already, so an interrupted demo goes on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from cardiolens.atomic import write_atomically
from cardiolens.cohorts.prepare_synthetic import prepare_synthetic
from cardiolens.cohorts.store import Cohort
from cardiolens.errors import BadOption
from cardiolens.evaluation.content import OneAnswer, Reconstruction, ReportContent, SimilarityMaps
from cardiolens.evaluation.curves import learning_curves
from cardiolens.evaluation.predictions import concat_predictions, read_predictions, write_predictions
from cardiolens.evaluation.report import write_report
from cardiolens.formats import read_recording
from cardiolens.formats.wfdb_record import write as write_wfdb
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.privacy import typed_path
from cardiolens.progress import QUIET, Progress, terminal_progress
from cardiolens.recipes import demo as recipes
from cardiolens.serving.bundling import bundle_run
from cardiolens.serving.predictor import Predictor
from cardiolens.study.reporting import cohort_content, model_settings, refuse_shared_ecgs
from cardiolens.study.tabular import tabular_runs
from cardiolens.synthetic.generator import make_subject
from cardiolens.tasks import TaskKind
from cardiolens.training.config import RunConfig
from cardiolens.training.pictures import ExamplePictures, example_pictures
from cardiolens.training.predict import predict_run
from cardiolens.training.run import Run
from cardiolens.training.train import train

TRAINED_ON = "Trained on synthetic hearts only"
SUPERVISED, MDM, MMCL = "Supervised", "MDM", "MMCL"
_PREDICTIONS, _PICTURES, _EXAMPLE, ANSWER = "predictions.parquet", "pictures.npz", "example.hea", "answer.json"


@dataclass(frozen=True)
class PathRecipes:
    """The three steps of training on the whole path."""

    mdm: RunConfig
    mmcl: RunConfig
    joint: RunConfig
    """Fine-tuning, done alike from fresh weights, from MDM's and from MMCL's."""


DEMO = PathRecipes(recipes.mdm(), recipes.mmcl(), recipes.joint())


def run_demo(
    out: Path,
    *,
    subjects: int,
    seed: int,
    steps: PathRecipes = DEMO,
    processes: int = 2,
    progress: Progress | None = None,
) -> Path:
    """Run or complete the demo in folder `out`; the path of its `index.html`.

    Raises:
        BadOption: too few subjects for the splits, or `out` holds a demo of other settings.
        NoSpace: the disk is full.
    """
    from rich.console import Console

    console, progress = Console(highlight=False), progress or terminal_progress()
    began = time.monotonic()
    console.print(f"[bold]cardiolens demo[/bold]: {subjects} synthetic hearts, {TRAINED_ON.lower()}. Research use only.")
    with _step(console, "1/6 prepare a paired cohort"):
        cohort = prepare_synthetic(out / "cohort", subjects=subjects, seed=seed, processes=processes, progress=progress)
    with _step(console, "2/6 masked data modelling (MDM) on unlabelled ECGs"):
        mdm = train(_seeded(steps.mdm, seed), cohort, out / "runs" / "mdm", progress=progress)
    with _step(console, "3/6 multimodal contrastive learning (MMCL) of ECG and MRI"):
        mmcl = train(_seeded(steps.mmcl, seed), cohort, out / "runs" / "mmcl", start_from=mdm.path, progress=progress)
    with _step(console, "4/6 fine-tune on diseases and phenotypes, from fresh weights, from MDM and from MMCL"):
        starts = {SUPERVISED: None, MDM: mdm.path, MMCL: mmcl.path}
        tuned = {
            method: train(
                replace(_seeded(steps.joint, seed), name=method),
                cohort,
                out / "runs" / _tuned(method),
                start_from=start,
                progress=progress,
            )
            for method, start in starts.items()
        }
    with _step(console, "5/6 predict the test split and one ECG file"):
        if not (out / _PREDICTIONS).exists():
            write_predictions(_predictions(list(tuned.values()), cohort, seed), out / _PREDICTIONS)
        if not (out / _PICTURES).exists():
            example_pictures(mdm, mmcl, cohort).write(out / _PICTURES)
        name = f"cardiolens demo ({subjects} synthetic hearts)"
        provenance = {"command": f"cardiolens demo --subjects {subjects} --seed {seed}"}
        bundle_run(tuned[MMCL], cohort, out / "bundle", name=name, training_data=TRAINED_ON, provenance=provenance)
        _answer_example(cohort, out, seed)
    with _step(console, "6/6 write the report"):
        page = write_demo_report(out, out, progress=progress)
    console.print(f"\nDone in {time.monotonic() - began:.0f} s. Look at [bold]{page}[/bold]")
    console.print("Next:")
    for step in next_steps(out):
        console.print(f"  {step}", soft_wrap=True)
    return page


def write_demo_report(study: Path, out: Path, *, progress: Progress = QUIET) -> Path:
    """The report of a finished demo, from its files alone; the path of the page.

    Raises:
        BadRun, BadCohort: the folder holds no finished demo.
    """
    cohort = Cohort.open(study / "cohort")
    refuse_shared_ecgs(cohort, cohort)
    predictions = read_predictions(study / _PREDICTIONS)
    pictures = ExamplePictures.read(study / _PICTURES)
    answer = json.loads((study / ANSWER).read_text())
    runs = sorted(path.parent for path in (study / "runs").glob("*/metrics.jsonl"))
    # As asked for, which may be more than could be used.
    asked = cohort.settings.source
    content = ReportContent(
        title="cardiolens demo",
        predictions=predictions,
        detailed_method=MMCL,
        commands=(f"cardiolens demo --subjects {asked['subjects']} --seed {asked['seed']} --out {typed_path(study)}",),
        next_steps=next_steps(typed_path(study)),
        model=model_settings(Run.open(study / "runs" / _tuned(MMCL))),
        curves=learning_curves({run.name: run / "metrics.jsonl" for run in runs}),
        reconstruction=Reconstruction(pictures.original, pictures.reconstructed, pictures.hidden),
        similarity=SimilarityMaps(pictures.pictures, pictures.similarity),
        prediction=OneAnswer(answer["answer"], read_recording(study / _EXAMPLE).signal_mv, measured=answer["measured"]),
        **cohort_content(cohort, cohort, "test"),
    )
    return write_report(out, content, progress=progress)


def next_steps(out: str | Path) -> tuple[str, ...]:
    """What to try after the demo."""
    return (
        f"cardiolens predict {out}/example.hea                      # the shipped model on the demo's example ECG",
        f"cardiolens predict YOUR_ECG.xml --model {out}/bundle      # the demo's model on a file of yours",
        f"cardiolens evaluate --cohort {out}/cohort                 # the shipped model on the demo's test split",
        f"cardiolens train demo.finetune --target lvm_g --cohort {out}/cohort --start-from {out}/runs/mmcl --out runs/mass",
        "cardiolens prepare synthetic --subjects 3000 --out cohorts/large   # a larger cohort; then `cardiolens train --list`",
    )


def _predictions(runs: list[Run], cohort: Cohort, seed: int) -> pd.DataFrame:
    """What the runs and the tabular baseline say about the test split, and about both halves of validation for calibration."""
    splits = ("select", "calibrate", "test")
    tables = [predict_run(run, cohort, split) for run in runs for split in splits]
    columns = [task.columns[0] for task in runs[0].config.method.tasks if task.kind is TaskKind.CLASSIFICATION]
    try:
        tables.append(tabular_runs(cohort, [(cohort, split) for split in splits], columns, (seed,)))
    except BadOption as error:
        # A cohort of a few dozen has no case to choose trees by; the rest of the demo needs none.
        print(f"   no tabular baseline: {error.found}")
    return concat_predictions(tables)


def _tuned(method: str) -> str:
    return f"{method}-fine-tuned".lower()


def _seeded(config: RunConfig, seed: int) -> RunConfig:
    return replace(config, training=replace(config.training, seed=seed))


def _answer_example(cohort: Cohort, out: Path, seed: int) -> None:
    """Write one test subject's ECG as a file, as a hospital would hand it in, and ask the demo's model about it."""
    row = int(cohort.rows("test")[0])
    write_wfdb(out / _EXAMPLE, make_subject(seed=seed, index=row, with_mri=False).recording)
    answer = Predictor.from_pretrained(out / "bundle")(read_recording(out / _EXAMPLE))
    measured = dict(zip(PHENOTYPE_COLUMNS, cohort.values(PHENOTYPE_COLUMNS)[row].tolist(), strict=True))
    known = {column: value for column, value in measured.items() if np.isfinite(value)}
    write_atomically(out / ANSWER, json.dumps({"answer": answer.to_json(), "measured": known}, indent=1).encode())


@contextmanager
def _step(console: object, title: str) -> Iterator[None]:
    began = time.monotonic()
    console.print(f"\n[bold]{title}[/bold]")
    yield
    console.print(f"   {time.monotonic() - began:.0f} s", style="dim")
