"""Masked data modelling: see a fifth of an ECG's patches, reconstruct all of them.

Unlike He et al. 2022 the loss counts visible patches too, targets are not normalised per patch, and the shape of every
lead is compared as well, by normalised cross-correlation; all as in the published code (mae, models_mae.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from einops import rearrange, repeat
from jaxtyping import Bool, Float, Int
from torch import Tensor

from cardiolens.batch import Batch, StepOutput
from cardiolens.keyed_random import uniform
from cardiolens.methods.global_batch import mean_over_rows, num_processes, num_rows_together
from cardiolens.methods.method import (
    Method,
    MethodConfig,
    ParameterGroup,
    Selection,
    grouped_by_decay,
    require_same_window,
)
from cardiolens.nn.mae_decoder import MaeDecoder, MaeDecoderConfig
from cardiolens.nn.masking import Masking, random_visible
from cardiolens.nn.patches import from_patches, to_patches
from cardiolens.nn.vit import SignalEncoder, SignalEncoderConfig
from cardiolens.signals.augmentation import EcgAugmentationConfig, augment, first_window


@dataclass(frozen=True)
class MaskedAutoencoderConfig(MethodConfig):
    """Settings of masked data modelling; the defaults are the paper's."""

    encoder: SignalEncoderConfig = field(default_factory=SignalEncoderConfig)
    """The signal encoder, which outlives the method."""
    decoder: MaeDecoderConfig = field(default_factory=MaeDecoderConfig)
    """The decoder, which does not."""
    hidden_ratio: float = 0.8
    """Share of patches that the encoder does not see."""
    ncc_weight: float = 0.1
    """Weight of the normalised cross-correlation; the mean squared error has the rest."""
    augmentation: EcgAugmentationConfig = field(default_factory=EcgAugmentationConfig)
    """Crop and augmentation in training; validation sees the first window as it is."""

    def __post_init__(self) -> None:
        require_same_window(self.encoder, self.augmentation)

    def _build(self) -> MaskedAutoencoder:
        return MaskedAutoencoder(self)


class Reconstruction(NamedTuple):
    """What the autoencoder makes of an ECG, and which samples it did not see."""

    ecg: Float[Tensor, "batch lead time"]
    hidden: Bool[Tensor, "batch lead time"]


class MaskedAutoencoder(Method):
    """Signal encoder and decoder with the reconstruction loss."""

    def __init__(self, config: MaskedAutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        self.ecg_encoder = SignalEncoder(config.encoder)
        self.decoder = MaeDecoder(config.decoder, config.encoder)

    @property
    def selects_by(self) -> Selection:
        """The reconstruction loss."""
        return Selection("loss", higher_is_better=False)

    def forward(self, batch: Batch) -> StepOutput:
        """Loss, mean squared error and cross-correlation of the reconstruction. Masks are random in validation, too."""
        if self.training:
            ecg = augment(batch.ecg, self.config.augmentation, keys=batch.keys)
        else:
            ecg = first_window(batch.ecg, self.config.augmentation.crop)
        predicted, _ = self._reconstruct_patches(ecg, batch.keys)
        target = to_patches(ecg, patch=self.config.encoder.patch)
        loss = reconstruction_loss(
            predicted, target, num_leads=self.config.encoder.num_leads, ncc_weight=self.config.ncc_weight
        )
        return StepOutput(loss.total, {"mse": loss.mse.detach(), "ncc": loss.ncc.detach()})

    def parameter_groups(self, weight_decay: float) -> list[ParameterGroup]:
        """As published: the class and mask tokens decay like matrices; biases and norms do not."""
        return grouped_by_decay(self.named_parameters(), weight_decay=weight_decay)

    def reconstruct(self, ecg: Float[Tensor, "batch lead time"], *, keys: Int[Tensor, " batch"]) -> Reconstruction:
        """The reconstruction of a window from a random fifth of its patches, which follows from `keys`."""
        predicted, masking = self._reconstruct_patches(ecg, keys)
        hidden = repeat(masking.hidden, "batch patch -> batch patch sample", sample=self.config.encoder.patch)
        num_leads = self.config.encoder.num_leads
        return Reconstruction(
            from_patches(predicted, num_leads=num_leads),
            rearrange(hidden, "batch (lead segment) sample -> batch lead (segment sample)", lead=num_leads),
        )

    def _reconstruct_patches(self, ecg: Tensor, keys: Tensor) -> tuple[Tensor, Masking]:
        return reconstruct_patches(self.ecg_encoder, self.decoder, ecg, hidden_ratio=self.config.hidden_ratio, keys=keys)


def reconstruct_patches(
    encoder: SignalEncoder,
    decoder: MaeDecoder,
    ecg: Float[Tensor, "batch lead time"],
    *,
    hidden_ratio: float,
    keys: Int[Tensor, " batch"],
) -> tuple[Float[Tensor, "batch patch sample"], Masking]:
    """All patches of a window from a random part of them, and which part that was; it follows from `keys`."""
    masking = random_visible(uniform(keys, "mask", encoder.config.num_patches), hidden_ratio)
    tokens = encoder(ecg, visible=masking.visible, keys=keys)
    return decoder(encoder.norm(tokens), masking.visible).float(), masking


class ReconstructionLoss(NamedTuple):
    """The loss and what it is made of."""

    total: Float[Tensor, ""]
    mse: Float[Tensor, ""]
    """Mean squared error."""
    ncc: Float[Tensor, ""]
    """Normalised cross-correlation, -1..1."""


def reconstruction_loss(
    predicted: Float[Tensor, "batch patch sample"],
    target: Float[Tensor, "batch patch sample"],
    *,
    num_leads: int,
    ncc_weight: float,
) -> ReconstructionLoss:
    """(1 - `ncc_weight`) times the squared error plus `ncc_weight` times one minus the cross-correlation.

    The error is the mean over all samples, visible and hidden alike. The cross-correlation is of each whole lead, with
    unbiased variances, averaged over leads and batch.
    """
    # The published code adds 1e-5 to the count of samples.
    num_samples = predicted[0].numel() * num_rows_together(len(predicted)) + 1e-5
    mse = (predicted - target).square().sum() * num_processes() / num_samples
    ncc = _cross_correlation(from_patches(predicted, num_leads=num_leads), from_patches(target, num_leads=num_leads))
    return ReconstructionLoss((1 - ncc_weight) * mse + ncc_weight * (1 - ncc), mse, ncc)


def _cross_correlation(a: Tensor, b: Tensor) -> Tensor:
    a, b = (signal - signal.mean(dim=-1, keepdim=True) for signal in (a, b))
    freedom = a.shape[-1] - 1
    of_a, of_b = ((signal.square().sum(dim=-1) / freedom + 1e-12).sqrt() for signal in (a, b))
    return mean_over_rows((a * b).sum(dim=-1) / freedom / (of_a * of_b))
