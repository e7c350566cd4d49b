"""How well a bundle does on a cohort: its metrics with intervals, for every head whose labels the cohort has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from cardiolens.bundles.bundle import Bundle
from cardiolens.bundles.config import HeadCard
from cardiolens.bundles.hub import answering_bundle
from cardiolens.cohorts.store import Cohort
from cardiolens.errors import BadOption
from cardiolens.evaluation.metrics import evaluate
from cardiolens.privacy import display_name
from cardiolens.progress import QUIET, Progress
from cardiolens.tasks import TaskKind
from cardiolens.training.predict import first_visits, predict_scores, predictions_table
from cardiolens.training.train import CPU


def evaluate_bundle(
    path: Path | str | None,
    cohort: Cohort,
    *,
    split: str = "test",
    device: torch.device = CPU,
    progress: Progress = QUIET,
) -> pd.DataFrame:
    """`evaluation.metrics.evaluate` of `bundle_predictions`.

    `path` is a bundle's folder or its name on the hub (`fetch_bundle`); the shipped bundle where none is given.

    Raises:
        BadBundle: the folder is no whole bundle, cannot be fetched, or has no heads.
        BadOption: as `bundle_predictions`.
    """
    bundle = answering_bundle(path)
    return evaluate(bundle_predictions(bundle, cohort, split=split, device=device, progress=progress))


def bundle_predictions(
    bundle: Bundle, cohort: Cohort, *, split: str, device: torch.device = CPU, progress: Progress = QUIET
) -> pd.DataFrame:
    """Predictions of a bundle on a split of a cohort; diseases as log odds, phenotypes in their units.

    Raises:
        BadOption: there is no such split, the cohort was cleaned otherwise than the bundle expects, or it has labels for none
            of the bundle's heads.
    """
    expected, found = bundle.config.input.cleaning, cohort.settings.cleaning
    if expected != found:
        raise BadOption(
            cohort.path,
            found=f"ECGs cleaned by {found}",
            expected=f"{expected}",
            remedy="prepare the cohort with the bundle's cleaning",
        )
    rows = first_visits(cohort, split)
    model = bundle.model()
    mean, sd = (torch.tensor(part, dtype=torch.float32) for part in _scales(bundle.config.heads))
    scores = predict_scores(model, mean, sd, cohort, rows, device=device, progress=progress)
    tasks = [card.name for card in bundle.config.heads for _ in card.columns]
    columns = [column for card in bundle.config.heads for column in card.columns]
    here = np.flatnonzero([column in cohort.subjects.columns for column in columns])
    if not len(here):
        raise BadOption(
            cohort.path,
            found="no labels that the bundle predicts",
            expected=f"columns such as {columns[0]}",
            remedy="add labels",
        )
    names = {"run": display_name(bundle.path), "method": bundle.config.name, "split": split}
    return predictions_table(names, 0, [tasks[k] for k in here], [columns[k] for k in here], cohort, rows, scores[:, here])


def _scales(heads: tuple[HeadCard, ...]) -> tuple[list[float], list[float]]:
    mean, sd = [], []
    for card in heads:
        regression = card.kind is TaskKind.REGRESSION
        mean += card.mean if regression else [0.0] * len(card.columns)
        sd += card.sd if regression else [1.0] * len(card.columns)
    return mean, sd
