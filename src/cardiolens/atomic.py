"""Files that are whole or absent, even where the power fails between two writes, and a full disk as one clear error."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cardiolens.errors import NoSpace

_FULL = {errno.ENOSPC, errno.EDQUOT}


def write_atomically(path: Path, content: bytes) -> Path:
    """Put `content` at `path` in one step: a reader, or a restart after a crash, sees the old file or the new one.

    Raises:
        NoSpace: the disk is full; the old file, if any, stands.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with full_disk_named(path):
            write_through(fresh, content)
            fresh.replace(path)
            sync(path.parent)
    finally:
        fresh.unlink(missing_ok=True)
    return path


def write_through(path: Path, content: bytes) -> None:
    """Write a new file down to the device."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the device."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    """Hexadecimal digest of a file's content, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def full_disk_named(target: Path) -> Iterator[None]:
    """Turn "no space left" of whatever is written inside into `NoSpace`, which names `target`."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise NoSpace(target) from error
        raise
