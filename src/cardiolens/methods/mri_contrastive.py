"""Contrastive learning of ECGs against views of the MRI in space and time, up to both phases of the whole heart.

Every pair among the ECG and the views is pulled together by the symmetric CLIP loss, and the pairs' losses are averaged: of
an ECG and one view this is one such loss; of an ECG, end-diastole and end-systole it is the triplet contrastive loss. What is
compared with the ECG is the branch's choice (`mri_branches`). Only the ECG encoder is handed on.

Source: Alvarez-Florez et al. 2026 (arXiv 2602.12883).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from cardiolens.batch import Batch, StepOutput
from cardiolens.imaging.volume_augmentation import VolumeAugmentationConfig, augment_volumes
from cardiolens.methods.contrastive import clip_loss
from cardiolens.methods.method import Method, MethodConfig, ParameterGroup, Selection, require_same_window
from cardiolens.methods.mri_branches import DualPhaseConfig, MriBranchConfig, ViewEncoder
from cardiolens.nn.pooling import MeanPoolConfig, PoolingConfig
from cardiolens.nn.projector import Projector, ProjectorConfig
from cardiolens.nn.vit import SignalEncoder, SignalEncoderConfig
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


class MriContrastive(Method):
    """Signal encoder and one encoder per view, each with its projector, and the loss over their pairs."""

    def __init__(self, config: MriContrastiveConfig) -> None:
        super().__init__()
        self.config = config
        self.ecg_encoder = SignalEncoder(config.encoder)
        # The pooling brings its own norm; the encoder's stays as loaded, for those who use it later.
        self.ecg_encoder.norm.requires_grad_(False)
        self.ecg_pool = config.pooling.build(config.encoder.width)
        self.ecg_projector = Projector(config.projector, config.encoder.width)
        branch = config.branch
        self.view_encoders = nn.ModuleDict({view: ViewEncoder(branch) for view in branch.views})
        self.view_projectors = nn.ModuleDict({view: Projector(config.projector, branch.latent) for view in branch.views})

    @property
    def selects_by(self) -> Selection:
        """The loss on views that are not augmented."""
        return Selection("loss", higher_is_better=False)

    def forward(self, batch: Batch) -> StepOutput:
        """The loss, and how often the view nearest to an ECG is of the same heart. Every row needs its MRI."""
        mri = self.config.branch.read(batch)
        if self.training:
            ecg = augment(batch.ecg, self.config.augmentation, keys=batch.keys)
            mri = augment_volumes(mri, self.config.mri_augmentation, keys=batch.keys)
        else:
            ecg = first_window(batch.ecg, self.config.augmentation.crop)
        ecg_projection = self.project_ecg(ecg, keys=batch.keys)
        views = self.project_views(mri)
        loss = pairwise_clip_loss([ecg_projection, *views.values()], temperature=self.config.temperature)
        hits = {f"ecg_to_{name}_top1": _hit_rate(ecg_projection.detach(), view.detach()) for name, view in views.items()}
        return StepOutput(loss, hits)

    def parameter_groups(self, weight_decay: float) -> list[ParameterGroup]:
        """One group: as published, all weights decay alike, biases and norms included."""
        trained = tuple(parameter for parameter in self.parameters() if parameter.requires_grad)
        return [ParameterGroup(trained, 1.0, weight_decay, "all")]

    def project_ecg(
        self, ecg: Float[Tensor, "batch lead time"], *, keys: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch projection"]:
        """ECG windows to the common space; not normalised."""
        return self.ecg_projector(self.ecg_pool(self.ecg_encoder(ecg, keys=keys))).float()

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


def _hit_rate(ecg: Float[Tensor, "batch projection"], view: Float[Tensor, "batch projection"]) -> Float[Tensor, ""]:
    nearest = cosine_similarity(ecg[:, None], view[None], dim=2).argmax(dim=1)
    return (nearest == torch.arange(len(ecg), device=ecg.device)).float().mean()
