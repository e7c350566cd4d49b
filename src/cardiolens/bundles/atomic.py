"""Files that are either whole or not there, even where the power fails between two writes."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cardiolens.errors import NoSpace


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step: a reader sees the old file or the new one, never a part.

    Raises:
        NoSpace: the device is full; the old file, if any, stands.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with space_errors(path):
            write_through(fresh, content)
            fresh.replace(path)
            sync_folder(path.parent)
    finally:
        fresh.unlink(missing_ok=True)


def write_through(path: Path, content: bytes) -> None:
    """Write a new file down to the device."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` as lasting as their contents."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def space_errors(target: Path) -> Iterator[None]:
    """Turn the system's "no space left" into `NoSpace`, which names `target`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace(target) from error
        raise
