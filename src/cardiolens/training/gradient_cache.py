"""Gradient caching: a loss that compares a whole batch, of which only a part fits in memory at a time.

First all parts are embedded without keeping what a backward pass needs; the loss of the whole batch then says how it changes
with every embedding; a second time, now for the backward pass, each part is embedded alone. What a subject's view looks like
follows from its key, so both times see the same. The price is one more forward pass, the result that of the whole batch at
once; only batch norm in training mode tells the difference, for it normalises a part by the part's own statistics.

Source: Gao et al. 2021, "Scaling deep contrastive learning batch size under memory limited setup".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from cardiolens.batch import Batch, StepOutput, cut
from cardiolens.errors import BadOption
from cardiolens.methods.method import ComparingMethod, Method
from cardiolens.training.config import Precision
from cardiolens.training.validation import autocast


def require_comparing(method: Method, *, parts: int) -> None:
    """Refuse to compute in cached parts what does not compare embeddings.

    Raises:
        BadOption: the method's loss looks at more than embeddings.
    """
    if parts > 1 and not isinstance(method, ComparingMethod):
        raise BadOption(
            "training.cached_parts",
            found=f"{parts} for {type(method).__name__}",
            expected="1 for a method whose loss looks at more than embeddings",
            remedy="use training.accumulation, with which such a loss compares within a part or compares nothing",
        )


def backward(method: ComparingMethod, batch: Batch, *, parts: int, weight: float, precision: Precision) -> StepOutput:
    """Add the gradients of `weight` times the batch's loss, embedded in `parts`; loss and metrics of the whole batch."""
    device = batch.ecg.device
    pieces = [batch.rows(rows) for rows in cut(len(batch), parts)]
    with torch.no_grad(), _statistics_left_alone(method), autocast(device, precision):
        embedded = [method.embed(piece) for piece in pieces]
    whole = tuple(torch.cat(of_pieces).requires_grad_() for of_pieces in zip(*embedded, strict=True))
    with autocast(device, precision):
        output = method.compare(whole)
    (output.loss * weight).backward()
    gradients = zip(*(embedding.grad.split([len(piece) for piece in pieces]) for embedding in whole), strict=True)
    for piece, of_piece in zip(pieces, gradients, strict=True):
        with autocast(device, precision):
            again = method.embed(piece)
        torch.autograd.backward(again, of_piece)
    return output


@contextmanager
def _statistics_left_alone(method: nn.Module) -> Iterator[None]:
    """Inside, batch norm does not take note of what it sees, which it will see a second time."""
    norms = [module for module in method.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    tracking = [norm for norm in norms if norm.training and norm.track_running_stats]
    for norm in tracking:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in tracking:
            norm.track_running_stats = True
