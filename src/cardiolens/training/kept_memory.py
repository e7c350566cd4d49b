"""Memory that a training step frees stays with the process for the next step.

The C library gives large blocks back to the system at once, which hands them out again page by page, each emptied first.
On a CPU that took a tenth of a step of contrastive learning and a sixth of one of masked modelling (docs/profiles.md). A
process then holds what its largest step needed until the training is over. Only glibc is told; elsewhere nothing changes.
"""

from __future__ import annotations

import ctypes
import functools
import platform
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# From glibc's malloc.h. After these are set, its thresholds no longer adapt, so they are put where they adapt to at most.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_NEVER, _NONE, _USUAL_BLOCKS, _MOST_BYTES = -1, 0, 65536, 32 << 20


@contextmanager
def freed_memory_kept(device: torch.device) -> Iterator[None]:
    """Inside, freed memory stays with the process, if it computes on the CPU; afterwards the system gets it back."""
    library = _glibc()
    if device.type != "cpu" or library is None:
        yield
        return
    library.mallopt(_MMAP_MAX, _NONE)
    library.mallopt(_TRIM_THRESHOLD, _NEVER)
    try:
        yield
    finally:
        library.mallopt(_MMAP_MAX, _USUAL_BLOCKS)
        library.mallopt(_MMAP_THRESHOLD, _MOST_BYTES)
        library.mallopt(_TRIM_THRESHOLD, 2 * _MOST_BYTES)
        library.malloc_trim(0)


@functools.cache
def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
