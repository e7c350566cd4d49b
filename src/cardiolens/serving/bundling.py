"""A fine-tuned run as a bundle: its model with head cards, calibrated on `calibrate`, measured on `test`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int
from torch import Tensor

from cardiolens.bundles.bank import ReferenceBank
from cardiolens.bundles.bundle import APPLICABILITY, Bundle, read_bundle, write_bundle
from cardiolens.bundles.config import (
    ApplicabilityCard,
    BankCard,
    BundleConfig,
    HeadCard,
    InputContract,
    Measurement,
    SharedSpaceCard,
)
from cardiolens.bundles.reference import Reference
from cardiolens.cohorts.store import Cohort
from cardiolens.errors import BadRun
from cardiolens.evaluation.applicability import (
    NEIGHBOURHOOD_PARTS,
    POINTS,
    WAVES,
    features_of,
    neighbourhood,
    thresholds_of,
)
from cardiolens.evaluation.calibration import CalibrationMap, fit_calibration
from cardiolens.evaluation.conformal import conformal_band
from cardiolens.evaluation.metrics import evaluate
from cardiolens.methods.contrastive import Contrastive
from cardiolens.methods.supervised import SupervisedConfig
from cardiolens.nn.shared_space import SharedSpace
from cardiolens.privacy import display_name
from cardiolens.progress import QUIET, Progress
from cardiolens.serving.cohort_words import bank_in_words, measured_on
from cardiolens.serving.reference_fit import fit_references
from cardiolens.serving.shared_space_fit import fit_shared_space, make_bank
from cardiolens.signals.character import Character, character
from cardiolens.tasks.task import TaskKind
from cardiolens.training.predict import MODEL_PARTS, Embeddings, first_visits, predict_run
from cardiolens.training.run import Run
from cardiolens.training.similarity import finished_contrastive
from cardiolens.uncertainty import ValueBand

_MOST_NEIGHBOURS = 5000
_MEASURED = {"auroc": "auc", "r": "r"}


def bundle_run(
    run: Run,
    cohort: Cohort,
    path: Path,
    *,
    name: str,
    training_data: str,
    siblings: Sequence[Run] = (),
    contrastive: Run | None = None,
    bank_hearts: int = 0,
    provenance: Mapping[str, str] | None = None,
    progress: Progress = QUIET,
) -> Bundle:
    """The bundle of a finished fine-tuning run at `path`; one that is there already is opened.

    `siblings` are the same fine-tuning with other seeds: how far they lie apart widens the intervals of risks. With the
    `contrastive` run that it started from, ECGs can be compared with MRIs, and so many hearts of the training split can come
    along to be compared with: their pictures, keyed hashes, ages, sexes and phenotypes.

    Raises:
        BadRun: the run is no fine-tuning, not done, or was trained on another cohort; a sibling is none; the other one is not
            contrastive.
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
    _refuse_strangers(run, siblings)
    weights = run.weights()
    state = {key: tensor for key, tensor in weights.items() if key.startswith(MODEL_PARTS)}
    held_out, chosen = (predict_run(run, cohort, split) for split in ("calibrate", "select"))
    seeds = [held_out, *(predict_run(one, cohort, "calibrate") for one in siblings)]
    classes = {task.name: task.columns for task in method.tasks if task.kind is TaskKind.CLASSIFICATION}
    values = {task.name: task.columns for task in method.tasks if task.kind is TaskKind.REGRESSION}
    maps = {name: calibration_maps(columns, held_out, seeds) for name, columns in classes.items()}
    bands = {name: calibration_bands(columns, chosen, held_out) for name, columns in values.items()}
    model = method.answering_model()
    model.load_state_dict(state)
    references = {name: fit_references(cohort, columns) for name, columns in values.items()}
    embeddings = Embeddings(model, cohort, progress=progress)
    applicability, neighbours = measure_applicability(embeddings, progress=progress)
    space, bank, cards = compared(embeddings, contrastive and finished_contrastive(contrastive), bank_hearts, progress=progress)
    # `withdraw` finds by it whoever the weights that it began with had learned from.
    started = {"start": run.start} if run.start else {}
    config = BundleConfig(
        name=name,
        training_data=training_data,
        model=method.model,
        heads=tuple(_cards(method, weights, maps, bands, references)),
        input=InputContract(window=method.encoder.num_samples, cleaning=cohort.settings.cleaning),
        applicability=applicability,
        measurements=tuple(_measurements(method, evaluate(predict_run(run, cohort, "test")), measured_on(cohort))),
        provenance={"cohort": cohort.fingerprint, **started, **calibration_notes(maps), **(provenance or {})},
        **cards,
    )
    return write_bundle(path, config, state | neighbours, shared_space=space, bank=bank)


def compared(
    embeddings: Embeddings,
    contrastive: Contrastive | None,
    bank_hearts: int,
    *,
    progress: Progress = QUIET,
) -> tuple[SharedSpace | None, ReferenceBank | None, dict[str, SharedSpaceCard | BankCard]]:
    """The shared space of a model, a bank in it, and their cards by the names of `BundleConfig`; nothing without a
    contrastive model."""
    if contrastive is None:
        return None, None, {}
    space, card = fit_shared_space(embeddings, contrastive, progress=progress)
    if not bank_hearts:
        return space, None, {"shared_space": card}
    origin = bank_in_words(embeddings.cohort)
    bank, bank_card = make_bank(space, embeddings.cohort, hearts=bank_hearts, origin=origin, progress=progress)
    return space, bank, {"shared_space": card, "bank": bank_card}


def _refuse_strangers(run: Run, siblings: Sequence[Run]) -> None:
    seeds = {run.config.training.seed}
    for sibling in siblings:
        training = replace(sibling.config.training, seed=run.config.training.seed)
        alike = sibling.cohort == run.cohort and replace(sibling.config, training=training) == run.config
        if not alike or sibling.config.training.seed in seeds:
            raise BadRun(
                sibling.path,
                found="a run of other settings or on another cohort" if not alike else "a seed that is there already",
                expected=f"the fine-tuning of {display_name(run.path)} with another seed",
                remedy="leave it out, or train it with --training.seed",
            )
        seeds.add(sibling.config.training.seed)


def measure_applicability(embeddings: Embeddings, *, progress: Progress = QUIET) -> tuple[ApplicabilityCard, dict[str, Tensor]]:
    """Where the training subjects lie, as tensors of a bundle, and how far 99 % of the validation subjects are from them."""
    cohort = embeddings.cohort
    rows = {split: first_visits(cohort, split) for split in ("train", "validation")}
    # Several thousand say where the rest lies.
    rows["train"] = rows["train"][:_MOST_NEIGHBOURS]
    features = {
        split: features_of(
            embeddings(of_split),
            np.asarray(cohort.ecg_scale[of_split]),
            _characters(cohort, of_split, progress),
        )
        for split, of_split in rows.items()
    }
    # A cohort that came cleaned has no voltages: then the embedding alone is looked at.
    known = [name for name, of in features["train"].items() if np.isfinite(of).all(axis=1).sum() > 1]
    places = {name: neighbourhood(features["train"][name], islands=name == WAVES) for name in known}
    distances = {name: place.distance(features["validation"][name]) for name, place in places.items()}
    card = ApplicabilityCard(thresholds_of(distances), len(rows["validation"]))
    parts = {
        f"{APPLICABILITY}{name}.{part}": torch.tensor(getattr(place, part), dtype=torch.float32)
        for name, place in places.items()
        for part in (*NEIGHBOURHOOD_PARTS, POINTS)
        if getattr(place, part) is not None
    }
    return card, parts


def _characters(cohort: Cohort, rows: Int[np.ndarray, " row"], progress: Progress) -> list[Character]:
    found = []
    with progress.task("describe", total=len(rows), unit="ECGs") as task:
        for row in rows:
            found.append(character(np.asarray(cohort.ecg[row], np.float64)))
            task.advance()
    return found


def calibration_bands(columns: Sequence[str], chosen: pd.DataFrame, held_out: pd.DataFrame) -> list[ValueBand]:
    """The prediction intervals of columns of values, from predictions on `select` and `calibrate`."""
    bands = []
    for column in columns:
        select, calibrate = (table[table["column"] == column] for table in (chosen, held_out))
        numbers = (table[name].to_numpy(np.float64) for table in (select, calibrate) for name in ("score", "target"))
        bands.append(conformal_band(*numbers))
    return bands


def calibration_maps(
    columns: Sequence[str], predictions: pd.DataFrame, seeds: Sequence[pd.DataFrame] = ()
) -> list[CalibrationMap]:
    """The maps from log odds to probabilities of columns of classes, from predictions on `calibrate`.

    With the predictions of several `seeds` about the same subjects, each map knows how far their scores lie apart.
    """
    maps = []
    for column in columns:
        rows = predictions[(predictions["column"] == column) & predictions["target"].notna()]
        fitted = fit_calibration(rows["score"].to_numpy(np.float64), rows["target"].to_numpy() > 0.5)
        maps.append(replace(fitted, seed_sd=_apart(column, seeds)) if len(seeds) > 1 else fitted)
    return maps


def _apart(column: str, seeds: Sequence[pd.DataFrame]) -> float:
    """Root mean square over subjects of the standard deviation between seeds, each seed about its own mean.

    What all subjects share is the level, which every seed's own calibration takes away.
    """
    of_seeds = np.stack([table.loc[table["column"] == column, "score"].to_numpy(np.float64) for table in seeds])
    centred = of_seeds - of_seeds.mean(axis=1, keepdims=True)
    return float(np.sqrt(centred.var(axis=0, ddof=1).mean()))


def _cards(
    method: SupervisedConfig,
    weights: Mapping[str, Tensor],
    maps: Mapping[str, list[CalibrationMap]],
    bands: Mapping[str, list[ValueBand]],
    references: Mapping[str, tuple[Reference, ...]],
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
            known |= {"bands": tuple(bands[task.name]), "references": references[task.name]}
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
            cohort=cohort,
        )
        for row in chosen.itertuples()
    ]


def calibration_notes(maps: Mapping[str, list[CalibrationMap]]) -> dict[str, str]:
    """What was fitted on whom, for a bundle's provenance."""
    return {
        f"calibration.{task}": "; ".join(f"{m.fitted} on {m.events} events among {m.subjects} subjects" for m in fitted)
        for task, fitted in maps.items()
    }
