"""Random numbers that follow from a key per sample, drawn on the device, whole batches at once.

A draw is a pure function of (key, stream, position): no generator state exists, so a run that stops and resumes, or is
spread over more processes, draws the same numbers. The mixing is a 32-bit integer hash with good avalanche (three
multiplications, after Wellons' search for low-bias hashes); it is meant for augmentation and masks, not for secrets.
"""

from __future__ import annotations

import math
import zlib

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

_MASK64 = (1 << 64) - 1


def sample_keys(*, seed: int, epoch: int, rows: Int[np.ndarray, " batch"]) -> Int[np.ndarray, " batch"]:
    """One int64 key per row, from the run's seed, the epoch and the row's place in the cohort."""
    start = np.uint64(_mix64_int(seed * 0x9E3779B97F4A7C15 + epoch * 0xD1B54A32D192ED03 + 0x632BE59BD9B4E019))
    with np.errstate(over="ignore"):
        x = rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + start
        x ^= x >> np.uint64(30)
        x *= np.uint64(0xBF58476D1CE4E5B9)
        x ^= x >> np.uint64(27)
        x *= np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return x.view(np.int64)


def uniform(keys: Int[Tensor, " batch"], stream: str, *shape: int) -> Float[Tensor, "batch *shape"]:
    """Float32 in [0, 1), one block of `shape` per key; `stream` names the use, so that two uses never share numbers."""
    bits = _bits(keys, stream, math.prod(shape))
    return ((bits >> 8) & 0xFFFFFF).to(torch.float32).mul_(2.0**-24).reshape(len(keys), *shape)


def normal(keys: Int[Tensor, " batch"], stream: str, *shape: int) -> Float[Tensor, "batch *shape"]:
    """Standard normal float32, one block of `shape` per key (Box-Muller on two uniforms)."""
    count = math.prod(shape)
    half = (count + 1) // 2
    u = uniform(keys, stream, 2, half)
    # One minus a number in [0, 1) is never zero, so the logarithm is finite.
    radius = torch.sqrt(-2 * torch.log1p(-u[:, 0]))
    angle = (2 * math.pi) * u[:, 1]
    both = torch.cat([radius * torch.cos(angle), radius * torch.sin(angle)], dim=1)
    return both[:, :count].reshape(len(keys), *shape)


def name_number(name: str) -> int:
    """A number of 32 bits, 0 or more, that stands for a name; a constant to whoever compiles a graph."""
    return zlib.crc32(name.encode())


def _bits(keys: Int[Tensor, " batch"], stream: str, count: int) -> Int[Tensor, "batch count"]:
    # A plain number: to bring a tensor of one to a GPU would wait for all that the GPU still has to do.
    low = _mix32((keys ^ (name_number(stream) - (1 << 31))).to(torch.int32))
    # Mixed twice: with `low` itself here, position 0 of every key below 2^32 would come out zero.
    high = _mix32((keys >> 32).to(torch.int32) ^ _mix32(low))
    position = torch.arange(count, dtype=torch.int32, device=keys.device)
    # An odd multiplier visits every 32-bit state once, so positions of one key never collide.
    x = _modulo32(_widened(position).mul(-1640531527).unsqueeze(0) + low.unsqueeze(1))
    return _mix32(x) ^ high.unsqueeze(1)


def _mix32(x: Int[Tensor, "*shape"]) -> Int[Tensor, "*shape"]:
    x = x ^ ((x >> 17) & 0x7FFF)
    x = _modulo32(_widened(x) * -312814405)
    x = x ^ ((x >> 11) & 0x1FFFFF)
    x = _modulo32(_widened(x) * -1404298415)
    x = x ^ ((x >> 15) & 0x1FFFF)
    x = _modulo32(_widened(x) * 830770091)
    return x ^ ((x >> 14) & 0x3FFFF)


def _widened(x: Int[Tensor, "*shape"]) -> Int[Tensor, "*shape"]:
    # Kernels wrap a product of 32 bits around. C++ that is made from a graph leaves it undefined, and gcc was seen to end a
    # loop over positions where the first product would have overflowed. So there, where it costs no memory, 64 bits are taken.
    return x.to(torch.int64) if torch.compiler.is_compiling() else x


def _modulo32(x: Int[Tensor, "*shape"]) -> Int[Tensor, "*shape"]:
    return x.to(torch.int32)


def _mix64_int(x: int) -> int:
    x &= _MASK64
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK64
    return x ^ (x >> 31)
