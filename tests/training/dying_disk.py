"""A disk whose process dies at a chosen file operation, or which is full from there on."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Killed(BaseException):
    """The process is no more; nothing after this reaches the disk."""


class DyingDisk:
    """Counts creating, writing, flushing, renaming and removing under `folder`; from number `last` on each of them fails.

    The write that fails leaves half of its bytes behind, as a real one may.
    """

    error: BaseException = Killed()
    failing = ("fsync", "replace", "unlink", "mkdir")

    def __init__(self, folder: Path, *, last: int) -> None:
        self._folder, self._last = str(folder), last
        self.operations = 0

    @property
    def died(self) -> bool:
        return self.operations > self._last

    def operate(self) -> None:
        self.operations += 1
        if self.died:
            raise self.error

    @contextmanager
    def installed(self, monkeypatch: Any) -> Iterator[DyingDisk]:
        with monkeypatch.context() as patch:
            for name in self.failing:
                patch.setattr(os, name, self._counted(name))
            opened = io.open
            patch.setattr(io, "open", lambda file, mode="r", *rest, **kw: self._opened(opened, file, mode, *rest, **kw))
            yield self

    def _counted(self, name: str):
        original = getattr(os, name)

        def operation(target, *arguments, **settings):
            if isinstance(target, int) or str(target).startswith(self._folder):
                self.operate()
            return original(target, *arguments, **settings)

        return operation

    def _opened(self, opened, file, mode, *rest, **settings):
        if not str(file).startswith(self._folder) or mode not in ("wb", "ab"):
            return opened(file, mode, *rest, **settings)
        self.operate()
        return _DyingFile(file, mode, self)


class _DyingFile(io.FileIO):
    def __init__(self, file: Path, mode: str, disk: DyingDisk) -> None:
        super().__init__(file, mode)
        self._disk, self._written = disk, False

    def write(self, content) -> int:
        try:
            # torch.save writes in hundreds of pieces; dying in the first stands for all.
            if not self._written or self._disk.died:
                self._disk.operate()
        except BaseException:
            super().write(bytes(content)[: len(content) // 2])
            raise
        self._written = True
        return super().write(content)


class FullDisk(DyingDisk):
    """A disk that is full from operation `last` on; removing still works."""

    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    failing = ("fsync", "replace", "mkdir")
