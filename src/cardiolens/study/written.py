"""The report of something that was finished before: a run, a study or a demo, known by the files in its folder."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from cardiolens.atomic import write_atomically
from cardiolens.cohorts.store import Cohort
from cardiolens.errors import BadOption, BadRun
from cardiolens.evaluation.content import ReportContent
from cardiolens.evaluation.curves import learning_curves
from cardiolens.evaluation.predictions import concat_predictions
from cardiolens.evaluation.report import write_report
from cardiolens.methods.fine_tuning import FineTuningConfig
from cardiolens.parallel import HERE, Workers
from cardiolens.privacy import display_name, typed_path
from cardiolens.progress import QUIET, Progress
from cardiolens.study.demo import ANSWER, write_demo_report
from cardiolens.study.reporting import cohort_content, model_settings, refuse_shared_ecgs
from cardiolens.study.results import FinishedStudy, write_results
from cardiolens.study.runner import Asked, run_study
from cardiolens.study.studies import allowed_by, choose_study
from cardiolens.study.tabular import tabular_runs
from cardiolens.tasks import TaskKind
from cardiolens.training.predict import predict_run
from cardiolens.training.run import METRICS, Run

STUDY = "study.json"


@dataclass(frozen=True)
class AskedStudy:
    """What was asked of `cardiolens study`; stored beside its results, so that the report can be written again."""

    name: str
    cohort: str
    """Folder, as seen from the study's."""
    test_cohort: str | None
    parts: tuple[str, ...]
    seeds: int
    whole_search: bool
    command: str


def do_study(
    asked: AskedStudy,
    out: Path,
    *,
    report: Path | None = None,
    workers: Workers = HERE,
    device: str = "cpu",
    progress: Progress = QUIET,
) -> tuple[list[Path], int]:
    """Do or complete a study in folder `out` and write its results there, or in `report`; files, and how many runs it has.

    `device` is where runs are trained, a name that `choose_device` takes.

    Raises:
        BadOption: an unknown part, or a cohort that lacks what a run needs.
        BadCohort: a recording stands in two splits.
        BadRun: a training diverged.
    """
    study, recipes = choose_study(asked.name, parts=asked.parts, num_seeds=asked.seeds, whole_search=asked.whole_search)
    cohort = Cohort.open((out / asked.cohort).resolve())
    people, split = (cohort, "test") if asked.test_cohort is None else (Cohort.open((out / asked.test_cohort).resolve()), "all")
    refuse_shared_ecgs(cohort, people)
    study, left_out = allowed_by(study, cohort)
    notes = tuple(f"Left out: {key}, since {why}." for key, why in left_out.items())
    # First, since it takes seconds and refuses at once a cohort in which a disease is too rare.
    splits = [(people, split), (cohort, "select"), (cohort, "calibrate")]
    tabular = tabular_runs(cohort, splits, study.tabular, recipes.seeds) if study.tabular else None
    runs = run_study(study, cohort, out, asked=Asked(people.path, split), workers=workers, device=device, progress=progress)
    done = FinishedStudy(study, runs, cohort, people, split, commands=(asked.command,), notes=notes)
    written = write_results(done, report or out, tabular=tabular, progress=progress)
    write_atomically(out / STUDY, json.dumps(asdict(asked), indent=1).encode())
    return written, len(runs.places)


def seen_from(folder: Path, other: Path) -> str:
    """How `other` is called from `folder`: a study and its cohorts can be moved together."""
    return os.path.relpath(other.resolve(), folder.resolve())


def report_folder(
    folder: Path,
    out: Path,
    *,
    cohort: Path | None = None,
    test_cohort: Path | None = None,
    progress: Progress = QUIET,
) -> Path:
    """Write the report of a finished run (which needs its `cohort`), study or demo; the path of its page.

    Raises:
        BadRun: the folder is none of these, or not finished.
        BadOption: a run without its cohort, or the other way round.
        BadCohort: a recording stands in two splits.
    """
    if not folder.is_dir():
        raise BadRun(folder, found="no such folder", expected="a finished run, study or demo", remedy="check the path")
    of_run = (folder / "config.json").is_file()
    if of_run != (cohort is not None) or (test_cohort is not None and not of_run):
        raise BadOption(
            display_name(folder),
            found="a run without its cohort" if of_run else "a cohort for something that is no run",
            expected="--cohort for a run, and for nothing else",
            remedy="name the cohort that the run was trained on" if of_run else "leave the option out",
        )
    if of_run:
        return _report_run(folder, out, cohort, test_cohort, progress)
    if (folder / ANSWER).is_file():
        return write_demo_report(folder, out, progress=progress)
    if (folder / STUDY).is_file():
        stored = json.loads((folder / STUDY).read_text())
        asked = AskedStudy(**stored | {"parts": tuple(stored["parts"])})
        written, _ = do_study(asked, folder, report=out, progress=progress)
        return written[-1]
    raise BadRun(
        folder,
        found="no finished run, study or demo",
        expected="config.json, study.json or answer.json in it",
        remedy="finish it first by the same command, which goes on where it was stopped",
    )


def _report_run(folder: Path, out: Path, cohort: Path, test_cohort: Path | None, progress: Progress) -> Path:
    run, trained_on = Run.open(folder), Cohort.open(cohort)
    method = run.config.method
    if not isinstance(method, FineTuningConfig) or run.cohort != trained_on.fingerprint:
        raise BadRun(
            folder,
            found=f"a run of {type(method).__name__}" if run.cohort == trained_on.fingerprint else "a run on another cohort",
            expected="a finished fine-tuning run on this cohort",
            remedy="fine-tune first, or name the cohort it was trained on",
        )
    people, split = (trained_on, "test") if test_cohort is None else (Cohort.open(test_cohort), "all")
    refuse_shared_ecgs(trained_on, people)
    splits = [(people, split), (trained_on, "select"), (trained_on, "calibrate")]
    tables = [predict_run(run, whose, name, progress=progress) for whose, name in splits]
    notes: tuple[str, ...] = ()
    for task in method.tasks:
        if task.kind is not TaskKind.CLASSIFICATION:
            continue
        try:
            tables.append(tabular_runs(trained_on, splits, task.columns, (run.config.training.seed,)))
        except BadOption as error:
            notes += (f"No tabular baseline of {task.label}: {error.found}.",)
    elsewhere = "" if test_cohort is None else f" --test-cohort {typed_path(test_cohort)}"
    command = f"cardiolens report {typed_path(folder)} --cohort {typed_path(cohort)}{elsewhere} --out {typed_path(out)}"
    content = ReportContent(
        title=f"cardiolens: {run.config.name}",
        predictions=concat_predictions(tables),
        detailed_method=run.config.name,
        commands=(command,),
        notes=notes,
        next_steps=(),
        curves=learning_curves({run.config.name: folder / METRICS}),
        model=model_settings(run),
        **cohort_content(trained_on, people, split),
    )
    return write_report(out, content, progress=progress)
