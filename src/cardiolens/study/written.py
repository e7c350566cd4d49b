"""The report of something that was finished before: a run, a study or a demo, known by the files in its folder."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
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
from cardiolens.study.heat_maps import MOST_SUBJECTS
from cardiolens.study.plan import Study
from cardiolens.study.reporting import cohort_content, model_settings, refuse_shared_ecgs
from cardiolens.study.results import FinishedStudy, write_results
from cardiolens.study.runner import Asked, run_study, unfinished
from cardiolens.study.studies import allowed_by, choose_study, said_of
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
    mapped: int = MOST_SUBJECTS
    """How many subjects at most heat maps are computed of."""


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

    What was asked of the folder before stays in the results, as far as its runs are done: parts can be asked for one by one.
    `device` is where runs are trained, a name that `choose_device` takes.

    Raises:
        BadOption: an unknown part, a cohort that lacks what a run needs, or a folder with tables of another kind of study.
        BadCohort: a recording stands in two splits.
        BadRun: a training diverged.
    """
    cohort = Cohort.open((out / asked.cohort).resolve())
    people, split = (cohort, "test") if asked.test_cohort is None else (Cohort.open((out / asked.test_cohort).resolve()), "all")
    refuse_shared_ecgs(cohort, people)
    before = _asked_before(out, asked)
    study, seeds, notes = _with_what_is_done(asked, before, cohort, out)
    # First, since it takes seconds and refuses at once a cohort without the covariates.
    splits = [(people, split), (cohort, "select"), (cohort, "calibrate")]
    tabular = tabular_runs(cohort, splits, study.tabular, seeds) if study.tabular else None
    runs = run_study(study, cohort, out, asked=Asked(people.path, split), workers=workers, device=device, progress=progress)
    commands = tuple(one.command for one in (*before, asked))
    done = FinishedStudy(study, runs, cohort, people, split, commands=commands, notes=notes, mapped=_mapped(asked, before))
    written = write_results(done, report or out, tabular=tabular, progress=progress)
    write_atomically(out / STUDY, json.dumps(asdict(asked) | {"before": [asdict(one) for one in before]}, indent=1).encode())
    return written, len(runs.places)


def _with_what_is_done(
    asked: AskedStudy, before: Sequence[AskedStudy], cohort: Cohort, out: Path
) -> tuple[Study, tuple[int, ...], tuple[str, ...]]:
    """What is asked with the finished runs of what was asked before, the tabular baseline's seeds, and what is left out."""
    study, recipes = choose_study(asked.name, parts=asked.parts, num_seeds=asked.seeds, whole_search=asked.whole_search)
    wanted, seeds = {run.key for run in allowed_by(study, cohort)[0].runs}, recipes.seeds
    for one in before:
        earlier, of_earlier = choose_study(one.name, parts=one.parts, num_seeds=one.seeds, whole_search=one.whole_search)
        study, seeds = study.joined(earlier), max(seeds, of_earlier.seeds, key=len)
    study, left_out = allowed_by(study, cohort)
    missing = {run.key for run in unfinished(study, cohort, out)} - wanted
    return study.only([run.key for run in study.runs if run.key not in missing]), seeds, said_of(left_out)


def _asked_before(out: Path, asked: AskedStudy) -> list[AskedStudy]:
    """What else was asked of a folder.

    Raises:
        BadOption: it cannot stand in one table with what is asked now: runs of the demo's sizes and of the papers', and those
            after either search, bear the same names.
    """
    stored = _stored(out) if (out / STUDY).exists() else []
    for one in stored:
        if (one.name == "demo", one.whole_search) != (asked.name == "demo", asked.whole_search):
            searched = ", after the whole search" if one.whole_search else ""
            raise BadOption(
                "--out",
                found=f"a folder with tables of the study '{one.name}'{searched}",
                expected="a folder of its own for other sizes or another search",
                remedy="choose another folder",
            )
    return [one for one in stored if (one.name, one.parts, one.seeds) != (asked.name, asked.parts, asked.seeds)]


def _mapped(asked: AskedStudy, before: Sequence[AskedStudy]) -> int:
    """How many subjects Figure 6 is of: as many as the last request that named it asked for."""
    return next((one.mapped for one in (asked, *reversed(before)) if not one.parts or "figure_6" in one.parts), asked.mapped)


def _stored(folder: Path) -> list[AskedStudy]:
    """All that was asked of a folder, the last one last."""
    last = json.loads((folder / STUDY).read_text())
    before = last.pop("before", [])
    return [AskedStudy(**one | {"parts": tuple(one["parts"])}) for one in (*before, last)]


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
        written, _ = do_study(_stored(folder)[-1], folder, report=out, progress=progress)
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
