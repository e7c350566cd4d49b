"""How the losses of a training step are computed: as one compiled graph where asked for, replayed where there is a GPU."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from cardiolens.batch import Batch, StepOutput
from cardiolens.errors import BadOption
from cardiolens.methods.global_batch import num_processes
from cardiolens.methods.method import Method
from cardiolens.training.captured_step import CapturedStep, Forward
from cardiolens.training.compiled_step import CompiledMethod, why_no_compiler
from cardiolens.training.config import TrainingConfig
from cardiolens.training.ensemble import Ensemble

COMPILED, EAGER = "compiled", "eager"


class StepForward:
    """Loss and metrics of one training, or of several computed as one; made anew when those taking part change.

    `full_rows` is the size that is compiled and recorded; None takes the first size that comes.
    """

    def __init__(self, config: TrainingConfig, device: torch.device, *, full_rows: int | None) -> None:
        self._config, self._device, self._full_rows = config, device, full_rows
        self._methods: list[Method] = []

    def __call__(self, methods: Sequence[Method], batches: Sequence[Batch]) -> list[StepOutput]:
        """One batch per method.

        Raises:
            BadOption: a method cannot be compiled as one graph, or not be recorded.
        """
        if [id(one) for one in methods] != [id(one) for one in self._methods]:
            self._methods = list(methods)
            self._forward = self._made(self._methods)
        return self._forward(batches)

    def _made(self, methods: list[Method]) -> Forward:
        # An ensemble takes in its methods' weights when it is made, so every step needs a new one.
        forward = self._of_one(methods[0]) if len(methods) == 1 else lambda batches: Ensemble(methods)(batches)
        if not is_recorded(self._config, self._device):
            return forward
        return CapturedStep(methods, forward, full_rows=self._full_rows)

    def _of_one(self, method: Method) -> Forward:
        compiled = self._config.compiled and not why_no_compiler(self._device.type)
        computed = CompiledMethod(method, self._full_rows) if compiled else method
        return lambda batches: [computed(batches[0])]


def is_recorded(config: TrainingConfig, device: torch.device) -> bool:
    """Whether steps are replayed. Several processes hand each other embeddings in the middle of one."""
    return config.cuda_graphs and device.type == "cuda" and num_processes() == 1 and config.cached_parts == 1


def kind_of_step(config: TrainingConfig, device: torch.device) -> str:
    """`compiled` or `eager`, after which `: ` and why it could not be compiled; with `, replayed` where it is. In one line."""
    replayed = ", replayed" if is_recorded(config, device) else ""
    if not config.compiled:
        return EAGER + replayed
    missing = why_no_compiler(device.type)
    return f"{EAGER}{replayed}: nothing can be compiled here, {missing}" if missing else COMPILED + replayed


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
