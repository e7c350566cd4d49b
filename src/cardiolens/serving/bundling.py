"""A fine-tuned run as a bundle: its model with head cards, calibrated on `calibrate`, measured on `test`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from torch import Tensor

from cardiolens.bundles.bundle import Bundle, read_bundle, write_bundle
from cardiolens.bundles.config import BundleConfig, Calibration, HeadCard, InputContract, Measurement
from cardiolens.cohorts.store import Cohort
from cardiolens.errors import BadRun
from cardiolens.evaluation.calibration import CalibrationMap, fit_calibration
from cardiolens.evaluation.metrics import evaluate
from cardiolens.methods.supervised import SupervisedConfig
from cardiolens.tasks.task import Task, TaskKind
from cardiolens.training.predict import MODEL_PARTS, predict_run
from cardiolens.training.run import Run

_MEASURED = {"auroc": "auc", "r": "r"}


def bundle_run(
    run: Run, cohort: Cohort, path: Path, *, name: str, training_data: str, provenance: Mapping[str, str] | None = None
) -> Bundle:
    """The bundle of a finished fine-tuning run at `path`; one that is there already is opened.

    Raises:
        BadRun: the run is no fine-tuning, not done, or was trained on another cohort.
    """
    if path.exists():
        return read_bundle(path)
    method = run.config.method
    if not isinstance(method, SupervisedConfig) or run.cohort != cohort.fingerprint:
        raise BadRun(
            run.path,
            found=f"a run of {type(method).__name__}" if run.cohort == cohort.fingerprint else "a run on another cohort",
            expected="a finished fine-tuning run on this cohort",
            remedy="fine-tune first, or name the cohort it was trained on",
        )
    weights = run.weights()
    held_out = predict_run(run, cohort, "calibrate")
    maps = {task.name: _platt_maps(task, held_out) for task in method.tasks if task.kind is TaskKind.CLASSIFICATION}
    config = BundleConfig(
        name=name,
        training_data=training_data,
        model=method.model,
        heads=tuple(_cards(method, weights, maps)),
        input=InputContract(window=method.encoder.num_samples, cleaning=cohort.settings.cleaning),
        measurements=tuple(_measurements(method, evaluate(predict_run(run, cohort, "test")), training_data)),
        provenance={"cohort": cohort.fingerprint, **_calibration_notes(maps), **(provenance or {})},
    )
    state = {key: tensor for key, tensor in weights.items() if key.startswith(MODEL_PARTS)}
    return write_bundle(path, config, state)


def cohort_in_words(cohort: Cohort) -> str:
    """What a bundle trained on `cohort` says that it was trained on; shown with every answer."""
    count = cohort.manifest.num_subjects
    synthetic = cohort.settings.source["kind"] == "synthetic"
    return f"Trained on {count} synthetic hearts only" if synthetic else f"Trained on {count} subjects"


def _platt_maps(task: Task, predictions: pd.DataFrame) -> list[CalibrationMap]:
    maps = []
    for column in task.columns:
        rows = predictions[(predictions["column"] == column) & predictions["target"].notna()]
        maps.append(fit_calibration(rows["score"].to_numpy(np.float64), rows["target"].to_numpy() > 0.5))
    return maps


def _cards(method: SupervisedConfig, weights: Mapping[str, Tensor], maps: Mapping[str, list[CalibrationMap]]) -> list[HeadCard]:
    cards, start = [], 0
    for task in method.tasks:
        place = slice(start, start + len(task.columns))
        start = place.stop
        if task.kind is TaskKind.CLASSIFICATION:
            known = {
                "calibration": tuple(Calibration(m.slope, m.intercept) for m in maps[task.name]),
                "prevalence": tuple(m.prevalence for m in maps[task.name]),
            }
        else:
            known = {key: tuple(weights[f"target_{key}"][place].tolist()) for key in ("mean", "sd")}
        cards.append(HeadCard(task.name, task.kind, task.columns, task.names, task.units, **known))
    return cards


def _measurements(method: SupervisedConfig, metrics: pd.DataFrame, cohort: str) -> list[Measurement]:
    head = {column: task.name for task in method.tasks for column in task.columns}
    chosen = metrics[metrics["metric"].isin(_MEASURED) & metrics["column"].isin(head) & metrics["low"].notna()]
    return [
        Measurement(
            head=head[row.column],
            column=row.column,
            metric=_MEASURED[row.metric],
            value=row.value,
            low=row.low,
            high=row.high,
            subjects=int(row.n),
            events=0 if pd.isna(row.events) else int(row.events),
            cohort=f"test split: {cohort}",
        )
        for row in chosen.itertuples()
    ]


def _calibration_notes(maps: Mapping[str, list[CalibrationMap]]) -> dict[str, str]:
    return {
        f"calibration.{task}": "; ".join(f"{m.fitted} on {m.events} events among {m.subjects} subjects" for m in fitted)
        for task, fitted in maps.items()
    }
