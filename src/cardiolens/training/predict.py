"""What a fine-tuned run says about a cohort: the Predictions that every metric, table and figure is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from cardiolens.batch import Batch
from cardiolens.cohorts.loader import Loader
from cardiolens.cohorts.store import Cohort
from cardiolens.errors import BadRun
from cardiolens.imaging.augmentation import resize_image
from cardiolens.methods.fine_tuning import FineTuningConfig
from cardiolens.nn.ecg_model import EcgModel
from cardiolens.nn.image_model import ImageModel
from cardiolens.privacy import display_name
from cardiolens.progress import QUIET, Progress
from cardiolens.signals.windows import window_starts
from cardiolens.training.run import Run
from cardiolens.training.train import CPU

BATCH_SIZE = 128
MODEL_PARTS = ("ecg_encoder.", "ecg_pool.", "scale_input.", "image_encoder.", "heads.")
"""How the names of the weights begin that answer; the rest of a run's weights served its training."""


def predict_run(
    run: Run, cohort: Cohort, split: str, *, device: torch.device = CPU, progress: Progress = QUIET
) -> pd.DataFrame:
    """One row per subject of a split and label column of a finished fine-tuning run, as `evaluation.predictions` wants it.

    `score` is the log odds of a disease or a phenotype in its unit, `target` NaN where unknown. The cohort need not be the
    one trained on. Of a subject with several visits the first one in the cohort counts, so that every subject weighs the same;
    a model that looks at pictures answers for subjects with an MRI, at the first visit that has one.

    Raises:
        BadRun: the run is not done, or was no fine-tuning.
        BadOption: the cohort lacks a label column or every MRI that is needed, or there is no such split.
    """
    method = run.config.method
    if not isinstance(method, FineTuningConfig):
        raise BadRun(
            run.path,
            found=f"a run of {type(method).__name__}, which predicts nothing",
            expected="a finished fine-tuning run",
            remedy="fine-tune from this run first",
        )
    rows = first_visits(cohort, split, images=method.needs_images)
    scores = predict_scores(*_model(run, method), cohort, rows, device=device, progress=progress)
    tasks = [task.name for task in method.tasks for _ in task.columns]
    names = {"run": display_name(run.path), "method": run.config.name, "split": split}
    return predictions_table(names, run.config.training.seed, tasks, method.columns, cohort, rows, scores)


def predict_scores(
    model: EcgModel | ImageModel,
    mean: Float[Tensor, " output"],
    sd: Float[Tensor, " output"],
    cohort: Cohort,
    rows: Int[np.ndarray, " row"],
    *,
    device: torch.device = CPU,
    progress: Progress = QUIET,
) -> Float[np.ndarray, "row output"]:
    """Each score of every row, in the order of the model's heads: the mean over the windows that cover the whole ECG, or what
    the whole picture gives, which every row must then have.

    Scores are multiplied by `sd` and shifted by `mean`, which brings standardised values back to their unit.
    """
    model = model.to(device).eval()
    mean, sd = mean.to(device), sd.to(device)
    # Nothing is drawn in evaluation: the seed is of no consequence.
    images = isinstance(model, ImageModel)
    batches = Loader(cohort, rows, batch_size=BATCH_SIZE, seed=0, images=images, device=device)
    scores = []
    with progress.task("predict", total=len(rows), unit="pictures" if images else "ECGs") as task, torch.inference_mode():
        for batch in batches.epoch(0, shuffle=False):
            scores.append(_answer(model, batch) * sd + mean)
            task.advance(len(batch))
    return torch.cat(scores).cpu().numpy()


def embed_and_score(
    model: EcgModel, ecg: Float[Tensor, "batch lead time"], scale_mv: Float[Tensor, "batch group"]
) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch output"]]:
    """What the heads read, and every score in their order: each the mean over the windows that cover the whole ECG.

    The published code looks at the first window alone. `scale_mv` are the scales of the whole ECG, for models that read them.
    """
    embedded = _embed_windows(model, ecg, scale_mv)
    scores = [torch.cat(list(model.heads(one).values()), dim=1) for one in embedded]
    return torch.stack(embedded).mean(dim=0), torch.stack(scores).mean(dim=0)


def embed_whole(
    model: EcgModel, ecg: Float[Tensor, "batch lead time"], scale_mv: Float[Tensor, "batch group"]
) -> Float[Tensor, "batch width"]:
    """The first of `embed_and_score` alone, of a model that may have no heads."""
    return torch.stack(_embed_windows(model, ecg, scale_mv)).mean(dim=0)


def _embed_windows(model: EcgModel, ecg: Tensor, scale_mv: Tensor) -> list[Tensor]:
    window = model.config.encoder.num_samples
    starts = window_starts(ecg.shape[2], window)
    return [model.embed(ecg[..., start : start + window], scale_mv=scale_mv) for start in starts]


def predict_embeddings(
    model: EcgModel, cohort: Cohort, rows: Int[np.ndarray, " row"], *, device: torch.device = CPU, progress: Progress = QUIET
) -> Float[np.ndarray, "row width"]:
    """What the heads read of every row's ECG."""
    model = model.to(device).eval()
    batches = Loader(cohort, rows, batch_size=BATCH_SIZE, seed=0, images=False, device=device)
    found = []
    with progress.task("embed", total=len(rows), unit="ECGs") as task, torch.inference_mode():
        for batch in batches.epoch(0, shuffle=False):
            found.append(embed_and_score(model, batch.ecg, batch.ecg_scale)[0])
            task.advance(len(batch))
    return torch.cat(found).cpu().numpy()


class Embeddings:
    """What the heads read of a cohort's ECGs, each computed once, whoever asks again."""

    def __init__(self, model: EcgModel, cohort: Cohort, *, progress: Progress = QUIET) -> None:
        self.model, self.cohort, self._progress = model, cohort, progress
        self._known: dict[int, Float[np.ndarray, " width"]] = {}

    def __call__(self, rows: Int[np.ndarray, " row"]) -> Float[np.ndarray, "row width"]:
        """Of rows of the cohort, in their order."""
        missing = np.array([row for row in rows if int(row) not in self._known], dtype=np.int64)
        if len(missing):
            found = predict_embeddings(self.model, self.cohort, missing, progress=self._progress)
            self._known |= dict(zip(missing.tolist(), found, strict=True))
        return np.stack([self._known[int(row)] for row in rows])


def _answer(model: EcgModel | ImageModel, batch: Batch) -> Float[Tensor, "batch output"]:
    if isinstance(model, EcgModel):
        return embed_and_score(model, batch.ecg, batch.ecg_scale)[1]
    return torch.cat(list(model(resize_image(batch.cmr, model.config.size)).values()), dim=1)


def _model(run: Run, method: FineTuningConfig) -> tuple[EcgModel | ImageModel, Tensor, Tensor]:
    weights = run.weights()
    model = method.answering_model()
    model.load_state_dict({name: tensor for name, tensor in weights.items() if name.startswith(MODEL_PARTS)})
    return model, weights["target_mean"], weights["target_sd"]


def first_visits(cohort: Cohort, split: str, *, images: bool = False) -> Int[np.ndarray, " first"]:
    """The rows of a split, of a subject with several visits the first alone; with `images` the first that has an MRI.

    Raises:
        BadOption: there is no such split.
    """
    rows = cohort.rows(split)
    if images:
        rows = rows[cohort.subjects["has_cmr"].to_numpy(bool)[rows]]
    return rows[~cohort.subjects["subject"].iloc[rows].duplicated().to_numpy()]


def predictions_table(
    names: Mapping[str, str],
    seed: int,
    tasks: Sequence[str],
    columns: Sequence[str],
    cohort: Cohort,
    rows: Int[np.ndarray, " row"],
    scores: Float[np.ndarray, "row output"],
) -> pd.DataFrame:
    """Scores of label columns, each with the task it belongs to, as Predictions; `names` are those of run, method and split."""
    count = len(rows)
    return pd.DataFrame(
        {
            **{name: _all_alike(value, scores.size) for name, value in names.items()},
            "seed": np.full(scores.size, seed, dtype=np.int64),
            "task": _column_after_column(tasks, count),
            "column": _column_after_column(columns, count),
            "subject": pd.Categorical(np.tile(cohort.subjects["subject"].to_numpy(str)[rows], len(columns))),
            "target": cohort.values(columns)[rows].T.ravel(),
            "score": scores.T.ravel().astype(np.float64),
        }
    )


def _all_alike(name: str, count: int) -> pd.Categorical:
    return pd.Categorical.from_codes(np.zeros(count, dtype=np.int8), [name])


def _column_after_column(names: Sequence[str], count: int) -> pd.Categorical:
    distinct = list(dict.fromkeys(names))
    return pd.Categorical.from_codes(np.repeat([distinct.index(name) for name in names], count), distinct)
