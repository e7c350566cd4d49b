"""Multi-head attention: of tokens to each other, and of given queries to tokens. No dropout, no mask."""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from cardiolens.nn.half_attention import attend_in_halves, suits_halves
from cardiolens.nn.linear import Linear, linear
from cardiolens.nn.members import attend_over_members, is_under_vmap


class SelfAttention(nn.Module):
    """Attention of all tokens to all tokens; query, key and value come from one biased projection."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        _require_whole_heads(width, heads)
        self.heads = heads
        self.qkv = Linear(width, 3 * width)
        self.projection = Linear(width, width)

    def forward(self, tokens: Float[Tensor, "batch token width"]) -> Float[Tensor, "batch token width"]:
        query, key, value = rearrange(
            _at_fast_precision(self.qkv(tokens)),
            "batch token (part head depth) -> part batch head token depth",
            part=3,
            head=self.heads,
        ).unbind()
        return self.projection(_mix(query, key, value))


class QueryAttention(nn.Module):
    """Attention of given queries to tokens; parameters are named as in `torch.nn.MultiheadAttention`."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        _require_whole_heads(width, heads)
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(
        self, queries: Float[Tensor, "batch query width"], tokens: Float[Tensor, "batch token width"]
    ) -> Float[Tensor, "batch query width"]:
        width = queries.shape[2]
        query = rearrange(
            _at_fast_precision(linear(queries, self.in_proj_weight[:width], self.in_proj_bias[:width])),
            "batch query (head depth) -> batch head query depth",
            head=self.heads,
        )
        key, value = rearrange(
            _at_fast_precision(linear(tokens, self.in_proj_weight[width:], self.in_proj_bias[width:])),
            "batch token (part head depth) -> part batch head token depth",
            part=2,
            head=self.heads,
        ).unbind()
        return self.out_proj(_mix(query, key, value))


def _mix(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    with torch.autocast(query.device.type, enabled=False):
        if is_under_vmap():
            attend = attend_over_members
        else:
            attend = attend_in_halves if suits_halves(query) else scaled_dot_product_attention
        mixed = attend(query, key, value)
    return rearrange(mixed, "batch head query depth -> batch query (head depth)")


def _at_fast_precision(projected: Tensor) -> Tensor:
    # A CPU's fused bf16 kernel is slower than its float32 one, most of all going backward over few tokens.
    if projected.device.type != "cpu" or (suits_halves(projected) and not is_under_vmap()):
        return projected
    return projected.float()


def _require_whole_heads(width: int, heads: int) -> None:
    if width % heads:
        raise ValueError(f"attention needs a width divisible by its heads, not {width} by {heads}")
