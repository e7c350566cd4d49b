"""The arrays behind two pictures of a report: what the autoencoder reconstructs, and where an MRI resembles its ECG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int, UInt8
from torch.nn.functional import interpolate

from cardiolens.batch import Batch
from cardiolens.cohorts.loader import Loader
from cardiolens.cohorts.store import Cohort
from cardiolens.errors import BadRun
from cardiolens.imaging.augmentation import resize_image
from cardiolens.methods.contrastive import Contrastive
from cardiolens.methods.masked_autoencoder import MaskedAutoencoder
from cardiolens.methods.method import Method
from cardiolens.signals.augmentation import first_window
from cardiolens.training.run import Run
from cardiolens.training.stored_arrays import StoredArrays

MID_PHASE = 1
"""The channel of an MRI picture that heat maps are drawn over."""


@dataclass(frozen=True)
class ExamplePictures(StoredArrays):
    """Examples from the test split."""

    CALLED: ClassVar[str] = "example pictures"

    original: Float[np.ndarray, "lead time"]
    """An ECG's first window, cleaned, without unit."""
    reconstructed: Float[np.ndarray, "lead time"]
    """The same from the patches that were not hidden."""
    hidden: Bool[np.ndarray, "lead patch"]
    """The patches that were."""
    pictures: UInt8[np.ndarray, "example height width"]
    """Mid-phase MRI pictures."""
    similarity: Float[np.ndarray, "example height width"]
    """At their size, the cosine (-1..1) of each place's projection with that of the same subject's ECG."""


def example_pictures(autoencoder: Run, contrastive: Run, cohort: Cohort, *, num_maps: int = 4) -> ExamplePictures:
    """The first ECG of the test split reconstructed, and similarity maps of its first subjects with an MRI.

    Raises:
        BadRun: one of the runs is not done or of another method.
        BadOption: nobody in the test split has an MRI.
    """
    rows = cohort.rows("test")
    original, reconstructed, hidden = reconstruct(autoencoder, cohort, rows[:1])
    with_mri = rows[cohort.subjects["has_cmr"].to_numpy(bool)[rows]][:num_maps]
    pictures, similarity = similarity_maps(contrastive, cohort, with_mri)
    return ExamplePictures(original[0], reconstructed[0], hidden[0], pictures, similarity)


def reconstruct(
    run: Run, cohort: Cohort, rows: Int[np.ndarray, " row"]
) -> tuple[Float[np.ndarray, "row lead time"], Float[np.ndarray, "row lead time"], Bool[np.ndarray, "row lead patch"]]:
    """First windows, their reconstructions and the patches that were hidden, by a run of the masked autoencoder.

    Raises:
        BadRun: the run is not done or of another method.
    """
    method = _finished_method(run, MaskedAutoencoder)
    batch = _one_batch(cohort, rows, images=False)
    ecg = first_window(batch.ecg, method.config.encoder.num_samples)
    with torch.inference_mode():
        result = method.reconstruct(ecg, keys=batch.keys)
    hidden = rearrange(result.hidden, "row lead (patch sample) -> row lead patch sample", sample=method.config.encoder.patch)
    return ecg.numpy(), result.ecg.numpy(), hidden[..., 0].numpy()


def similarity_maps(
    run: Run, cohort: Cohort, rows: Int[np.ndarray, " row"]
) -> tuple[UInt8[np.ndarray, "row height width"], Float[np.ndarray, "row height width"]]:
    """Mid-phase pictures and, at their size, the similarity of each place to the subject's ECG, by a contrastive run.

    Raises:
        BadRun: the run is not done or of another method.
    """
    method = _finished_method(run, Contrastive)
    batch = _one_batch(cohort, rows, images=True)
    ecg = first_window(batch.ecg, method.config.encoder.num_samples)
    cmr = resize_image(batch.cmr, method.config.image_augmentation.size)
    with torch.inference_mode():
        cells = method.local_similarity(ecg, cmr)
    size = batch.cmr.shape[-2:]
    similarity = interpolate(rearrange(cells, "row y x -> row 1 y x"), size=size, mode="bilinear", align_corners=False)
    pictures = (batch.cmr[:, MID_PHASE] * 255).round().to(torch.uint8)
    return pictures.numpy(), rearrange(similarity, "row 1 height width -> row height width").numpy()


def _finished_method(run: Run, kind: type[Method]) -> Method:
    method = run.config.method.build(seed=0)
    if not isinstance(method, kind):
        raise BadRun(
            run.path,
            found=f"a run of {type(method).__name__}",
            expected=f"a finished run of {kind.__name__}",
            remedy="name another run",
        )
    method.load_state_dict(run.weights())
    return method.eval()


def _one_batch(cohort: Cohort, rows: Int[np.ndarray, " row"], *, images: bool) -> Batch:
    loader = Loader(cohort, rows, batch_size=max(1, len(rows)), seed=0, images=images)
    return next(loader.epoch(0, shuffle=False))
