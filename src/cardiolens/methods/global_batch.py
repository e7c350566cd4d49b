"""One loss over a batch that several processes share: every process sees the projections of all.

A contrastive loss compares each subject with the others of its batch, so on N processes it must see N parts of it. The rule for
all methods: the mean over processes of the loss, of its gradients and of the metrics that each of them returns is the number
that one process with the whole batch would have, whatever rows each one holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, distributed
from torch.nn.functional import pad

from cardiolens.batch import Batch, Share
from cardiolens.errors import LostProcess

_ALONE = 0
_LONGEST_REASON = 200
_together: ContextVar[int | None] = ContextVar("rows of all processes together", default=None)


@contextmanager
def shared(batch: Batch) -> Iterator[None]:
    """Inside, what is computed is this process's share of `batch`, or all of it where it has all rows.

    Outside, all processes are taken to have as many rows.
    """
    token = _together.set(_ALONE if batch.whole is None else batch.whole)
    try:
        yield
    finally:
        _together.reset(token)


def num_processes() -> int:
    """How many processes share the batch; 1 where none others were started, or where each has all rows."""
    joined = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size() if joined and _together.get() != _ALONE else 1


def gathered(rows: Shaped[Tensor, "batch feature"]) -> Shaped[Tensor, "whole feature"]:
    """The rows of all processes, in the order of their ranks; gradients find their way back."""
    return rows if num_processes() == 1 else _Gather.apply(rows, _sizes(len(rows)))


def mean_over_known(losses: Float[Tensor, "batch output"], known: Bool[Tensor, "batch output"]) -> Float[Tensor, ""]:
    """The mean of the known entries, 0 where none is known. On several processes it is this one's part: the mean over processes
    of what each returns is the mean over all their entries, however many of them each one knows."""
    count = known.sum().to(losses.dtype)
    if num_processes() > 1:
        with with_others():
            distributed.all_reduce(count)
        count = count / num_processes()
    return torch.where(known, losses, 0.0).sum() / count.clamp(min=1 / num_processes())


def mean_over_rows(values: Float[Tensor, "batch *shape"]) -> Float[Tensor, ""]:
    """The mean of all entries; on several processes this one's part of it, as in `mean_over_known`."""
    if num_processes() == 1:
        return values.mean()
    return values.sum() * (num_processes() / (values.numel() * num_rows_together(len(values)) / len(values)))


def num_rows_together(rows: int) -> int:
    """Rows that all processes hold, where this one holds `rows`."""
    return sum(_sizes(rows)) if num_processes() > 1 else rows


@contextmanager
def with_others() -> Iterator[None]:
    """Inside, processes exchange numbers, which fails where one of them is gone.

    Raises:
        LostProcess: another process ended.
    """
    try:
        yield
    except RuntimeError as error:
        raise LostProcess(str(error).partition("\n")[0][:_LONGEST_REASON]) from error


def _sizes(rows: int) -> list[int]:
    together, processes = _together.get(), distributed.get_world_size()
    return [rows] * processes if together is None else Share(processes=processes).sizes(together)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, rows: Tensor, sizes: list[int]) -> Tensor:
        context.sizes = sizes
        # Processes exchange pieces of one size; shares may differ by a row.
        rows = pad(rows, [0] * (2 * rows.ndim - 1) + [max(sizes) - len(rows)]) if len(rows) < max(sizes) else rows.contiguous()
        parts = [torch.empty_like(rows) for _ in sizes]
        with with_others():
            distributed.all_gather(parts, rows)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        # The loss of every process depends on these rows.
        gradient = gradient.contiguous()
        with with_others():
            distributed.all_reduce(gradient)
        return gradient.split(context.sizes)[distributed.get_rank()], None
