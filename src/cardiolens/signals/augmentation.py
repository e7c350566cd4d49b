"""Random views of an ECG: crop, Fourier surrogate, noise, rescaling; whole batches at once, on the batch's device.

Each part is a pure function of the ECG and of its draws; `augment` makes the draws from one key per sample. The
mathematics is the published code's, in single precision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from cardiolens import keyed_random
from cardiolens.configs import refuse_outside


@dataclass(frozen=True)
class EcgAugmentationConfig:
    """How strongly an ECG is changed. The defaults are those of pre-training; the order of the fields is the order of use."""

    crop: int = 2500
    """Samples that are kept, from a random place."""

    probability: float = 1.0
    """Share of ECGs that anything after the crop is done to."""

    surrogate: float = 0.1
    """Share of a full turn by which the phase of each frequency moves at most; 0 leaves the surrogate out."""

    surrogate_probability: float = 0.5
    """Share of the changed ECGs whose phases are moved."""

    jitter: float = 0.25
    """Standard deviation of the multiplicative noise; 0 leaves it out."""

    jitter_amplitude: float = 0.6
    """Factor of the multiplicative noise."""

    rescale: float = 0.5
    """Standard deviation of the factor, around one, that scales all leads; at 0.5 one in 44 is negative. 0 leaves it out."""

    def __post_init__(self) -> None:
        ranges = {"crop": (self.crop >= 1, "1 or more")}
        for field in ("probability", "surrogate_probability"):
            ranges[field] = (0 <= getattr(self, field) <= 1, "a share from 0 to 1")
        for field in ("surrogate", "jitter", "jitter_amplitude", "rescale"):
            ranges[field] = (0 <= getattr(self, field) < math.inf, "0 or more")
        refuse_outside(self, ranges)


def augment(
    ecg: Float[Tensor, "batch lead time"],
    config: EcgAugmentationConfig,
    *,
    keys: Int[Tensor, " batch"],
    view: str = "",
) -> Float[Tensor, "batch lead crop"]:
    """A random view of each ECG, float32: crop, then surrogate, jitter and rescaling.

    Sample i's view follows from `keys[i]` alone; another `view` is an independent one.
    """
    stream = f"{view} ecg"
    cropped = random_crop(ecg, config.crop, position=keyed_random.uniform(keys, f"{stream} crop")).float()
    changed = cropped
    if config.surrogate > 0 and config.surrogate_probability > 0:
        phase = 2 * math.pi * keyed_random.uniform(keys, f"{stream} phase", num_phases(config.crop))
        moved = fourier_surrogate(changed, phase=phase, strength=config.surrogate)
        changed = _where(keyed_random.uniform(keys, f"{stream} surrogate") < config.surrogate_probability, moved, changed)
    if config.jitter > 0:
        noise = keyed_random.normal(keys, f"{stream} jitter", *changed.shape[1:])
        changed = jitter(changed, noise=noise, strength=config.jitter, amplitude=config.jitter_amplitude)
    if config.rescale > 0:
        changed = rescale(changed, noise=keyed_random.normal(keys, f"{stream} rescale"), strength=config.rescale)
    if config.probability == 1:
        return changed
    return _where(keyed_random.uniform(keys, f"{stream} change") < config.probability, changed, cropped)


def first_window(ecg: Float[Tensor, "batch lead time"], length: int) -> Float[Tensor, "batch lead crop"]:
    """The first `length` samples: the published code's view in validation."""
    return ecg[:, :, :length]


def random_crop(
    ecg: Float[Tensor, "batch lead time"], length: int, *, position: Float[Tensor, " batch"]
) -> Float[Tensor, "batch lead crop"]:
    """`length` samples of each ECG from the start that `position` in [0, 1) picks.

    As published, the very last start is never picked, unless it is the only one.
    """
    num_starts = max(ecg.shape[2] - length, 1)
    start = (position * num_starts).long().clamp(max=num_starts - 1)
    sample = torch.arange(len(ecg), device=ecg.device)
    return rearrange(ecg.unfold(2, length, 1), "batch lead start time -> batch start lead time")[sample, start]


def num_phases(num_samples: int) -> int:
    """How many frequencies of a signal have a phase to move: all but zero and, of an even length, the highest."""
    return (num_samples - 1) // 2


def fourier_surrogate(
    ecg: Float[Tensor, "batch lead time"], *, phase: Float[Tensor, "batch frequency"], strength: float
) -> Float[Tensor, "batch lead time"]:
    """The signal with `strength * phase` radians added to the phase of each frequency, the same in all leads.

    `phase` has `num_phases(time)` columns, from the lowest frequency up. Amplitudes stay, and so do the constant part
    and, of an even length, the highest frequency.
    """
    spectrum = torch.fft.rfft(ecg.float())
    turn = pad(strength * phase, (1, spectrum.shape[-1] - 1 - phase.shape[1]))
    turned = spectrum * rearrange(torch.polar(torch.ones_like(turn), turn), "batch frequency -> batch 1 frequency")
    return torch.fft.irfft(turned, n=ecg.shape[-1])


def jitter(
    ecg: Float[Tensor, "batch lead time"],
    *,
    noise: Float[Tensor, "batch lead time"],
    strength: float,
    amplitude: float = 0.6,
) -> Float[Tensor, "batch lead time"]:
    """Each sample times one plus `amplitude * strength` standard normal `noise`: the published noise is multiplicative."""
    return ecg + ecg * noise * (amplitude * strength)


def rescale(
    ecg: Float[Tensor, "batch lead time"], *, noise: Float[Tensor, " batch"], strength: float
) -> Float[Tensor, "batch lead time"]:
    """Each ECG times one factor for all leads: one plus `strength` times standard normal `noise`, so it may be negative."""
    return ecg * rearrange(1 + strength * noise, "batch -> batch 1 1")


def _where(chosen: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    return torch.where(rearrange(chosen, "batch -> batch 1 1"), yes, no)
