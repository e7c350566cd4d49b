"""A bundle with the same weights, calibrated again: risks, intervals and applicability from a cohort's held-out subjects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from cardiolens.bundles.bundle import Bundle, write_bundle
from cardiolens.bundles.config import SCHEMA_VERSION
from cardiolens.cohorts.store import Cohort
from cardiolens.progress import QUIET, Progress
from cardiolens.serving.bundling import calibration_bands, calibration_maps, calibration_notes, measure_applicability
from cardiolens.serving.evaluate import bundle_predictions
from cardiolens.serving.reference_fit import fit_references
from cardiolens.tasks import TaskKind
from cardiolens.training.predict import Embeddings
from cardiolens.training.train import CPU


def refit_bundle(
    bundle: Bundle,
    cohort: Cohort,
    path: Path,
    *,
    provenance: Mapping[str, str] | None = None,
    device: torch.device = CPU,
    progress: Progress = QUIET,
) -> Bundle:
    """Write at `path` the bundle with calibration, bands and applicability of `cohort`'s splits; weights stay to the bit.

    The cohort is the one it was trained on, or one of people of another kind to whom it is to be fitted: then what it says of
    its measurements no longer holds for them.

    Raises:
        BadOption: the cohort was cleaned otherwise than the bundle expects, or has labels for none of its heads.
        BadBundle: `path` holds something already.
    """
    chosen, held_out = (
        bundle_predictions(bundle, cohort, split=split, device=device, progress=progress) for split in ("select", "calibrate")
    )
    heads, notes = [], {}
    for card in bundle.config.heads:
        if not set(card.columns) <= set(held_out["column"]):
            heads.append(card)
        elif card.kind is TaskKind.CLASSIFICATION:
            maps = calibration_maps(card.columns, held_out)
            notes |= calibration_notes({card.name: maps})
            plain, prevalence = tuple(one.plain() for one in maps), tuple(one.prevalence for one in maps)
            heads.append(replace(card, calibration=plain, prevalence=prevalence))
        else:
            bands = tuple(calibration_bands(card.columns, chosen, held_out))
            heads.append(replace(card, bands=bands, references=fit_references(cohort, card.columns)))
    applicability, neighbours = measure_applicability(Embeddings(bundle.model(), cohort, progress=progress), progress=progress)
    config = replace(
        bundle.config,
        schema_version=SCHEMA_VERSION,
        heads=tuple(heads),
        applicability=applicability,
        provenance=bundle.config.provenance | notes | dict(provenance or {}),
        files={},
    )
    # Where ECGs and MRIs are compared depends on the weights alone; the bank's hearts are those that it came with.
    return write_bundle(path, config, bundle.of_model() | neighbours, shared_space=bundle.shared_space(), bank=bundle.bank())
