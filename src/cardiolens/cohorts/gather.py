"""Rows of memory-mapped arrays as tensors on a device: kept there, or streamed by a background thread.

Both hand out numbers in the type in which they are stored.
"""

from __future__ import annotations

import mmap
import queue
import threading
from collections.abc import Generator, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int, Shaped

PREFETCH = 3
"""Batches that the background thread reads ahead."""
Places = Int[np.ndarray, "_"]
"""Places of one batch among the rows in use; batches differ in length."""
Arrays = Mapping[str, Shaped[np.ndarray, "..."]]
Tensors = dict[str, Shaped[torch.Tensor, "..."]]


@runtime_checkable
class Gather(Protocol):
    """Picks rows of several arrays at once."""

    def batches(self, rows: Sequence[Places]) -> Generator[Tensors]:
        """One dictionary of tensors per batch, in order; each batch names its places among the rows in use."""


class Resident:
    """Holds the rows in use on the device."""

    def __init__(self, arrays: Arrays, rows: Int[np.ndarray, " row"], device: torch.device) -> None:
        self._arrays = {name: _taken(array, rows).to(device) for name, array in arrays.items()}
        self._device = device

    def batches(self, rows: Sequence[Places]) -> Generator[Tensors]:
        for places in on_device(rows, self._device):
            yield {name: array[places] for name, array in self._arrays.items()}


class Streaming:
    """Reads the rows in use from the memory map, `PREFETCH` batches ahead, through page-locked memory on a GPU.

    The system is told of rows as many batches before they are read, so a disk fetches them side by side and not one by one.
    """

    def __init__(self, arrays: Arrays, rows: Int[np.ndarray, " row"], device: torch.device) -> None:
        self._arrays, self._rows, self._device = arrays, rows, device

    def batches(self, rows: Sequence[Places]) -> Generator[Tensors]:
        ready: queue.Queue[Tensors | Exception] = queue.Queue(maxsize=PREFETCH)
        stopped = threading.Event()
        reader = threading.Thread(target=self._read, args=(rows, ready, stopped), name="cohort reader", daemon=True)
        reader.start()
        try:
            for _ in rows:
                tensors = ready.get()
                if isinstance(tensors, Exception):
                    raise tensors
                # Page-locked memory is not used again before the copy is over: PyTorch's allocator sees to it.
                yield {name: tensor.to(self._device, non_blocking=True) for name, tensor in tensors.items()}
        finally:
            stopped.set()
            # With the queue empty, the batch that the reader may be about to put fits, and then it sees the flag.
            while not ready.empty():
                ready.get_nowait()
            reader.join()

    def _read(
        self,
        rows: Sequence[Places],
        ready: queue.Queue[Tensors | Exception],
        stopped: threading.Event,
    ) -> None:
        try:
            for places in rows[:PREFETCH]:
                self._announce(places)
            for number, places in enumerate(rows):
                if stopped.is_set():
                    return
                for coming in rows[number + PREFETCH : number + PREFETCH + 1]:
                    self._announce(coming)
                tensors = {name: _taken(array, self._rows[places]) for name, array in self._arrays.items()}
                if self._device.type == "cuda":
                    tensors = {name: tensor.pin_memory() for name, tensor in tensors.items()}
                ready.put(tensors)
        except Exception as error:  # noqa: BLE001 - the waiting consumer raises it
            ready.put(error)

    def _announce(self, places: Places) -> None:
        if not hasattr(mmap, "MADV_WILLNEED"):
            # Windows reads when it is asked to.
            return
        for array in self._arrays.values():
            if (mapping := mapping_of(array)) is not None:
                for start, length in byte_ranges(array, self._rows[places], mapping):
                    mapping.madvise(mmap.MADV_WILLNEED, start, length)


def on_device(batches: Sequence[Shaped[np.ndarray, "..."]], device: torch.device) -> tuple[Shaped[torch.Tensor, "..."], ...]:
    """Small arrays as tensors there, copied all at once: a small copy to a GPU costs as much as a large one."""
    if not batches:
        return ()
    return torch.from_numpy(np.concatenate(batches)).to(device).split([len(batch) for batch in batches])


def mapping_of(array: Shaped[np.ndarray, "..."]) -> mmap.mmap | None:
    """The memory map that an array looks into; None of an array in memory."""
    base = array.base
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None


def byte_ranges(array: Shaped[np.ndarray, "..."], rows: Int[np.ndarray, " row"], mapping: mmap.mmap) -> list[tuple[int, int]]:
    """Start and length of each row within its memory map; the start lies on a page, as the system wants it."""
    first = array.ctypes.data - np.frombuffer(mapping, np.uint8).ctypes.data
    starts = first + rows * array.strides[0]
    pages = starts // mmap.PAGESIZE * mmap.PAGESIZE
    return list(zip(pages.tolist(), (starts - pages + array[0].nbytes).tolist(), strict=True))


def _taken(array: Shaped[np.ndarray, "..."], rows: Int[np.ndarray, " batch"]) -> Shaped[torch.Tensor, "..."]:
    return torch.from_numpy(np.take(np.asarray(array), rows, axis=0))
