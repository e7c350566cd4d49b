"""From tokens to one vector per ECG: the mean of the patch tokens, or one attention query made of it.

Both leave the class token out and end in a layer norm. The published fine-tuning code applies this norm twice with the
same parameters, its contrastive code once; `norm_passes` keeps either, since weights are tied to it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from cardiolens.configs import Kinds
from cardiolens.nn.attention import QueryAttention
from cardiolens.nn.transformer import LAYER_NORM_EPSILON


@dataclass(frozen=True)
class PoolingConfig(Kinds, ABC):
    """How tokens become one vector."""

    @abstractmethod
    def build(self, width: int) -> nn.Module:
        """The module: tokens (batch, token, width), class token first, to (batch, width)."""


@dataclass(frozen=True)
class MeanPoolConfig(PoolingConfig):
    """Mean of the patch tokens."""

    norm_passes: int = 1
    """How often the layer norm is applied."""

    def build(self, width: int) -> MeanPool:
        return MeanPool(self, width)


@dataclass(frozen=True)
class AttentionPoolConfig(PoolingConfig):
    """Attention of the mean patch token to all patch tokens, as in CLIP but without positions."""

    heads: int = 6
    """Attention heads."""
    norm_passes: int = 2
    """How often the layer norm is applied; the published code does it twice."""

    def build(self, width: int) -> AttentionPool:
        return AttentionPool(self, width)


class MeanPool(nn.Module):
    """Mean of the patch tokens, then the layer norm."""

    def __init__(self, config: MeanPoolConfig, width: int) -> None:
        super().__init__()
        self.norm_passes = config.norm_passes
        self.norm = nn.LayerNorm(width, eps=LAYER_NORM_EPSILON)

    def forward(self, tokens: Float[Tensor, "batch token width"]) -> Float[Tensor, "batch width"]:
        return _normed(tokens[:, 1:].mean(dim=1), self.norm, self.norm_passes)


class AttentionPool(nn.Module):
    """One query per ECG, the mean patch token, attends to all patch tokens; then the layer norm."""

    def __init__(self, config: AttentionPoolConfig, width: int) -> None:
        super().__init__()
        self.norm_passes = config.norm_passes
        self.attention = QueryAttention(width, config.heads)
        self.norm = nn.LayerNorm(width, eps=LAYER_NORM_EPSILON)

    def forward(self, tokens: Float[Tensor, "batch token width"]) -> Float[Tensor, "batch width"]:
        patches = tokens[:, 1:]
        pooled = self.attention(patches.mean(dim=1, keepdim=True), patches)
        return _normed(pooled[:, 0], self.norm, self.norm_passes)


def _normed(pooled: Float[Tensor, "batch width"], norm: nn.LayerNorm, passes: int) -> Float[Tensor, "batch width"]:
    for _ in range(passes):
        pooled = norm(pooled)
    return pooled
