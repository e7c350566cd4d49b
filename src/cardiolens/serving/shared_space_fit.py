"""The shared space of a fine-tuned model: its ECGs are brought next to the pictures of the contrastive run it came from.

Fine-tuning moves the ECG encoder away from where its projector was trained. So the image side is kept as it is and a fresh
projector learns, on frozen embeddings of whole ECGs, to find each subject's picture among all: the same CLIP loss with nothing
else free (locked-image tuning, Zhai et al. 2022). The `select` split ends it.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from cardiolens.bundles.bank import ReferenceBank
from cardiolens.bundles.config import BankCard, SharedSpaceCard
from cardiolens.cohorts.loader import Loader
from cardiolens.cohorts.store import Cohort
from cardiolens.imaging.augmentation import resize_image
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.methods.contrastive import Contrastive, clip_loss
from cardiolens.nn.shared_space import SharedSpace, SharedSpaceConfig
from cardiolens.progress import QUIET, Progress
from cardiolens.training.predict import BATCH_SIZE, Embeddings, first_visits
from cardiolens.training.similarity import partner_ranks

_STEPS, _PATIENCE = 400, 60
_BATCH = 512
_LEARNING_RATE, _WEIGHT_DECAY = 2e-3, 1e-2
BANK_PIXELS = 72
"""Height and width of a bank's pictures: enough to see the ventricles."""


def fit_shared_space(
    embeddings: Embeddings, contrastive: Contrastive, *, progress: Progress = QUIET
) -> tuple[SharedSpace, SharedSpaceCard]:
    """The space and how well held-out ECGs find their own MRI in it, on the first visits with an MRI of the test split.

    The same cohort and model give the same space.
    """
    of, cohort = contrastive.config, embeddings.cohort
    config = SharedSpaceConfig(
        embeddings.model.config.encoder.width, of.image_encoder, of.projector, of.image_augmentation.size
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        space = SharedSpace(config)
    space.image_encoder.load_state_dict(contrastive.image_encoder.state_dict())
    space.image_projector.load_state_dict(contrastive.image_projector.state_dict())
    space.eval()
    sides = {}
    for split in ("train", "select", "test"):
        rows = first_visits(cohort, split, images=True)
        sides[split] = (
            torch.from_numpy(embeddings(rows)),
            torch.from_numpy(project_pictures(space, cohort, rows, progress=progress)),
        )
    _learn(space, sides["train"], sides["select"], temperature=of.temperature, image_weight=of.image_weight)
    ecgs, pictures = _project(space, sides["test"][0]), sides["test"][1].numpy()
    ranks = partner_ranks(ecgs, pictures)
    return space, SharedSpaceCard(config, float((ranks <= 5).mean()), float(np.median(ranks)), len(ranks))


@torch.inference_mode()
def project_pictures(
    space: SharedSpace, cohort: Cohort, rows: Int[np.ndarray, " row"], *, progress: Progress = QUIET
) -> Float[np.ndarray, "row projection"]:
    """The MRI of every row, which must have one, in the shared space."""
    found = []
    with progress.task("project", total=len(rows), unit="pictures") as task:
        for batch in Loader(cohort, rows, batch_size=BATCH_SIZE, seed=0, images=True).epoch(0, shuffle=False):
            found.append(space.of_pictures(resize_image(batch.cmr, space.config.picture_size)))
            task.advance(len(batch))
    return torch.cat(found).numpy()


def make_bank(
    space: SharedSpace, cohort: Cohort, *, hearts: int, origin: str, progress: Progress = QUIET
) -> tuple[ReferenceBank, BankCard]:
    """Hearts of the training split with an MRI: half of them, as far as there are so many, with a disease, since among the
    ordinary a rare heart finds nobody alike."""
    rows = first_visits(cohort, "train", images=True)
    ill = (cohort.values(cohort.diseases)[rows] > 0).any(axis=1)
    # In the order of the keyed hash, which is no order at all.
    order = np.argsort(cohort.subjects["subject"].to_numpy(str)[rows], kind="stable")
    rows, ill = rows[order], ill[order]
    chosen = np.sort(np.concatenate([rows[ill][: hearts // 2], rows[~ill]])[:hearts])
    names = tuple(
        f"synthetic heart {number + 1}" if cohort.is_synthetic else str(subject)[:32]
        for number, subject in enumerate(cohort.subjects["subject"].to_numpy(str)[chosen])
    )
    phenotypes = tuple(column for column in PHENOTYPE_COLUMNS if column in cohort.subjects)
    male = cohort.subjects["sex"].map({"M": 1.0, "F": 0.0}) if "sex" in cohort.subjects else None
    people = {"age_years": cohort.subjects.get("age_years"), "male": male}
    people = {name: column.to_numpy(np.float64)[chosen] for name, column in people.items() if column is not None}
    pictures = torch.from_numpy(np.array(cohort.cmr[chosen])).float() / 255
    bank = ReferenceBank(
        names,
        project_pictures(space, cohort, chosen, progress=progress),
        (resize_image(pictures, BANK_PIXELS) * 255).round().to(torch.uint8).numpy(),
        (*people, *phenotypes),
        np.column_stack([*people.values(), cohort.values(phenotypes)[chosen]]),
    )
    return bank, BankCard(bank.columns, len(names), origin)


def _learn(
    space: SharedSpace,
    train: tuple[Float[Tensor, "subject width"], Float[Tensor, "subject projection"]],
    select: tuple[Float[Tensor, "held width"], Float[Tensor, "held projection"]],
    *,
    temperature: float,
    image_weight: float,
) -> None:
    """Train the ECG's projector; the weights with the lowest loss on `select` stay."""

    def loss(ecgs: Float[Tensor, "drawn width"], pictures: Float[Tensor, "drawn projection"]) -> Float[Tensor, ""]:
        projected = space.ecg_projector(ecgs)
        return clip_loss(pictures, projected, temperature=temperature, image_weight=image_weight)

    draw = torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(space.ecg_projector.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    best, kept, since = float("inf"), copy.deepcopy(space.ecg_projector.state_dict()), 0
    for _ in range(_STEPS):
        rows = torch.randperm(len(train[0]), generator=draw)[:_BATCH]
        optimizer.zero_grad()
        loss(train[0][rows], train[1][rows]).backward()
        optimizer.step()
        with torch.no_grad():
            found = float(loss(*select))
        since += 1
        if found < best:
            best, kept, since = found, copy.deepcopy(space.ecg_projector.state_dict()), 0
        if since >= _PATIENCE:
            break
    space.ecg_projector.load_state_dict(kept)


@torch.inference_mode()
def _project(space: SharedSpace, embedding: Float[Tensor, "subject width"]) -> Float[np.ndarray, "subject projection"]:
    return space.of_ecgs(embedding).numpy()
