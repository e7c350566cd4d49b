"""`.npy` files that grow in place: room for every planned row, rows written by number, unused rows cut out at the end.

Rows go through `pwrite` and not through a memory map, because a full disk under a memory map kills the process.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Int, Shaped

from cardiolens.atomic import sync

_BLOCK_BYTES = 64 << 20


class ArrayRows:
    """One array file open for writing rows; made on first use, found again after a crash."""

    def __init__(self, path: Path, *, num_rows: int, row_shape: tuple[int, ...], dtype: np.dtype) -> None:
        self._dtype, self._row_shape = dtype, row_shape
        if not path.exists():
            _reserve(path, (num_rows, *row_shape), dtype)
        self._offset = np.load(path, mmap_mode="r").offset
        self._file = path.open("r+b", buffering=0)

    def write(self, row: int, values: Shaped[np.ndarray, "..."]) -> None:
        """Put one row in its place."""
        assert values.dtype == self._dtype
        assert values.shape == self._row_shape
        content = memoryview(np.ascontiguousarray(values)).cast("B")
        _write_at(self._file, content, self._offset + row * len(content))

    def sync(self) -> None:
        """Wait until every row written so far is on the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def keep_rows(path: Path, kept: Int[np.ndarray, " kept"]) -> None:
    """Cut an array file down to some of its rows, in order; done at once and only once, however often it is begun."""
    if len(np.load(path, mmap_mode="r")) == len(kept):
        return
    fresh = path.with_name(f".{path.name}.part")
    copy_rows(path, kept, fresh)
    os.replace(fresh, path)
    sync(path.parent)


def copy_rows(path: Path, kept: Int[np.ndarray, " kept"], target: Path) -> None:
    """Write some rows of an array file, in ascending order, into another one; a block of them in memory at a time."""
    array = np.load(path, mmap_mode="r")
    row_bytes = int(np.prod(array.shape[1:])) * array.itemsize
    step = max(1, _BLOCK_BYTES // max(1, row_bytes))
    with path.open("rb") as source, target.open("wb") as file:
        _write_header(file, (len(kept), *array.shape[1:]), array.dtype)
        for start in range(0, len(array), step):
            # Read and not taken from the map, whose pages would count as this process's memory.
            source.seek(array.offset + start * row_bytes)
            block = np.frombuffer(source.read(step * row_bytes), np.uint8).reshape(-1, row_bytes)
            wanted = kept[np.searchsorted(kept, start) : np.searchsorted(kept, start + step)] - start
            file.write(block[wanted].tobytes())
    sync(target)


def _reserve(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
    fresh = path.with_name(f".{path.name}.part")
    with fresh.open("wb") as file:
        _write_header(file, shape, dtype)
        file.truncate(file.tell() + int(np.prod(shape)) * dtype.itemsize)
    os.replace(fresh, path)


def _write_header(file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype) -> None:
    np.lib.format.write_array_header_1_0(
        file, {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    )


def _write_at(file: BinaryIO, content: memoryview, offset: int) -> None:
    while content:
        written = os.pwrite(file.fileno(), content, offset)
        content, offset = content[written:], offset + written
