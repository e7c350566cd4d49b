"""Computing the same modules with several sets of weights by `torch.vmap`: what a layer must know of it.

`torch.vmap` hides from a layer that it is at work, and from attention's kernels that gradients will be wanted. So whoever
uses it says so, and attention goes through `attend_over_members`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

_under_vmap: ContextVar[bool] = ContextVar("under vmap", default=False)


@contextmanager
def under_vmap() -> Iterator[None]:
    """Inside, layers are called by `torch.vmap` over sets of weights."""
    before = _under_vmap.set(True)
    try:
        yield
    finally:
        _under_vmap.reset(before)


def is_under_vmap() -> bool:
    """Whether layers are called so; never while a graph is compiled, which is of one set of weights and knows no context."""
    return not torch.compiler.is_compiling() and _under_vmap.get()


def attend_over_members(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention without dropout or mask under `torch.vmap`: what its axis holds becomes further samples of one call.

    PyTorch's own rule leaves out what the backward kernels of a GPU read, and a CPU's kernel has no rule.
    """
    return _Attend.apply(query, key, value)


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        raise AssertionError("attention over members outside of torch.vmap")

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """Nothing is kept: the call within `vmap` is an ordinary one, which keeps what it needs."""

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *tensors: Tensor) -> tuple[Tensor, int]:
        assert None not in in_dims, "every one follows from the weights"
        samples = [tensor.movedim(dim, 0).flatten(0, 1) for tensor, dim in zip(tensors, in_dims, strict=True)]
        return scaled_dot_product_attention(*samples).unflatten(0, (info.batch_size, -1)), 0
