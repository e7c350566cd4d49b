"""Two random views of one ECG, as the published ECG baselines compare them; whole batches at once, on the batch's device.

To the crop, surrogate, noise and rescaling of `augmentation` come a flip in time, a flip of sign and SpecAugment, in this
order. Each is a pure function of the ECG and of its draws; the views make the draws from one key per sample.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import pad

from cardiolens import keyed_random
from cardiolens.configs import refuse_outside
from cardiolens.signals.augmentation import EcgAugmentationConfig, augment, random_crop

FIRST, SECOND = "first", "second"
"""The names of the two views, from which their random numbers follow."""


@dataclass(frozen=True)
class ContrastiveViewsConfig:
    """How strongly the two views of an ECG are changed; the defaults are the published baselines'."""

    augmentation: EcgAugmentationConfig = field(default_factory=lambda: EcgAugmentationConfig(surrogate_probability=1.0))
    """Crop, surrogate, noise and rescaling; its `probability` is the share of first views that are changed."""

    second_probability: float = 0.95
    """Share of second views that anything after the crop is done to."""

    time_flip: float = 0.5
    """Share of the changed views that run backwards."""

    sign_flip: float = 0.5
    """Share of the changed views that are turned upside down."""

    spectral_share: float = 0.25
    """Part of the spectrogram that SpecAugment silences in every changed view; 0 leaves it out."""

    spectral_window: int = 120
    """Samples per column of the spectrogram, a multiple of four: columns are a quarter of a window apart."""

    def __post_init__(self) -> None:
        shares = ("second_probability", "time_flip", "sign_flip", "spectral_share")
        ranges = {name: (0 <= getattr(self, name) <= 1, "a share from 0 to 1") for name in shares}
        longest = 2 * self.augmentation.crop - 1
        # Half a window is mirrored at either end of the crop, which must be longer than that.
        fits = self.spectral_window >= 4 and self.spectral_window % 4 == 0 and self.spectral_window <= longest
        fits = fits or self.spectral_share == 0
        refuse_outside(self, ranges | {"spectral_window": (fits, f"a multiple of four up to {longest}")})


def two_views(
    ecg: Float[Tensor, "batch lead time"], config: ContrastiveViewsConfig, *, keys: Int[Tensor, " batch"]
) -> tuple[Float[Tensor, "batch lead crop"], Float[Tensor, "batch lead crop"]]:
    """Two crops from independent places, each changed by itself; both follow from the sample's own key alone."""
    crop = config.augmentation.crop
    first, second = (
        random_crop(ecg, crop, position=keyed_random.uniform(keys, f"{view} ecg place")) for view in (FIRST, SECOND)
    )
    return change_pair(first, second, config, keys=keys)


def change_pair(
    first: Float[Tensor, "batch lead crop"],
    second: Float[Tensor, "batch lead crop"],
    config: ContrastiveViewsConfig,
    *,
    keys: Int[Tensor, " batch"],
) -> tuple[Float[Tensor, "batch lead crop"], Float[Tensor, "batch lead crop"]]:
    """Two windows as long as the crop, changed independently of each other; float32."""
    first_probability = config.augmentation.probability
    return (
        _changed(first, config, keys=keys, view=FIRST, probability=first_probability),
        _changed(second, config, keys=keys, view=SECOND, probability=config.second_probability),
    )


def view_keys(keys: Int[Tensor, " batch"], view: str) -> Int[Tensor, " batch"]:
    """The keys of a view, for what a model draws while it looks at it: drop path then differs between the views."""
    return keys ^ keyed_random.name_number(view)


def time_flip(ecg: Float[Tensor, "batch lead time"], *, flipped: Bool[Tensor, " batch"]) -> Float[Tensor, "batch lead time"]:
    """Those ECGs backwards that are `flipped`, all leads alike."""
    return torch.where(_per_ecg(flipped), ecg.flip(2), ecg)


def sign_flip(ecg: Float[Tensor, "batch lead time"], *, flipped: Bool[Tensor, " batch"]) -> Float[Tensor, "batch lead time"]:
    """Those ECGs upside down that are `flipped`, all leads alike."""
    return torch.where(_per_ecg(flipped), -ecg, ecg)


def spec_augment(
    ecg: Float[Tensor, "batch lead time"],
    *,
    in_frequency: Bool[Tensor, " batch"],
    position: Float[Tensor, " batch"],
    share: float,
    window: int,
) -> Float[Tensor, "batch lead time"]:
    """Each ECG without one block of its spectrogram: neighbouring frequencies, or else neighbouring moments.

    The block is `share` of the rows where `in_frequency`, of the columns elsewhere, rounded down; `position` in [0, 1) says
    where it starts; it is the same in all leads. The window is rectangular, columns lie a quarter of it apart, the ends are
    mirrored.

    Source: Park et al. 2019, with the published baselines' sizes.
    """
    spectrum = torch.fft.rfft(_frames(ecg, window))
    num_columns, num_rows = spectrum.shape[2:]
    columns = _block(num_columns, share, position) & ~in_frequency[:, None]
    rows = _block(num_rows, share, position) & in_frequency[:, None]
    silent = rearrange(columns, "batch column -> batch 1 column 1") | rearrange(rows, "batch row -> batch 1 1 row")
    return _overlapped(torch.fft.irfft(spectrum.masked_fill(silent, 0), n=window), ecg.shape[2])


def _changed(
    cropped: Float[Tensor, "batch lead crop"],
    config: ContrastiveViewsConfig,
    *,
    keys: Int[Tensor, " batch"],
    view: str,
    probability: float,
) -> Float[Tensor, "batch lead crop"]:
    def draw(name: str) -> Float[Tensor, " batch"]:
        return keyed_random.uniform(keys, f"{view} ecg {name}")

    changed = augment(cropped, replace(config.augmentation, probability=1.0), keys=keys, view=view)
    if config.time_flip > 0:
        changed = time_flip(changed, flipped=draw("time flip") < config.time_flip)
    if config.sign_flip > 0:
        changed = sign_flip(changed, flipped=draw("sign flip") < config.sign_flip)
    if config.spectral_share > 0:
        changed = spec_augment(
            changed,
            in_frequency=draw("spectral axis") < 0.5,
            position=draw("spectral place"),
            share=config.spectral_share,
            window=config.spectral_window,
        )
    if probability == 1:
        return changed
    return torch.where(_per_ecg(draw("view change") < probability), changed, cropped.float())


def _frames(ecg: Float[Tensor, "batch lead time"], window: int) -> Float[Tensor, "batch lead column window"]:
    """A window around every quarter of a window."""
    return pad(ecg.float(), (window // 2, window // 2), mode="reflect").unfold(2, window, window // 4)


def _overlapped(frames: Float[Tensor, "batch lead column window"], length: int) -> Float[Tensor, "batch lead time"]:
    """The signal whose windows are nearest to `frames`: at each sample the mean of those that hold it."""
    # By hand, since `torch.istft` looks at a number on every call, for which a GPU would be waited for.
    parts = rearrange(frames, "batch lead column (part hop) -> part batch lead column hop", part=4)
    _, batch, lead, num_columns, hop = parts.shape
    total = frames.new_zeros(batch, lead, num_columns + 3, hop)
    count = frames.new_zeros(num_columns + 3, 1)
    for shift, part in enumerate(parts):
        total[:, :, shift : shift + num_columns] += part
        count[shift : shift + num_columns] += 1
    whole = rearrange(total / count, "batch lead column hop -> batch lead (column hop)")
    return whole[:, :, 2 * hop : 2 * hop + length]


def _block(count: int, share: float, position: Float[Tensor, " batch"]) -> Bool[Tensor, "batch place"]:
    """Which of `count` places lie in the block, whose start may be any that lets it fit."""
    size = int(share * count)
    start = (position * (count - size + 1)).long().clamp(max=count - size)
    place = torch.arange(count, device=position.device)
    return (place >= start[:, None]) & (place < start[:, None] + size)


def _per_ecg(values: Bool[Tensor, " batch"]) -> Bool[Tensor, "batch 1 1"]:
    return rearrange(values, "batch -> batch 1 1")
