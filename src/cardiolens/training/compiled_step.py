"""The training step as one graph: forward and loss, and with them the backward pass, in few large kernels (`torch.compile`).

Only full batches are computed so. Those of another size, the last of an epoch or of a batch's parts, and validation, go
through the same method uncompiled, so a training compiles once.

On a GPU a small model's kernels are over before the next ones are launched. `cuda_graphs` replays all of them at once. A replay
hands out the memory of the one before, so its outputs are read, and its gradients used, before the next step begins: gradients
cannot add up over parts of a batch.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import einops
import torch

from cardiolens.batch import Batch, StepOutput
from cardiolens.errors import BadOption
from cardiolens.keyed_random import name_number
from cardiolens.methods.method import Method
from cardiolens.training.config import TrainingConfig

COMPILED, EAGER = "compiled", "eager"


def forward_of(method: Method, config: TrainingConfig, *, full_rows: int | None) -> Callable[[Batch], StepOutput]:
    """What computes loss and metrics in training: the method, or its compiled form where that is asked for and possible.

    `full_rows` is the size of what is compiled; None takes the first size that comes.
    """
    device = next(method.parameters()).device
    if kind_of_step(config, device).startswith(EAGER):
        return method
    return CompiledMethod(method, full_rows, cuda_graphs=config.cuda_graphs and device.type == "cuda")


def kind_of_step(config: TrainingConfig, device: torch.device) -> str:
    """`compiled`, the same `, as a CUDA graph`, `eager`, or `eager: ` and why it could not be compiled, in one line."""
    if not config.compiled:
        return EAGER
    if missing := why_no_compiler(device.type):
        return f"{EAGER}: nothing can be compiled here, {missing}"
    return f"{COMPILED}, as a CUDA graph" if config.cuda_graphs and device.type == "cuda" else COMPILED


def require_one_model(config: TrainingConfig, *, trainings: int, processes: int) -> None:
    """Refuse to compile a step that several trainings or processes share.

    Raises:
        BadOption: they do.
    """
    if config.compiled and max(trainings, processes) > 1:
        raise BadOption(
            "training.compiled",
            found=f"true for {trainings} trainings at once in {processes} processes",
            expected="one training in one process, whose step is one graph",
            remedy="set it to false, or train one after the other in one process each",
        )


class CompiledMethod:
    """A method that computes batches of one size as one compiled graph, and all others as ever.

    What other trainings of this process compiled is given up, so that how many there were before changes nothing.
    """

    def __init__(self, method: Method, full_rows: int | None, *, cuda_graphs: bool = False) -> None:
        torch.compiler.reset()
        torch.compiler.assume_constant_result(name_number)
        # They remember the types that they have met, and a graph that looked into them would be compiled again for each.
        torch.compiler.allow_in_graph([einops.einsum, einops.rearrange, einops.reduce, einops.repeat])
        self._method, self._full_rows, self._is_first = method, full_rows, True
        self._graphs = cuda_graphs
        mode = "reduce-overhead" if cuda_graphs else None
        self._compiled = torch.compile(method, fullgraph=True, dynamic=False, mode=mode)

    def __call__(self, batch: Batch) -> StepOutput:
        """Loss and metrics; the first full batch is compiled for.

        Raises:
            BadOption: the method cannot be compiled as one graph.
        """
        from torch._dynamo.exc import TorchDynamoException

        self._full_rows = self._full_rows or len(batch)
        if len(batch) != self._full_rows:
            return self._method(batch)
        if self._graphs:
            torch.compiler.cudagraph_mark_step_begin()
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
