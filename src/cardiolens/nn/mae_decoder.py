"""The masked autoencoder's decoder: from the tokens of the visible patches back to the samples of every patch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import repeat
from jaxtyping import Float, Int
from torch import Tensor, nn

from cardiolens.nn.linear import Linear
from cardiolens.nn.positions import sine_cosine_positions
from cardiolens.nn.transformer import LAYER_NORM_EPSILON, Block, draw_transformer_weights
from cardiolens.nn.vit import SignalEncoderConfig


@dataclass(frozen=True)
class MaeDecoderConfig:
    """Sizes of the decoder; the defaults are the published code's."""

    width: int = 256
    """Numbers per token."""
    depth: int = 2
    """Transformer blocks."""
    heads: int = 8
    """Attention heads per block."""
    mlp_ratio: float = 4.0
    """Width of the MLP's hidden layer over the width of a token."""


class MaeDecoder(nn.Module):
    """Every patch's place holds its encoded token or the mask token; the blocks fill in the rest."""

    def __init__(self, config: MaeDecoderConfig, encoder: SignalEncoderConfig) -> None:
        super().__init__()
        positions = sine_cosine_positions(num_leads=encoder.num_leads, num_segments=encoder.num_segments, width=config.width)
        self.embedding = Linear(encoder.width, config.width)
        self.mask_token = nn.Parameter(torch.empty(1, 1, config.width))
        self.positions = nn.Parameter(positions, requires_grad=False)
        self.blocks = nn.ModuleList(Block(config.width, config.heads, mlp_ratio=config.mlp_ratio) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width, eps=LAYER_NORM_EPSILON)
        self.prediction = Linear(config.width, encoder.patch)
        draw_transformer_weights(self)
        nn.init.normal_(self.mask_token, std=0.02)

    def forward(
        self, latent: Float[Tensor, "batch token width"], visible: Int[Tensor, "batch kept"]
    ) -> Float[Tensor, "batch patch sample"]:
        """Predicted samples of all patches in their natural order.

        `latent` holds the class token and the tokens of the `visible` patches, final norm applied.
        """
        embedded = self.embedding(latent)
        place = torch.cat([torch.zeros_like(visible[:, :1]), visible + 1], dim=1)
        empty = self.mask_token.to(embedded.dtype).expand(len(latent), self.positions.shape[1], -1)
        placed = empty.scatter(1, repeat(place, "batch token -> batch token width", width=embedded.shape[2]), embedded)
        tokens = placed + self.positions
        for block in self.blocks:
            tokens = block(tokens)
        return self.prediction(self.norm(tokens)[:, 1:])
