"""A result of arrays as one npz file, read without running code."""

from __future__ import annotations

import io
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np

from cardiolens.atomic import write_atomically
from cardiolens.errors import BadRun

Stored = TypeVar("Stored", bound="StoredArrays")


class StoredArrays:
    """Base of a dataclass of arrays that lies in a file."""

    CALLED: ClassVar[str]
    """What messages call it."""

    def write(self, path: Path) -> Path:
        """Store the arrays as npz.

        Raises:
            NoSpace: the disk is full.
        """
        stored = io.BytesIO()
        np.savez_compressed(stored, **vars(self))
        return write_atomically(path, stored.getvalue())

    @classmethod
    def read(cls: type[Stored], path: Path) -> Stored:
        """What `write` stored.

        Raises:
            BadRun: the file is missing or damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                return cls(**stored)
        except Exception as error:
            # A damaged archive fails in as many ways as there are bytes.
            found = "no such file" if isinstance(error, FileNotFoundError) else "a file that is not whole"
            raise BadRun(path, found=found, expected=cls.CALLED, remedy="make it again from its run") from error
