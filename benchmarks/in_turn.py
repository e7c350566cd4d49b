"""Timing things in turn, round by round, so that whatever else the machine does hits all of them; and the machine's ceiling."""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from contextlib import ExitStack

import torch
from torch.nn.functional import linear as plain_linear

from cardiolens.nn.linear import linear
from cardiolens.training.kept_memory import freed_memory_kept

CLOCKS: dict[str, Callable[[], float]] = {"wall_clock": time.perf_counter, "processor_time": time.process_time}
"""Processor time sums over threads; other work on the machine disturbs it less."""


def rounds_of(
    steps: dict[str, Callable[[], object]], rounds: int, *, trained_by_us: Container[str] = ()
) -> dict[str, dict[str, list[float]]]:
    """Seconds of each by both clocks, one number per round; each is done once before without being timed.

    Those `trained_by_us` keep their memory, as our training does: each turn takes it with a step that is not timed, and
    leaves the C library to the others as it was.
    """
    taken: dict[str, dict[str, list[float]]] = {clock: {name: [] for name in steps} for clock in CLOCKS}
    for step in steps.values():
        step()
    for _ in range(rounds):
        for name, step in steps.items():
            with ExitStack() as until_timed:
                if name in trained_by_us:
                    until_timed.enter_context(freed_memory_kept(torch.device("cpu")))
                    step()
                started = {clock: now() for clock, now in CLOCKS.items()}
                step()
                for clock, now in CLOCKS.items():
                    taken[clock][name].append(now() - started[clock])
    return taken


def matrix_products(size: int) -> dict[str, Callable[[], object]]:
    """Large square matrix products: as PyTorch computes them, and as our linear layers do."""
    tokens, weight, bias = torch.randn(16, size // 16, size), torch.randn(size, size), torch.zeros(size)
    half = [tensor.bfloat16() for tensor in (tokens, weight, bias)]
    return {
        "float32_pytorch": lambda: plain_linear(tokens, weight, bias),
        "float32_ours": lambda: linear(tokens, weight, bias),
        "bf16": lambda: plain_linear(*half),
    }
