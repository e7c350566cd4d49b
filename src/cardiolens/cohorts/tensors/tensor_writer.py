"""Files as torch.save writes them, whole or absent, and of any size with little memory."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from cardiolens.atomic import full_disk_named, sync, write_atomically


def write_table(path: Path, table: Tensor | list[int]) -> None:
    """Write what is small.

    Raises:
        NoSpace: the disk is full; the old file, if any, stands.
    """
    content = io.BytesIO()
    torch.save(table, content)
    write_atomically(path, content.getvalue())


def write_rows(path: Path, blocks: Iterable[Float32[np.ndarray, "..."]], *, shape: tuple[int, ...]) -> None:
    """Write one tensor of this shape whose rows come in blocks; one block is in memory.

    Takes the tensor's size on the disk twice while it writes.

    Raises:
        NoSpace: the disk is full; the old file, if any, stands.
    """
    numbers, fresh = path.with_name(f".{path.name}.numbers.part"), path.with_name(f".{path.name}.part")
    try:
        with full_disk_named(path):
            # Written, not mapped: a full disk under a memory map kills the process.
            with numbers.open("wb") as file:
                for block in blocks:
                    file.write(memoryview(np.ascontiguousarray(block)).cast("B"))
            whole = torch.from_file(str(numbers), shared=False, size=math.prod(shape), dtype=torch.float32).reshape(shape)
            with fresh.open("wb") as file:
                torch.save(whole, file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
            sync(path.parent)
    finally:
        numbers.unlink(missing_ok=True)
        fresh.unlink(missing_ok=True)
