"""What the machine can do at best: a large matrix product and a large copy, measured in the same run as what is held against
them, since clocks, neighbours and drivers change."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from cardiolens.account.step import repeated
from cardiolens.nn.linear import linear
from cardiolens.training.config import Precision

_MATRIX = {"cpu": 2048, "cuda": 8192}
_COPY_BYTES = {"cpu": 256 << 20, "cuda": 1 << 30}


@dataclass(frozen=True)
class Ceilings:
    """Best of several turns."""

    flop_per_second: float
    """Of a square matrix product in the step's precision."""
    bytes_per_second: float
    """Read and written by a copy."""


def measure_ceilings(device: torch.device, precision: Precision, *, seconds: float = 2.0, side: int | None = None) -> Ceilings:
    """`side` is that of the matrices; by default large enough for the device."""
    kind = "cuda" if device.type == "cuda" else "cpu"
    side = side or _MATRIX[kind]
    dtype = torch.bfloat16 if precision is Precision.BF16 else torch.float32
    one, other = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    bias = torch.zeros(side, device=device, dtype=dtype)
    with torch.inference_mode():
        # On some processors the second way is twice as fast as the first (`nn.linear`): the ceiling is the better of both.
        ways = [lambda: one @ other, lambda: linear(one.reshape(16, -1, side), other, bias)]
        product = min(min(repeated(way, device, seconds=seconds / 2)) for way in ways)
        count = _COPY_BYTES[kind] if side == _MATRIX[kind] else 4 * side * side
        source = torch.zeros(count // 4, device=device)
        target = torch.empty_like(source)
        copy = min(repeated(lambda: target.copy_(source), device, seconds=seconds / 2))
    return Ceilings(2 * side**3 / product, 2 * count / copy)
