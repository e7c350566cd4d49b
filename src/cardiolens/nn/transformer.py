"""Pre-norm transformer blocks: self-attention and an MLP, each added to its input, with stochastic depth.

As in ViT: query, key and value from one biased projection, exact GELU, no dropout, layer norm with epsilon 1e-6.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import gelu

from cardiolens.keyed_random import uniform
from cardiolens.nn.attention import SelfAttention
from cardiolens.nn.linear import Linear

LAYER_NORM_EPSILON = 1e-6


class Mlp(nn.Module):
    """Two linear layers with a GELU between."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.expand = Linear(width, hidden)
        self.contract = Linear(hidden, width)

    def forward(self, tokens: Float[Tensor, "batch token width"]) -> Float[Tensor, "batch token width"]:
        return self.contract(gelu(self.expand(tokens)))


class Block(nn.Module):
    """One transformer layer. In training each branch of a sample is dropped with probability `drop_path`.

    `stream` names the block's random numbers; keys must be given where a branch can be dropped.
    """

    def __init__(self, width: int, heads: int, *, mlp_ratio: float, drop_path: float = 0.0, stream: str = "") -> None:
        super().__init__()
        self.drop_path = drop_path
        self.stream = stream
        self.norm1 = nn.LayerNorm(width, eps=LAYER_NORM_EPSILON)
        self.attention = SelfAttention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=LAYER_NORM_EPSILON)
        self.mlp = Mlp(width, int(width * mlp_ratio))

    def forward(
        self, tokens: Float[Tensor, "batch token width"], *, keys: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch token width"]:
        tokens = tokens + self._maybe_dropped(self.attention(self.norm1(tokens)), keys, "attention")
        return tokens + self._maybe_dropped(self.mlp(self.norm2(tokens)), keys, "mlp")

    def _maybe_dropped(self, branch: Tensor, keys: Tensor | None, name: str) -> Tensor:
        if not self.training or self.drop_path == 0.0:
            return branch
        if keys is None:
            raise ValueError("drop path in training needs the batch's keys")
        kept = uniform(keys, f"{self.stream}.{name}.drop_path", 1, 1) >= self.drop_path
        # Kept branches grow so that the expected sum stays what it is without dropping.
        return branch * (kept / (1 - self.drop_path)).to(branch.dtype)


def draw_transformer_weights(module: nn.Module) -> None:
    """Xavier-uniform matrices and zero biases for every linear layer of `module`, as the masked autoencoder starts."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)


def rising_drop_path(most: float, depth: int) -> list[float]:
    """The probability of dropping a branch in each block, rising evenly from zero to `most`."""
    return torch.linspace(0, most, depth).tolist()
