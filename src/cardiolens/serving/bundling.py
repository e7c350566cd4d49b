"""A fine-tuned run as a bundle: its model with head cards, calibrated on `calibrate`, measured on `test`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from cardiolens.bundles.bundle import APPLICABILITY, Bundle, read_bundle, write_bundle
from cardiolens.bundles.config import ApplicabilityCard, BundleConfig, HeadCard, InputContract, Measurement
from cardiolens.cohorts.store import Cohort
from cardiolens.errors import BadRun
from cardiolens.evaluation.applicability import NEIGHBOURHOOD_PARTS, features_of, neighbourhood, threshold_of
from cardiolens.evaluation.calibration import CalibrationMap, fit_calibration
from cardiolens.evaluation.conformal import conformal_band
from cardiolens.evaluation.metrics import evaluate
from cardiolens.methods.supervised import SupervisedConfig
from cardiolens.nn.ecg_model import EcgModel
from cardiolens.tasks.task import Task, TaskKind
from cardiolens.training.predict import MODEL_PARTS, first_visits, predict_embeddings, predict_run
from cardiolens.training.run import Run
from cardiolens.uncertainty import ValueBand

_MOST_NEIGHBOURS = 5000
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
    state = {key: tensor for key, tensor in weights.items() if key.startswith(MODEL_PARTS)}
    held_out, chosen = (predict_run(run, cohort, split) for split in ("calibrate", "select"))
    maps = {task.name: _maps(task, held_out) for task in method.tasks if task.kind is TaskKind.CLASSIFICATION}
    bands = {task.name: _bands(task, chosen, held_out) for task in method.tasks if task.kind is TaskKind.REGRESSION}
    model = method.answering_model()
    model.load_state_dict(state)
    applicability, neighbours = measure_applicability(model, cohort)
    config = BundleConfig(
        name=name,
        training_data=training_data,
        model=method.model,
        heads=tuple(_cards(method, weights, maps, bands)),
        input=InputContract(window=method.encoder.num_samples, cleaning=cohort.settings.cleaning),
        applicability=applicability,
        measurements=tuple(_measurements(method, evaluate(predict_run(run, cohort, "test")), training_data)),
        provenance={"cohort": cohort.fingerprint, **_calibration_notes(maps), **(provenance or {})},
    )
    return write_bundle(path, config, state | neighbours)


def cohort_in_words(cohort: Cohort) -> str:
    """What a bundle trained on `cohort` says that it was trained on; shown with every answer."""
    count = cohort.manifest.num_subjects
    synthetic = cohort.settings.source["kind"] == "synthetic"
    return f"Trained on {count} synthetic hearts only" if synthetic else f"Trained on {count} subjects"


def measure_applicability(model: EcgModel, cohort: Cohort) -> tuple[ApplicabilityCard, dict[str, Tensor]]:
    """Where the training subjects lie, as tensors of a bundle, and how far 99 % of the validation subjects are from them."""
    rows = {split: first_visits(cohort, split) for split in ("train", "validation")}
    # Several thousand say where the rest lies.
    rows["train"] = rows["train"][:_MOST_NEIGHBOURS]
    features = {
        split: features_of(predict_embeddings(model, cohort, chosen), np.asarray(cohort.ecg_scale[chosen], np.float64))
        for split, chosen in rows.items()
    }
    found = neighbourhood(features["train"])
    distances = found.distance(features["validation"])
    card = ApplicabilityCard(threshold_of(distances), len(distances))
    parts = {f"{APPLICABILITY}{name}": torch.tensor(getattr(found, name), dtype=torch.float32) for name in NEIGHBOURHOOD_PARTS}
    return card, parts


def _bands(task: Task, chosen: pd.DataFrame, held_out: pd.DataFrame) -> list[ValueBand]:
    bands = []
    for column in task.columns:
        select, calibrate = (table[table["column"] == column] for table in (chosen, held_out))
        numbers = (table[name].to_numpy(np.float64) for table in (select, calibrate) for name in ("score", "target"))
        bands.append(conformal_band(*numbers))
    return bands


def _maps(task: Task, predictions: pd.DataFrame) -> list[CalibrationMap]:
    maps = []
    for column in task.columns:
        rows = predictions[(predictions["column"] == column) & predictions["target"].notna()]
        maps.append(fit_calibration(rows["score"].to_numpy(np.float64), rows["target"].to_numpy() > 0.5))
    return maps


def _cards(
    method: SupervisedConfig,
    weights: Mapping[str, Tensor],
    maps: Mapping[str, list[CalibrationMap]],
    bands: Mapping[str, list[ValueBand]],
) -> list[HeadCard]:
    cards, start = [], 0
    for task in method.tasks:
        place = slice(start, start + len(task.columns))
        start = place.stop
        if task.kind is TaskKind.CLASSIFICATION:
            known = {
                "calibration": tuple(m.plain() for m in maps[task.name]),
                "prevalence": tuple(m.prevalence for m in maps[task.name]),
            }
        else:
            known = {key: tuple(weights[f"target_{key}"][place].tolist()) for key in ("mean", "sd")}
            known["bands"] = tuple(bands[task.name])
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
