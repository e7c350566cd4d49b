"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from cardiolens.errors import NoSpace


def write_atomically(path: Path, content: bytes) -> Path:
    """Put `content` at `path` by way of a temporary name in the same folder; the folder is made where it is missing.

    Raises:
        NoSpace: the disk is full; whatever stood at `path` still does.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        if error.errno == errno.ENOSPC:
            raise NoSpace(path) from error
        raise
    return path
