"""Attention of bf16 queries, keys and values on a CPU that multiplies bf16 matrices.

PyTorch's fused kernel multiplies by MKL there, a share of a sample at a time, and reaches a tenth of what a large bf16 product
does. Here every product but the one before the softmax is a batched bf16 one, with the attention weights in memory, a few
samples at a time so that they stay in the cache. Scores and softmax are float32, for a bf16 score of 10 is off by 0.03 and
its weight by as much. Less than half the fused kernel's time at the paper's sizes (benchmarks/mmcl_step.py); a GPU's kernels
are better than this.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import BFloat16
from torch import Tensor
from torch.autograd.function import once_differentiable

_WEIGHTS_AT_ONCE, _WEIGHTS_AT_ONCE_FOR_THREADS = 1 << 20, 1 << 22
"""How many attention weights are computed together: few enough for a core's cache, or for the cache that cores share, where
there are several to be started and waited for each time."""


def suits_halves(tensor: Tensor) -> bool:
    """Whether `attend_in_halves` is the fast way for such a tensor here."""
    # A graph that is exported shall hold the attention that it means.
    if torch.compiler.is_compiling() or tensor.device.type != "cpu" or tensor.dtype != torch.bfloat16:
        return False
    return _multiplies_halves()


def attend_in_halves(
    query: BFloat16[Tensor, "batch head query depth"],
    key: BFloat16[Tensor, "batch head token depth"],
    value: BFloat16[Tensor, "batch head token depth"],
) -> BFloat16[Tensor, "batch head query depth"]:
    """Attention without dropout or mask; gradients of first order. Autocast must be off."""
    return _AttendInHalves.apply(query, key, value)


class _AttendInHalves(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        scale = query.shape[-1] ** -0.5
        weights = query.new_empty(*query.shape[:3], key.shape[2])
        mixed = torch.empty_like(query)
        for part in _parts(weights):
            scores = (query[part].float() * scale) @ key[part].float().mT
            weights[part] = scores.softmax(dim=-1)
            mixed[part] = weights[part] @ value[part]
        context.save_for_backward(query, key, value, weights)
        return mixed

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        query, key, value, weights = context.saved_tensors
        scale = query.shape[-1] ** -0.5
        by_query, by_key, by_value = torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)
        for part in _parts(weights):
            by_value[part] = weights[part].mT @ gradient[part]
            by_weight = gradient[part] @ value[part].mT
            # The derivative of the softmax, in PyTorch's own kernel, which sums in float32.
            by_score = torch._softmax_backward_data(by_weight, weights[part], -1, weights.dtype)
            by_query[part] = (by_score @ key[part]) * scale
            by_key[part] = (by_score.mT @ query[part]) * scale
        return by_query, by_key, by_value


def _parts(weights: Tensor) -> Iterator[slice]:
    at_once = _WEIGHTS_AT_ONCE_FOR_THREADS if torch.get_num_threads() > 1 else _WEIGHTS_AT_ONCE
    step = max(1, at_once // max(1, weights[0].numel()))
    return (slice(start, start + step) for start in range(0, len(weights), step))


@functools.cache
def _multiplies_halves() -> bool:
    # Private names, which another PyTorch may not have.
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in asked)
