"""How well a bundle does on a cohort: its metrics with intervals, for every head whose labels the cohort has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from cardiolens.bundles.bundle import Bundle
from cardiolens.bundles.config import HeadCard
from cardiolens.bundles.hub import answering_bundle
from cardiolens.cohorts.store import Cohort
from cardiolens.errors import BadOption
from cardiolens.evaluation.dense import dense_answers
from cardiolens.evaluation.disclosure import without_telling
from cardiolens.evaluation.metrics import class_columns, evaluate
from cardiolens.evaluation.predictions import check_predictions
from cardiolens.evaluation.risk_metrics import RISK_COLUMNS, risk_metrics
from cardiolens.evaluation.risks import Risks
from cardiolens.evaluation.subgroups import SUBGROUP_COLUMNS, risk_subgroups, value_subgroups
from cardiolens.privacy import display_name
from cardiolens.progress import QUIET, Progress
from cardiolens.tasks import TaskKind
from cardiolens.training.predict import first_visits, predict_scores, predictions_table
from cardiolens.training.train import CPU

_SEED = 2023


@dataclass(frozen=True, eq=False)
class Evaluated:
    """What a bundle's answers on a split are worth."""

    metrics: pd.DataFrame
    """`evaluation.metrics.evaluate`'s."""
    calibration: pd.DataFrame
    """`risk_metrics` of the bundle's own risks, without what tells of a few; no rows without diseases."""
    subgroups: pd.DataFrame
    """Cells of `risk_subgroups` and `value_subgroups`; small ones are hidden."""


def evaluated_bundle(
    path: Path | str | None,
    cohort: Cohort,
    *,
    split: str = "test",
    device: torch.device = CPU,
    progress: Progress = QUIET,
) -> Evaluated:
    """Metrics of `bundle_predictions`, how well the bundle's risks are calibrated, and how its answers hold in subgroups.

    `path` is a bundle's folder or its name on the hub (`fetch_bundle`); the shipped bundle where none is given.

    Raises:
        BadBundle: the folder is no whole bundle, cannot be fetched, or has no heads.
        BadOption: as `bundle_predictions`.
    """
    bundle = answering_bundle(path)
    predictions = check_predictions(bundle_predictions(bundle, cohort, split=split, device=device, progress=progress))
    risks = bundle_risks(bundle.config.heads, predictions)
    calibration = risk_metrics(risks, rng=np.random.default_rng(_SEED)) if risks else pd.DataFrame(columns=list(RISK_COLUMNS))
    values = ~predictions["column"].isin(class_columns(predictions)).to_numpy()
    answers = dense_answers(predictions, split=split, chosen=values).get(bundle.config.name)
    cells = [risk_subgroups(risks, cohort.subjects)] if risks else []
    if answers is not None and (columns := [column for column in answers.columns if answers.answers(column)]):
        cells.append(value_subgroups(answers, columns, cohort.subjects))
    subgroups = pd.concat(cells, ignore_index=True) if cells else pd.DataFrame(columns=list(SUBGROUP_COLUMNS))
    return Evaluated(evaluate(predictions), without_telling(calibration), subgroups)


def bundle_risks(heads: Sequence[HeadCard], predictions: pd.DataFrame) -> list[Risks]:
    """The risks that a bundle gives, by the calibration it carries, for subjects whose status is known; without a threshold."""
    found = []
    for card in heads:
        # A head of values has no calibration, and no pair here.
        for column, calibration in zip(card.columns, card.calibration, strict=False):
            table = predictions[(predictions["column"] == column).to_numpy() & predictions["target"].notna().to_numpy()]
            if not table.empty:
                risk = calibration.probability(table["score"].to_numpy())[None]
                names = {
                    "method": str(table["method"].iloc[0]),
                    "column": column,
                    "subjects": tuple(table["subject"].astype(str)),
                }
                numbers = {"probability": risk, "positive": table["target"].to_numpy() == 1, "threshold": np.array([np.nan])}
                found.append(Risks(seeds=(0,), maps=(), **names, **numbers))
    return found


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
