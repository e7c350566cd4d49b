"""Checkpoints beside the training: the loop waits for a copy of the state in host memory, a thread brings it to the disk.

One checkpoint is under way at a time. Whatever goes wrong in the thread, a full disk above all, is raised in the loop at its
next step, and at the latest where it ends.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any

from torch import Tensor

from cardiolens.training.checkpoint import Checkpoints


class CheckpointWriter:
    """Writes checkpoints of one run; leaving its context waits for the last one.

    Source: Mohan et al. 2021 (CheckFreq), whose snapshot and persist phases these are.
    """

    def __init__(self, checkpoints: Checkpoints) -> None:
        self.checkpoints = checkpoints
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self.seconds_waited = 0.0
        """How long the loop waited for the last checkpoint: for the one before it, and for the copy."""

    def __enter__(self) -> CheckpointWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._join()
        # What ended the loop first is what the user must hear of.
        if error is None:
            self.check()

    def write(self, state: dict[str, Any], *, step: int) -> None:
        """Begin to write a checkpoint of the state as it is now, once the one before it is written.

        Raises:
            NoSpace: the disk was full for the one before.
        """
        began = time.monotonic()
        self.wait()
        copied = _on_host(state)
        # Not a daemon: a program that ends at once still waits for the file to be whole.
        thread = threading.Thread(target=self._write, args=(copied, step), name="checkpoint writer")
        thread.start()
        self._thread = thread
        self.seconds_waited = time.monotonic() - began

    def check(self) -> None:
        """Raise what went wrong in the thread, once.

        Raises:
            NoSpace: the disk is full; the checkpoints before this one stand.
        """
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def wait(self) -> None:
        """Return when the checkpoint under way is on the disk.

        Raises:
            NoSpace: the disk is full; the checkpoints before this one stand.
        """
        self._join()
        self.check()

    def _join(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _write(self, state: dict[str, Any], step: int) -> None:
        try:
            self.checkpoints.save(state, step=step)
        except BaseException as error:  # noqa: BLE001 - the loop raises it
            self._error = error


def _on_host(value: Any) -> Any:
    """The same containers with copies of the tensors: the next step changes those that they hold now."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {name: _on_host(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_on_host(part) for part in value)
    return value
