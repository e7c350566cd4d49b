"""Contrastive learning of ECGs against views of the MRI in space and time, up to both phases of the whole heart.

Every pair among the ECG and the views is pulled together by the symmetric CLIP loss, and the pairs' losses are averaged: of
an ECG and one view this is one such loss; of an ECG, end-diastole and end-systole it is the triplet contrastive loss. What is
compared with the ECG is the branch's choice (`mri_branches`). Only the ECG encoder is handed on.

Source: Alvarez-Florez et al. 2026 (arXiv 2602.12883).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cardiolens.batch import Batch, StepOutput
from cardiolens.imaging.volume_augmentation import VolumeAugmentationConfig, augment_volumes
from cardiolens.methods.contrastive import clip_loss, hit_rate
from cardiolens.methods.ecg_embedding import EcgEmbedding
from cardiolens.methods.method import ComparingMethod, MethodConfig, require_same_window
from cardiolens.methods.mri_branches import DualPhaseConfig, MriBranchConfig, ViewEncoder
from cardiolens.nn.pooling import MeanPoolConfig, PoolingConfig
from cardiolens.nn.projector import Projector, ProjectorConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.signals.augmentation import EcgAugmentationConfig, augment, first_window


@dataclass(frozen=True)
class MriContrastiveConfig(MethodConfig):
    """Settings of contrastive learning against views of the MRI; the ECG's are those of `ContrastiveConfig`."""

    branch: MriBranchConfig = field(default_factory=DualPhaseConfig)
    """Which views of the MRI, and their encoders."""
    encoder: SignalEncoderConfig = field(default_factory=lambda: SignalEncoderConfig(drop_path=0.1, learn_positions=True))
    """The signal encoder, which outlives the method."""
    pooling: PoolingConfig = field(default_factory=MeanPoolConfig)
    """From ECG tokens to the ECG's embedding."""
    projector: ProjectorConfig = field(default_factory=lambda: ProjectorConfig(hidden=768))
    """From an embedding to the common space; the ECG and every view have their own."""
    temperature: float = 0.1
    """What cosine similarities are divided by."""
    augmentation: EcgAugmentationConfig = field(
        default_factory=lambda: EcgAugmentationConfig(probability=0.95, surrogate_probability=1.0)
    )
    """Crop and augmentation of the ECG in training."""
    mri_augmentation: VolumeAugmentationConfig = field(default_factory=VolumeAugmentationConfig)
    """Augmentation of the views in training, the same for all views of a heart."""

    def __post_init__(self) -> None:
        require_same_window(self.encoder, self.augmentation)

    @property
    def needs_volumes(self) -> bool:
        """As its branch does."""
        return self.branch.needs_volumes

    @property
    def needs_cine(self) -> bool:
        """As its branch does."""
        return self.branch.needs_cine

    def _build(self) -> MriContrastive:
        return MriContrastive(self)


class MriContrastive(EcgEmbedding, ComparingMethod):
    """Signal encoder and one encoder per view, each with its projector, and the loss over their pairs."""

    def __init__(self, config: MriContrastiveConfig) -> None:
        super().__init__(config.encoder, config.pooling, partial(Projector, config.projector))
        self.config = config
        branch = config.branch
        self.view_encoders = nn.ModuleDict({view: ViewEncoder(branch) for view in branch.views})
        self.view_projectors = nn.ModuleDict({view: Projector(config.projector, branch.latent) for view in branch.views})

    def embed(self, batch: Batch) -> tuple[Float[Tensor, "batch projection"], ...]:
        """Projections of the ECG and of every view. Every row needs its MRI."""
        mri = self.config.branch.read(batch)
        if self.training:
            ecg = augment(batch.ecg, self.config.augmentation, keys=batch.keys)
            mri = augment_volumes(mri, self.config.mri_augmentation, keys=batch.keys)
        else:
            ecg = first_window(batch.ecg, self.config.augmentation.crop)
        return self.project_ecg(ecg, keys=batch.keys), *self.project_views(mri).values()

    def compare(self, embeddings: tuple[Float[Tensor, "batch projection"], ...]) -> StepOutput:
        """The loss, and how often the view nearest to an ECG is of the same heart."""
        loss = pairwise_clip_loss(embeddings, temperature=self.config.temperature)
        ecg_projection, *views = embeddings
        names = self.config.branch.views
        hits = {f"ecg_to_{name}_top1": hit_rate(ecg_projection, view) for name, view in zip(names, views, strict=True)}
        return StepOutput(loss, hits)

    def project_views(
        self, mri: Float[Tensor, "batch view depth rows columns"]
    ) -> dict[str, Float[Tensor, "batch projection"]]:
        """Each view by its name to the common space; not normalised."""
        return {
            name: self.view_projectors[name](self.view_encoders[name](view)).float()
            for name, view in zip(self.config.branch.views, mri.unbind(dim=1), strict=True)
        }


def pairwise_clip_loss(projections: Sequence[Float[Tensor, "batch projection"]], *, temperature: float) -> Float[Tensor, ""]:
    """The mean over all pairs of projections of their CLIP loss, both directions alike; row i of all is the same subject."""
    pairs = combinations(projections, 2)
    return torch.stack([clip_loss(a, b, temperature=temperature, image_weight=0.5) for a, b in pairs]).mean()
