"""From cohorts and runs on disk to the content of a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from cardiolens.cohorts.manifest import REFUSED
from cardiolens.cohorts.repeated import num_shared_ecgs, repeated_ecgs
from cardiolens.cohorts.store import Cohort
from cardiolens.configs import to_json
from cardiolens.errors import BadCohort
from cardiolens.evaluation.comparison import oracle_predictions
from cardiolens.evaluation.labels import counted
from cardiolens.training.environment import describe_environment
from cardiolens.training.run import Run
from cardiolens.training.train import CPU


def cohort_content(cohort: Cohort, people: Cohort, split: str) -> dict[str, Any]:
    """What a report's content says about the cohort that was trained on and the people who were asked about."""
    oracle = None
    if people.is_synthetic:
        oracle = oracle_predictions(people.subjects.iloc[people.rows(split)]).assign(split=split)
    return {
        "is_synthetic": cohort.is_synthetic,
        "environment": describe_environment(CPU) | {"cohort": cohort.fingerprint, "asked": people.fingerprint},
        "oracle": oracle,
        "subjects": cohort.subjects,
        "asked": None if people.path == cohort.path else people.subjects,
        "asked_is_synthetic": people.is_synthetic,
        "flow": cohort.manifest.flow,
        "refused": _refused(cohort),
        "training_sets": cohort.manifest.training_sets,
        "split": split,
    }


def model_settings(run: Run) -> dict[str, Any]:
    """Every setting of a run, nested."""
    settings = to_json(run.config)
    return {"recipe": run.config.name, **{key: settings[key] for key in settings if key != "name"}}


def refuse_shared_ecgs(cohort: Cohort, people: Cohort) -> None:
    """Refuse a cohort in which one recording stands in two splits under two names, or that shares subjects or recordings with
    `people`.

    Every report needs this, before any work is done. Reads lead I of all ECGs. Recordings are compared as they are stored.

    Raises:
        BadCohort: it does; whoever is asked about was then trained on.
    """
    repeated = repeated_ecgs(cohort)
    splits = cohort.subjects.loc[repeated, "split"].unique()
    if len(splits) > 1:
        raise BadCohort(
            cohort.path,
            found=f"{int(repeated.sum())} rows that hold the ECG of another subject, in the splits {', '.join(sorted(splits))}",
            expected="every recording in one split",
            remedy="find out who is in the cohort under two names and prepare it again; results on it would be leaked",
        )
    if people.path == cohort.path:
        return
    if set(people.subjects["subject"]) & set(cohort.subjects["subject"]):
        raise BadCohort(
            people.path,
            found="subjects who are in the training cohort too",
            expected="other people",
            remedy="ask about the test split of the training cohort, or leave these subjects out",
        )
    if shared := num_shared_ecgs(cohort, people):
        raise BadCohort(
            people.path,
            found=f"{counted(shared, 'row')} with an ECG of the training cohort under another name",
            expected="other recordings",
            remedy="find out whose they are and leave them out; results on them would be leaked",
        )


def _refused(cohort: Cohort) -> pd.DataFrame | None:
    file: Path = cohort.path / REFUSED
    return pd.read_csv(file, usecols=["part", "reason"], dtype=str) if file.exists() else None
