"""The training step as one graph: forward and loss, and with them the backward pass, in few large kernels (`torch.compile`).

Only full batches are computed so. Those of another size, the last of an epoch or of a batch's parts, and validation, go
through the same method uncompiled, so a training compiles once.
"""

from __future__ import annotations

import functools
import re
import warnings
from contextlib import AbstractContextManager, nullcontext

import einops
import torch

from cardiolens.batch import Batch, StepOutput
from cardiolens.errors import BadOption
from cardiolens.keyed_random import name_number
from cardiolens.methods.method import Method


class CompiledMethod:
    """A method that computes batches of one size as one compiled graph, and all others as ever.

    What other trainings of this process compiled is given up, so that how many there were before changes nothing.
    """

    def __init__(self, method: Method, full_rows: int | None) -> None:
        torch.compiler.reset()
        torch.compiler.assume_constant_result(name_number)
        # They remember the types that they have met, and a graph that looked into them would be compiled again for each.
        torch.compiler.allow_in_graph([einops.einsum, einops.rearrange, einops.reduce, einops.repeat])
        self._method, self._full_rows, self._is_first = method, full_rows, True
        self._compiled = torch.compile(method, fullgraph=True, dynamic=False)

    def __call__(self, batch: Batch) -> StepOutput:
        """Loss and metrics; the first full batch is compiled for.

        Raises:
            BadOption: the method cannot be compiled as one graph.
        """
        from torch._dynamo.exc import TorchDynamoException

        self._full_rows = self._full_rows or len(batch)
        if len(batch) != self._full_rows:
            return self._method(batch)
        with self._warnings():
            try:
                output = self._compiled(batch)
            except TorchDynamoException as error:
                raise BadOption(
                    "training.compiled",
                    found=f"{type(self._method).__name__}, which does not compile: {_first_line(error)}",
                    expected="a method that compiles as one graph",
                    remedy="set it to false",
                ) from error
        self._is_first = False
        return output

    def _warnings(self) -> AbstractContextManager[object]:
        # The compiler gives advice on single operations, none of which a user could follow.
        return warnings.catch_warnings(action="ignore") if self._is_first else nullcontext()


@functools.cache
def why_no_compiler(device: str) -> str:
    """Why nothing can be compiled for devices of this kind here, in one line; empty where it can. A tiny graph is tried."""
    tried = torch.compile(lambda numbers: numbers.sin().sum(), fullgraph=True, dynamic=False)
    try:
        with warnings.catch_warnings(action="ignore"):
            tried(torch.ones(2, device=device, requires_grad=True)).backward()
    except (RuntimeError, ImportError, OSError) as error:
        return _first_line(error)
    return ""


def _first_line(error: BaseException) -> str:
    line = next(iter(str(error).strip().splitlines()), type(error).__name__)
    # It is stored with the run, which keeps no path of the machine.
    return re.sub(r"\S*/(?=\S)", "", line)[:200]
