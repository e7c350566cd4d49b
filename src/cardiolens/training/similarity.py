"""What a finished contrastive run finds alike: each place of a picture and its ECG, each segment of an ECG and its picture, and
whole pictures and ECGs of a split among each other.

A map that a model with other weights also draws says nothing about what was learnt, and one that the ECG of somebody else also
draws says nothing about the ECG: `randomised` and `exchanged` give what maps have to be held against. The numbers are in
`evaluation.localisation`.

Sources: Radford et al. 2021 (CLIP); maps as in MMCL-ECG-CMR@533409f MultimodalSimCLR.py; Adebayo et al. 2018 (sanity checks).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.nn.functional import normalize

from cardiolens.cohorts.loader import Loader
from cardiolens.cohorts.store import Cohort
from cardiolens.errors import BadOption, BadRun
from cardiolens.imaging.augmentation import resize_image
from cardiolens.methods.contrastive import Contrastive
from cardiolens.progress import QUIET, Progress
from cardiolens.signals.augmentation import first_window
from cardiolens.signals.windows import window_starts
from cardiolens.training.run import Run
from cardiolens.training.stored_arrays import StoredArrays
from cardiolens.training.train import CPU

BATCH_SIZE = 64
RECALL_AT = (1, 5, 10)
FROM_THE_TOP = ("image_projector.", "ecg_projector.", "ecg_pool.", "image_encoder.", "ecg_encoder.")
"""Parts of the model, those next to the cosine first: the order in which weights are randomised one part after the other."""
RETRIEVAL_COLUMNS = ("direction", "measure", "value", "chance", "subjects", "ecg_windows")
_RANKED_AT_ONCE = 1024


@dataclass(frozen=True)
class LocalSimilarity(StoredArrays):
    """Cosines (-1..1) of some subjects' pictures and ECGs, in the cells that the model sees: 14 x 14 places of a picture of
    210 x 210, 50 segments of each lead's first 5 s at the paper's sizes."""

    CALLED: ClassVar[str] = "similarity maps"

    subjects: Shaped[np.ndarray, " subject"]
    """Keyed hashes."""
    rows: Int[np.ndarray, " subject"]
    """Of the cohort."""
    picture: Float[np.ndarray, "subject row column"]
    """Each place's projection with the whole ECG's."""
    ecg: Float[np.ndarray, "subject lead segment"]
    """Each segment's projection with the whole picture's."""


@dataclass(frozen=True)
class Projections:
    """Some subjects' pictures and ECGs in the common space, of unit length; row i of both is the same subject."""

    subjects: Shaped[np.ndarray, " subject"]
    """Keyed hashes."""
    picture: Float[np.ndarray, "subject projection"]
    ecg: Float[np.ndarray, "subject projection"]
    ecg_windows: int
    """How many windows an ECG's projection is the mean of."""


def finished_contrastive(run: Run) -> Contrastive:
    """The model of a finished contrastive run, in evaluation mode.

    Raises:
        BadRun: the run is not done or of another method.
    """
    method = run.config.method.build(seed=0)
    if not isinstance(method, Contrastive):
        found = f"a run of {type(method).__name__}"
        raise BadRun(run.path, found=found, expected="a finished contrastive run", remedy="name another run")
    method.load_state_dict(run.weights())
    return method.eval()


def randomised(method: Contrastive, *, seed: int, parts: Sequence[str] = FROM_THE_TOP) -> Contrastive:
    """The same model with fresh weights in the parts whose names begin so; with all of them it is an untrained one.

    `parts` cut from `FROM_THE_TOP` randomise it from the top down, as Adebayo et al. do.
    """
    fresh = method.config.build(seed=seed).state_dict()
    other = copy.deepcopy(method)
    other.load_state_dict({name: tensor for name, tensor in fresh.items() if name.startswith(tuple(parts))}, strict=False)
    return other.eval()


def exchanged(rows: Int[np.ndarray, " subject"], rng: np.random.Generator) -> Int[np.ndarray, " subject"]:
    """For every row the row of somebody else, each once: whose ECG is held against the picture of a shuffled pair.

    Raises:
        BadOption: there is nobody else.
    """
    if len(rows) < 2:
        raise BadOption("rows", found=str(len(rows)), expected="at least two subjects", remedy="use a larger split")
    order = rng.permutation(len(rows))
    others = np.empty_like(rows)
    others[order] = rows[np.roll(order, 1)]
    return others


@torch.inference_mode()
def local_similarity(
    method: Contrastive,
    cohort: Cohort,
    rows: Int[np.ndarray, " subject"],
    *,
    ecg_rows: Int[np.ndarray, " subject"] | None = None,
    device: torch.device = CPU,
    progress: Progress = QUIET,
) -> LocalSimilarity:
    """Both maps of every row: its picture and the first window of its ECG, or of the ECG of `ecg_rows` in its place.

    Rows are the caller's choice; `training.predict.first_visits` gives those of a split that have an MRI, each subject once.

    Raises:
        BadOption: a row has no MRI.
    """
    method = method.to(device).eval()
    pictures = _loader(cohort, _with_mri(cohort, rows), images=True, device=device)
    ecgs = _loader(cohort, rows if ecg_rows is None else ecg_rows, images=False, device=device)
    of_pictures, of_ecgs = [], []
    with progress.task("similarity maps", total=len(rows), unit="subjects") as task:
        for shown, heard in zip(pictures.epoch(0, shuffle=False), ecgs.epoch(0, shuffle=False), strict=True):
            cmr = resize_image(shown.cmr, method.config.image_augmentation.size)
            ecg = first_window(heard.ecg, method.config.encoder.num_samples)
            of_pictures.append(method.local_similarity(ecg, cmr))
            of_ecgs.append(method.token_similarity(ecg, cmr))
            task.advance(len(shown))
    return LocalSimilarity(_subjects(cohort, rows), rows, _joined(of_pictures), _joined(of_ecgs))


@torch.inference_mode()
def project(
    method: Contrastive,
    cohort: Cohort,
    rows: Int[np.ndarray, " subject"],
    *,
    all_windows: bool = False,
    device: torch.device = CPU,
    progress: Progress = QUIET,
) -> Projections:
    """Pictures and ECGs of every row in the common space.

    An ECG is its first window, at which the published validation looks; with `all_windows` it is the mean of the projections,
    each of unit length, of the windows that cover the whole recording.

    Raises:
        BadOption: a row has no MRI.
    """
    method = method.to(device).eval()
    window = method.config.encoder.num_samples
    starts = window_starts(cohort.ecg.shape[2], window)[: None if all_windows else 1]
    pictures, ecgs = [], []
    with progress.task("project", total=len(rows), unit="subjects") as task:
        for batch in _loader(cohort, _with_mri(cohort, rows), images=True, device=device).epoch(0, shuffle=False):
            cmr = resize_image(batch.cmr, method.config.image_augmentation.size)
            windows = [normalize(method.project_ecg(batch.ecg[..., start : start + window]), dim=1) for start in starts]
            pictures.append(normalize(method.project_image(cmr), dim=1))
            ecgs.append(normalize(torch.stack(windows).mean(dim=0), dim=1))
            task.advance(len(batch))
    return Projections(_subjects(cohort, rows), _joined(pictures), _joined(ecgs), ecg_windows=len(starts))


def retrieval(projections: Projections) -> pd.DataFrame:
    """How well a picture finds its ECG among all, and an ECG its picture, with `RETRIEVAL_COLUMNS`.

    `recall_at_k` is the share whose partner is among the k most similar, `median_rank` the partner's place, from 1. A tie
    counts against the model, so one that finds all alike finds nobody. `chance` is what guessing gives.
    """
    n = len(projections.subjects)
    tables = []
    for direction, anchors, others in (
        ("image_to_ecg", projections.picture, projections.ecg),
        ("ecg_to_image", projections.ecg, projections.picture),
    ):
        ranks = partner_ranks(anchors, others)
        values = {f"recall_at_{k}": float((ranks <= k).mean()) for k in RECALL_AT} | {"median_rank": float(np.median(ranks))}
        chances = [min(1.0, k / n) for k in RECALL_AT] + [(n + 1) / 2]
        names = {"direction": direction, "measure": list(values), "value": list(values.values()), "chance": chances}
        tables.append(pd.DataFrame(names | {"subjects": n, "ecg_windows": projections.ecg_windows}))
    return pd.concat(tables, ignore_index=True)[list(RETRIEVAL_COLUMNS)]


def partner_ranks(
    anchors: Float[np.ndarray, "subject projection"], others: Float[np.ndarray, "subject projection"]
) -> Int[np.ndarray, " subject"]:
    """Place of row i of `others` among all of them by similarity to row i of `anchors`: 1 where it alone is most similar."""
    ranks = []
    for first in range(0, len(anchors), _RANKED_AT_ONCE):
        similarity = anchors[first : first + _RANKED_AT_ONCE] @ others.T
        own = np.arange(len(similarity))
        # The partner is at least as similar as itself, which makes the best place 1.
        ranks.append((similarity >= similarity[own, first + own][:, None]).sum(axis=1))
    return np.concatenate(ranks)


def _loader(cohort: Cohort, rows: Int[np.ndarray, " subject"], *, images: bool, device: torch.device) -> Loader:
    # Nothing is drawn in evaluation: the seed is of no consequence.
    return Loader(cohort, rows, batch_size=BATCH_SIZE, seed=0, images=images, device=device)


def _with_mri(cohort: Cohort, rows: Int[np.ndarray, " subject"]) -> Int[np.ndarray, " subject"]:
    without = int((~cohort.subjects["has_cmr"].to_numpy(bool)[rows]).sum())
    if without or not len(rows):
        found = f"{without} of {len(rows)} subjects without MRI" if without else "no subject with MRI"
        raise BadOption(cohort.path, found=found, expected="subjects with MRI", remedy="leave out those without")
    return rows


def _subjects(cohort: Cohort, rows: Int[np.ndarray, " subject"]) -> Shaped[np.ndarray, " subject"]:
    return cohort.subjects["subject"].to_numpy(str)[rows]


def _joined(batches: Sequence[Tensor]) -> Float[np.ndarray, "subject ..."]:
    return torch.cat(list(batches)).cpu().numpy()
