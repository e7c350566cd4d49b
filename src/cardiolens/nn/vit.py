"""The signal encoder: a vision transformer over patches of one lead each.

It knows positions, not patients: what becomes of the tokens is up to a decoder or a pooling.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import repeat
from jaxtyping import Float, Int
from torch import Tensor, nn

from cardiolens.nn.linear import Linear
from cardiolens.nn.patches import to_patches
from cardiolens.nn.positions import sine_cosine_positions
from cardiolens.nn.transformer import LAYER_NORM_EPSILON, Block, draw_transformer_weights, rising_drop_path


@dataclass(frozen=True)
class SignalEncoderConfig:
    """Sizes of the signal encoder; the defaults are the paper's."""

    num_leads: int = 12
    """Rows of the ECG."""
    num_samples: int = 2500
    """Length of the ECG: 5 s at 500 Hz."""
    patch: int = 100
    """Samples per patch."""
    width: int = 384
    """Numbers per token."""
    depth: int = 3
    """Transformer blocks."""
    heads: int = 6
    """Attention heads per block."""
    mlp_ratio: float = 4.0
    """Width of the MLP's hidden layer over the width of a token."""
    drop_path: float = 0.0
    """Probability of dropping a branch in the last block during training; it rises evenly from 0 in the first."""
    learn_positions: bool = False
    """Whether the positions, which start as sines and cosines, are trained."""

    def __post_init__(self) -> None:
        if self.num_samples % self.patch:
            raise ValueError(f"{self.num_samples} samples cannot be cut into patches of {self.patch}")

    @property
    def num_segments(self) -> int:
        """Patches per lead."""
        return self.num_samples // self.patch

    @property
    def num_patches(self) -> int:
        """Patches per ECG; the encoder's output holds one token more."""
        return self.num_leads * self.num_segments


class SignalEncoder(nn.Module):
    """ECG to tokens, class token first.

    The output has not passed `norm`, the final layer norm: the decoder wants it applied, poolings bring their own.
    """

    def __init__(self, config: SignalEncoderConfig) -> None:
        super().__init__()
        self.config = config
        positions = sine_cosine_positions(num_leads=config.num_leads, num_segments=config.num_segments, width=config.width)
        self.class_token = nn.Parameter(torch.empty(1, 1, config.width))
        self.positions = nn.Parameter(positions, requires_grad=config.learn_positions)
        self.patch_embedding = Linear(config.patch, config.width)
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, mlp_ratio=config.mlp_ratio, drop_path=drop_path, stream=f"ecg_encoder.{i}")
            for i, drop_path in enumerate(rising_drop_path(config.drop_path, config.depth))
        )
        self.norm = nn.LayerNorm(config.width, eps=LAYER_NORM_EPSILON)
        draw_transformer_weights(self)
        nn.init.normal_(self.class_token, std=0.02)

    def forward(
        self,
        ecg: Float[Tensor, "batch lead time"],
        *,
        visible: Int[Tensor, "batch kept"] | None = None,
        keys: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch token width"]:
        """Tokens of all patches, or of the `visible` ones in their order; the others are then never computed on.

        Raises:
            ValueError: the ECG has other leads or samples than configured, or `keys` are missing where branches drop.
        """
        if ecg.shape[1:] != (self.config.num_leads, self.config.num_samples):
            raise ValueError(
                f"the signal encoder expects {self.config.num_leads} leads of {self.config.num_samples} samples, "
                f"not {ecg.shape[1]} of {ecg.shape[2]}"
            )
        patches = to_patches(ecg, patch=self.config.patch)
        positions = self.positions[:, 1:]
        if visible is not None:
            patches = patches.gather(1, repeat(visible, "batch kept -> batch kept sample", sample=patches.shape[2]))
            positions = positions[0, visible]
        embedded = self.patch_embedding(patches) + positions
        first = (self.class_token + self.positions[:, :1]).expand(ecg.shape[0], -1, -1)
        tokens = torch.cat([first, embedded], dim=1)
        for block in self.blocks:
            tokens = block(tokens, keys=keys)
        return tokens
