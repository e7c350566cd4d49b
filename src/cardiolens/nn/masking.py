"""Which patches a masked autoencoder sees."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Bool, Float, Int
from torch import Tensor


class Masking(NamedTuple):
    """`visible` indexes the patches that the encoder gets, in random order; `hidden` marks all others."""

    visible: Int[Tensor, "batch kept"]
    hidden: Bool[Tensor, "batch patch"]


def num_visible(num_patches: int, hidden_ratio: float) -> int:
    """How many patches stay visible.

    Truncates 59.99… to 59 for 300 patches at 0.8. The published weights were trained so; rounding would break parity.
    """
    return int(num_patches * (1 - hidden_ratio))


def random_visible(noise: Float[Tensor, "batch patch"], hidden_ratio: float) -> Masking:
    """The patches with the least noise stay visible, the same number in every sample."""
    kept = num_visible(noise.shape[1], hidden_ratio)
    if not 0 < kept <= noise.shape[1]:
        raise ValueError(f"hiding {hidden_ratio} of {noise.shape[1]} patches leaves {kept}; expected a ratio in 0 <= ratio < 1")
    visible = noise.argsort(dim=1, stable=True)[:, :kept]
    hidden = noise.new_ones(noise.shape, dtype=bool).scatter_(1, visible, False)
    return Masking(visible, hidden)
