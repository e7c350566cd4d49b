"""Forward and backward pass of a training, or of several at once, recorded on a GPU and replayed from then on (CUDA graphs).

The kernels of a small model are over before a processor has launched the next ones. A replay launches all of them by one call.
It reads a batch from where the recorded one lay and leaves loss and gradients where it left them then, so whatever outlasts the
step is copied. What is recorded may be compiled or not. Batches of another size are computed as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import chain, islice

import torch
from torch import Tensor

from cardiolens.batch import Batch, StepOutput
from cardiolens.errors import BadOption
from cardiolens.methods.method import Method

Forward = Callable[[Sequence[Batch]], list[StepOutput]]
Recorder = Callable[[Callable[[], list[Tensor]]], tuple[list[Tensor], Callable[[], None]]]
"""Of a computation: where its results will lie, and what puts new ones there."""
_WARM_UP = 3


class CapturedStep:
    """Losses and metrics of one method per batch; the gradients of a loss are there when it is."""

    def __init__(
        self, methods: Sequence[Method], forward: Forward, *, full_rows: int | None = None, record: Recorder | None = None
    ) -> None:
        self._methods, self._forward, self._full_rows = list(methods), forward, full_rows
        self._record = record or record_on_gpu
        self._replay: Callable[[], None] | None = None

    def __call__(self, batches: Sequence[Batch]) -> list[StepOutput]:
        """As `forward`, without scores; the first batches of full size are recorded.

        Raises:
            BadOption: the methods wait for the device, or do something else that cannot be recorded.
        """
        self._full_rows = self._full_rows or len(batches[0])
        if any(len(batch) != self._full_rows for batch in batches):
            return self._forward(batches)
        if self._replay is None:
            self._begin(batches)
        for kept, batch in zip(self._batches, batches, strict=True):
            for name, tensor in kept.tensors().items():
                tensor.copy_(getattr(batch, name), non_blocking=True)
        return [
            StepOutput(loss, dict(zip(names, values[1:].unbind(), strict=True)))
            for names, (loss, values) in zip(self._names, self._replayed(), strict=True)
        ]

    def _replayed(self) -> list[tuple[Tensor, Tensor]]:
        assert self._replay is not None
        with _current(self._batches[0].ecg.device):
            self._replay()
        found = self._values.clone()
        gradients = iter(self._gradients)
        losses = []
        for values, weights in zip(found, self._weights, strict=True):
            losses.append(_Recorded.apply(values[0], list(islice(gradients, len(weights))), *weights))
        return list(zip(losses, found, strict=True))

    def _begin(self, batches: Sequence[Batch]) -> None:
        self._batches = [
            replace(batch, **{name: tensor.clone() for name, tensor in batch.tensors().items()}) for batch in batches
        ]
        statistics = [buffer for method in self._methods for buffer in method.buffers()]
        before = [buffer.clone() for buffer in statistics]
        try:
            with _current(batches[0].ecg.device):
                (self._values, *self._gradients), self._replay = self._record(self._computed)
        except RuntimeError as error:
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
            raise BadOption(
                "training.cuda_graphs",
                found=f"{type(self._methods[0]).__name__}, which cannot be recorded: {reason}",
                expected="a method that never waits for the device",
                remedy="set it to false",
            ) from error
        # The recording has seen the batch several times; batch norm is to have seen it once, in the first replay.
        with torch.no_grad():
            for buffer, value in zip(statistics, before, strict=True):
                buffer.copy_(value)

    def _computed(self) -> list[Tensor]:
        """Loss and metrics, one row per method, then the gradients of those weights that have one."""
        device = self._batches[0].ecg.device.type
        precision = {"dtype": torch.get_autocast_dtype(device), "enabled": torch.is_autocast_enabled(device)}
        # Weights in lower precision that were kept from an earlier step would never be made again.
        with torch.autocast(device, **precision, cache_enabled=False):
            outputs = self._forward(self._batches)
        self._names = [tuple(output.metrics) for output in outputs]
        learned = [[weight for weight in method.parameters() if weight.requires_grad] for method in self._methods]
        gradients = torch.autograd.grad(sum(output.loss for output in outputs), list(chain(*learned)), allow_unused=True)
        known = {weight: gradient for weight, gradient in zip(chain(*learned), gradients, strict=True) if gradient is not None}
        self._weights = [[weight for weight in of_method if weight in known] for of_method in learned]
        values = [torch.stack([output.loss.detach(), *(v.detach() for v in output.metrics.values())]) for output in outputs]
        return [torch.stack(values), *known.values()]


class _Recorded(torch.autograd.Function):
    """A loss whose gradients are known."""

    @staticmethod
    def forward(ctx, loss: Tensor, gradients: list[Tensor], *weights: Tensor) -> Tensor:
        ctx.gradients = gradients
        return loss.clone()

    @staticmethod
    def backward(ctx, times: Tensor) -> tuple[Tensor | None, ...]:
        return None, None, *torch._foreach_mul(ctx.gradients, times)


def _current(device: torch.device) -> AbstractContextManager[object]:
    """A recording is of the current GPU's streams, and so is a replay."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def record_on_gpu(compute: Callable[[], list[Tensor]]) -> tuple[list[Tensor], Callable[[], None]]:
    """Run `compute` some times to warm up, then record it."""
    beside = torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):
        for _ in range(_WARM_UP):
            compute()
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    # Threads that load data or write checkpoints go on meanwhile.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        results = compute()
    return results, graph.replay
