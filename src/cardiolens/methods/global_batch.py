"""One loss over a batch that several processes share: every process sees the projections of all.

A contrastive loss compares each subject with the others of its batch, so on N processes it must see N parts of it. Each
process then computes the same loss of the whole batch, and the mean over processes of its gradients, which is what
DistributedDataParallel takes, is the gradient that one process with the whole batch would have.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, distributed


def num_processes() -> int:
    """How many processes share the batch; 1 where none others were started."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def gathered(rows: Float[Tensor, "batch feature"]) -> Float[Tensor, "whole feature"]:
    """The rows of all processes, in the order of their ranks; gradients find their way back. Every process has as many."""
    return rows if num_processes() == 1 else _Gather.apply(rows)


def mean_over_known(losses: Float[Tensor, "batch output"], known: Bool[Tensor, "batch output"]) -> Float[Tensor, ""]:
    """The mean of the known entries, 0 where none is known. On several processes it is this one's part: the mean over processes
    of what each returns is the mean over all their entries, however many of them each one knows."""
    count = known.sum().to(losses.dtype)
    if num_processes() > 1:
        distributed.all_reduce(count)
        count = count / num_processes()
    return torch.where(known, losses, 0.0).sum() / count.clamp(min=1 / num_processes())


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(num_processes())]
        distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        # The loss of every process depends on these rows.
        gradient = gradient.contiguous()
        distributed.all_reduce(gradient)
        return gradient.chunk(num_processes())[distributed.get_rank()]
