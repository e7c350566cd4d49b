"""Compiles the tight loops. A compiled loop is kept on disk for later processes where a folder can be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from numba import njit

Loop = TypeVar("Loop", bound=Callable)


def compiled(loop: Loop) -> Loop:
    """The loop as machine code, made on its first call.

    No floating-point operation is re-ordered, so that every run gives the same bits.
    """
    try:
        return njit(cache=True)(loop)
    except RuntimeError:  # no folder can be written, as in a sealed container: each process compiles for itself
        return njit(loop)
