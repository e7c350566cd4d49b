"""Rows of memory-mapped arrays as tensors on a device: kept there, or streamed by a background thread.

Both hand out numbers in the type in which they are stored.
"""

from __future__ import annotations

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
        for places in rows:
            index = torch.from_numpy(places).to(self._device)
            yield {name: array[index] for name, array in self._arrays.items()}


class Streaming:
    """Reads the rows in use from the memory map, `PREFETCH` batches ahead, through page-locked memory on a GPU."""

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
            for places in rows:
                if stopped.is_set():
                    return
                tensors = {name: _taken(array, self._rows[places]) for name, array in self._arrays.items()}
                if self._device.type == "cuda":
                    tensors = {name: tensor.pin_memory() for name, tensor in tensors.items()}
                ready.put(tensors)
        except Exception as error:  # noqa: BLE001 - the waiting consumer raises it
            ready.put(error)


def _taken(array: Shaped[np.ndarray, "..."], rows: Int[np.ndarray, " batch"]) -> Shaped[torch.Tensor, "..."]:
    return torch.from_numpy(np.take(np.asarray(array), rows, axis=0))
