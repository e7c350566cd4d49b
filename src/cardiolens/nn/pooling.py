"""From tokens to one vector per ECG: the mean of the patch tokens, or one attention query made of it.

Both leave the class token out and end in a layer norm. The published fine-tuning code applies this norm twice with the
same parameters, its contrastive code once; `norm_passes` keeps either, since weights are tied to it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention

from cardiolens.configs import Kinds
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


class QueryAttention(nn.Module):
    """Multi-head attention of given queries to tokens; parameters are named as in `torch.nn.MultiheadAttention`."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"attention needs a width divisible by its heads, not {width} by {heads}")
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(
        self, query: Float[Tensor, "batch query width"], tokens: Float[Tensor, "batch token width"]
    ) -> Float[Tensor, "batch query width"]:
        width = query.shape[2]
        q = linear(query, self.in_proj_weight[:width], self.in_proj_bias[:width])
        key_value = linear(tokens, self.in_proj_weight[width:], self.in_proj_bias[width:])
        q = rearrange(q, "batch query (head depth) -> batch head query depth", head=self.heads)
        key, value = rearrange(
            key_value, "batch token (part head depth) -> part batch head token depth", part=2, head=self.heads
        ).unbind()
        mixed = scaled_dot_product_attention(q, key, value)
        return self.out_proj(rearrange(mixed, "batch head query depth -> batch query (head depth)"))


def _normed(pooled: Float[Tensor, "batch width"], norm: nn.LayerNorm, passes: int) -> Float[Tensor, "batch width"]:
    for _ in range(passes):
        pooled = norm(pooled)
    return pooled
