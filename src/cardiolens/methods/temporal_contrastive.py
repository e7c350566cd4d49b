"""Contrastive learning of ECGs and cines, as a whole and moment by moment: what an ECG says of a phase of the beat comes to lie
close to the frame of that phase, and away from the same heart's other frames.

The global loss compares hearts, as everywhere here; the local one compares moments within a heart. An ECG has no frames, so
its tokens are averaged by the phase of the beat in which their samples lie, which R peaks tell (`signals.cardiac_phase`).

Source: the idea of a local temporal loss is that of PTACL (patient and temporal alignment); how moments are aligned is ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import torch
from einops import einsum, rearrange, reduce
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from cardiolens.batch import Batch, StepOutput
from cardiolens.configs import refuse_outside
from cardiolens.imaging.volume_augmentation import VolumeAugmentationConfig, augment_volumes
from cardiolens.methods.contrastive import clip_loss, hit_rate
from cardiolens.methods.ecg_embedding import EcgEmbedding
from cardiolens.methods.global_batch import mean_over_known
from cardiolens.methods.method import MethodConfig, require_same_window
from cardiolens.nn.image_encoder import ImageEncoder, ImageEncoderConfig
from cardiolens.nn.pooling import MeanPoolConfig, PoolingConfig
from cardiolens.nn.projector import Projector, ProjectorConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.signals.augmentation import EcgAugmentationConfig, augment, first_window
from cardiolens.signals.cardiac_phase import cardiac_phase

_NEVER = -1e4
"""A logit that takes no part; infinite ones would have no gradient where all of a heart are so."""


@dataclass(frozen=True)
class TemporalContrastiveConfig(MethodConfig):
    """Settings of global and local contrastive learning; those that the first paper has are its own."""

    encoder: SignalEncoderConfig = field(default_factory=lambda: SignalEncoderConfig(drop_path=0.1, learn_positions=True))
    """The signal encoder, which outlives the method."""
    pooling: PoolingConfig = field(default_factory=MeanPoolConfig)
    """From ECG tokens to the ECG's embedding."""
    frame_encoder: ImageEncoderConfig = field(default_factory=lambda: ImageEncoderConfig(channels=1))
    """What encodes each frame of the middle slice's cine; the cine's embedding is the mean of its frames'."""
    projector: ProjectorConfig = field(default_factory=ProjectorConfig)
    """To the common spaces; ECG and cine have one each for the whole and for moments."""
    temperature: float = 0.1
    """What cosine similarities of either loss are divided by."""
    local_weight: float = 1.0
    """Weight of the local loss; the global one has weight one. 0 leaves it out."""
    augmentation: EcgAugmentationConfig = field(
        default_factory=lambda: EcgAugmentationConfig(probability=0.95, surrogate_probability=1.0)
    )
    """Crop and augmentation of the ECG in training."""
    mri_augmentation: VolumeAugmentationConfig = field(default_factory=VolumeAugmentationConfig)
    """Augmentation of the cine in training, the same for all frames of a heart."""

    def __post_init__(self) -> None:
        require_same_window(self.encoder, self.augmentation)
        refuse_outside(
            self,
            {
                "frame_encoder": (self.frame_encoder.channels == 1, "one channel"),
                "local_weight": (self.local_weight >= 0, "0 or more"),
            },
        )

    @property
    def needs_cine(self) -> bool:
        """Nothing else of the MRI is looked at."""
        return True

    def _build(self) -> TemporalContrastive:
        return TemporalContrastive(self)


class TemporalContrastive(EcgEmbedding):
    """Signal and frame encoder with projectors for whole hearts and for moments, and both losses."""

    def __init__(self, config: TemporalContrastiveConfig) -> None:
        super().__init__(config.encoder, config.pooling, partial(Projector, config.projector))
        self.config = config
        self.frame_encoder = ImageEncoder(config.frame_encoder)
        self.frame_projector = Projector(config.projector, config.frame_encoder.features)
        if config.local_weight:
            width = config.encoder.width
            # Tokens come without the pooling's norm, which the whole ECG's have.
            self.local_ecg_projector = nn.Sequential(nn.LayerNorm(width), Projector(config.projector, width))
            self.local_frame_projector = Projector(config.projector, config.frame_encoder.features)

    def forward(self, batch: Batch) -> StepOutput:
        """The weighted sum of the losses, both of them, and how often the nearest heart and moment are the right ones."""
        assert batch.cmr_cine is not None, "the loader was not asked for cines"
        cine = rearrange(batch.cmr_cine, "batch phase rows columns -> batch 1 phase rows columns")
        if self.training:
            ecg = augment(batch.ecg, self.config.augmentation, keys=batch.keys)
            cine = augment_volumes(cine, self.config.mri_augmentation, keys=batch.keys)
        else:
            ecg = first_window(batch.ecg, self.config.augmentation.crop)
        frames = self._embed_frames(cine)
        tokens = self.ecg_encoder(ecg, keys=batch.keys)
        of_ecg = self.ecg_projector(self.ecg_pool(tokens)).float()
        of_cine = self.frame_projector(frames.mean(dim=1)).float()
        loss = clip_loss(of_cine, of_ecg, temperature=self.config.temperature, image_weight=0.5)
        metrics = {"global_loss": loss.detach(), "ecg_to_cine_top1": hit_rate(of_ecg, of_cine)}
        if self.config.local_weight:
            weights, known = phase_weights(
                cardiac_phase(ecg), num_segments=self.config.encoder.num_samples // self.config.encoder.patch,
                num_phases=frames.shape[1],
            )  # fmt: skip
            moments = self.local_ecg_projector(self._by_phase(tokens, weights)).float()
            similarity = moment_similarity(moments, self.local_frame_projector(frames).float())
            local = local_loss(similarity, known, temperature=self.config.temperature)
            loss = loss + self.config.local_weight * local
            own = similarity.detach().argmax(dim=2) == torch.arange(frames.shape[1], device=frames.device)
            metrics |= {"local_loss": local.detach(), "local_top1": mean_over_known(own.float(), known)}
        return StepOutput(loss, metrics)

    def _embed_frames(self, cine: Float[Tensor, "batch 1 phase rows columns"]) -> Float[Tensor, "batch phase feature"]:
        frames = self.frame_encoder(rearrange(cine, "batch 1 phase rows columns -> (batch phase) 1 rows columns"))
        return rearrange(frames, "(batch phase) feature -> batch phase feature", batch=len(cine))

    def _by_phase(
        self, tokens: Float[Tensor, "batch token width"], weights: Float[Tensor, "batch phase segment"]
    ) -> Float[Tensor, "batch phase width"]:
        leads = self.config.encoder.num_leads
        segments = reduce(tokens[:, 1:], "batch (lead segment) width -> batch segment width", "mean", lead=leads)
        return einsum(weights.to(segments.dtype), segments, "batch phase segment, batch segment width -> batch phase width")


def phase_weights(
    phase: Float[Tensor, "batch time"], *, num_segments: int, num_phases: int
) -> tuple[Float[Tensor, "batch phase segment"], Bool[Tensor, "batch phase"]]:
    """Of the samples that lie nearest to each frame's moment of the beat, the share in each segment; and whether there are any.

    Frame k shows the moment k / `num_phases`; the beat's end is as near to frame 0 as its beginning.
    """
    seen = torch.isfinite(phase)
    moment = torch.where(seen, phase * num_phases, 0.0).round().long() % num_phases
    segment = torch.arange(phase.shape[1], device=phase.device) // (phase.shape[1] // num_segments)
    counts = phase.new_zeros(len(phase), num_phases * num_segments)
    counts.scatter_add_(1, moment * num_segments + segment, seen.to(phase.dtype))
    counts = rearrange(counts, "batch (phase segment) -> batch phase segment", segment=num_segments)
    total = counts.sum(dim=2, keepdim=True)
    return counts / total.clamp(min=1), total[..., 0] > 0


def moment_similarity(
    moments: Float[Tensor, "batch phase projection"], frames: Float[Tensor, "batch phase projection"]
) -> Float[Tensor, "batch moment frame"]:
    """Cosines of every moment of an ECG with every frame of the same heart."""
    with torch.autocast(moments.device.type, enabled=False):
        return normalize(moments.float(), dim=2) @ normalize(frames.float(), dim=2).transpose(1, 2)


def local_loss(
    similarity: Float[Tensor, "batch moment frame"], known: Bool[Tensor, "batch moment"], *, temperature: float
) -> Float[Tensor, ""]:
    """Cross-entropy of finding a moment's frame among the heart's frames, and a frame's moment among its known moments; the
    mean of both directions over all known moments."""
    logits = similarity / temperature
    finding_frames = -logits.log_softmax(dim=2).diagonal(dim1=1, dim2=2)
    among_known = logits.masked_fill(~known[:, :, None], _NEVER)
    finding_moments = -among_known.log_softmax(dim=1).diagonal(dim1=1, dim2=2)
    return mean_over_known((finding_frames + finding_moments) / 2, known)
