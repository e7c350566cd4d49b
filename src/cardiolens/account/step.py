"""One training step, counted: operations, bytes, and samples per second.

Nothing is estimated: operations are those of the matrix products and convolutions that PyTorch dispatches in forward and
backward, bytes those of the tensors that the step holds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from cardiolens.batch import Batch, StepOutput
from cardiolens.methods.method import Method
from cardiolens.training.captured_step import CapturedStep
from cardiolens.training.compiled_step import CompiledMethod
from cardiolens.training.config import Precision
from cardiolens.training.kept_memory import freed_memory_kept
from cardiolens.training.optimiser import build_optimiser, set_learning_rate
from cardiolens.training.validation import autocast

_BLOCK = 10
"""Steps that a GPU is given before it is waited for: a training waits once per epoch."""


@dataclass(frozen=True)
class StepCost:
    """What one step needs."""

    flop_per_sample: float
    """Multiplications and additions, each counted, forward and backward."""
    parameters: int
    state_bytes: int
    """Parameters, their gradients and the optimiser's two moments."""
    saved_bytes_per_sample: float
    """What forward keeps for backward, without the parameters."""
    input_bytes_per_sample: float


@dataclass(frozen=True)
class StepRate:
    """How fast it was."""

    seconds: float
    """Of the median step; on a GPU, of a step in the median block of ten."""
    samples_per_second: float
    steps: int
    """Measured, after two that were not."""
    first_seconds: float
    """Of the very first step; of a compiled one, the time that compiling takes."""
    peak_bytes: int | None
    """On a GPU, the most memory that was taken."""


def count_step(method: Method, batch: Batch, precision: Precision) -> StepCost:
    """Count forward and backward of one batch. The method's weights stay as they are."""
    known = {parameter.data_ptr() for parameter in method.parameters()}
    saved: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    method.train()
    # Attention as two products and a softmax: fused kernels are counted on some devices and not on others.
    with (
        FlopCounterMode(display=False) as counter,
        sdpa_kernel(SDPBackend.MATH),
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        with autocast(batch.ecg.device, precision):
            output = method(batch)
        output.loss.backward()
    method.zero_grad(set_to_none=True)
    parameters = [p for p in method.parameters() if p.requires_grad]
    count = sum(p.numel() for p in method.parameters())
    inputs = [value for value in vars(batch).values() if isinstance(value, Tensor)]
    return StepCost(
        counter.get_total_flops() / len(batch),
        count,
        sum(p.numel() * p.element_size() for p in method.parameters()) + 3 * sum(p.numel() * 4 for p in parameters),
        sum(saved.values()) / len(batch),
        sum(value.numel() * value.element_size() for value in inputs) / len(batch),
    )


def make_step(
    method: Method,
    batch: Batch,
    precision: Precision,
    *,
    weight_decay: float = 0.05,
    betas: tuple[float, float] = (0.9, 0.95),
    compiled: bool = False,
    replayed: bool = False,
) -> Callable[[], None]:
    """A whole step of a training: forward, backward and optimiser, which hardly moves the weights; `replayed` on a GPU alone.

    Raises:
        BadOption: the method does not compile as one graph.
    """
    optimiser = build_optimiser(method.parameter_groups(weight_decay), betas=betas)
    set_learning_rate(optimiser, 1e-6)
    computed = CompiledMethod(method, len(batch)) if compiled else method

    def forward(batches: Sequence[Batch]) -> list[StepOutput]:
        return [computed(batches[0])]

    losses = CapturedStep([method], forward) if replayed else forward
    method.train()

    def step() -> None:
        with autocast(batch.ecg.device, precision):
            loss = losses([batch])[0].loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()

    return step


def measure_step(
    method: Method, batch: Batch, precision: Precision, *, seconds: float, compiled: bool = False, replayed: bool = False
) -> StepRate:
    """Whole steps for about so many seconds and at least three times, with freed memory kept as a training keeps it.

    Raises:
        BadOption: the method does not compile as one graph.
    """
    device = batch.ecg.device
    step = make_step(method, batch, precision, compiled=compiled, replayed=replayed)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with freed_memory_kept(device):
        begun = time.perf_counter()
        step()
        _wait(device)
        first = time.perf_counter() - begun
        block = _BLOCK if device.type == "cuda" else 1
        times = repeated(step, device, seconds=seconds, block=block)
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
    median = sorted(times)[len(times) // 2]
    return StepRate(median, len(batch) / median, block * len(times), first, peak)


def repeated(work: Callable[[], object], device: torch.device, *, seconds: float, block: int = 1) -> list[float]:
    """Seconds of `work`, again and again after two warm turns, three times at least; the device is waited for after `block`
    of them, whose mean then counts once."""
    for _ in range(2):
        work()
    _wait(device)
    found: list[float] = []
    while len(found) < 3 or block * sum(found) < seconds:
        begun = time.perf_counter()
        for _ in range(block):
            work()
        _wait(device)
        found.append((time.perf_counter() - begun) / block)
    return found


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
