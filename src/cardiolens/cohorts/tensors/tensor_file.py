"""Files that torch.save wrote, opened without running anything they name and without reading what is not asked for.

An archive is mapped into memory, so a tensor of many gigabytes costs nothing until its rows are read. A file of the old
format, from before PyTorch 1.6, has to be read whole.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor

from cardiolens.atomic import sha256
from cardiolens.errors import BadInput

_ARCHIVE = b"PK\x03\x04"
_AGAIN = "fetch it again, or save tensors and plain lists alone: torch.save(torch.as_tensor(values), file)"


def load_tensors(path: Path) -> Any:
    """The tensors, lists, tuples, strings and numbers that torch.save stored; the tensors of an archive are mapped.

    Raises:
        BadInput: no such file, damaged, or a pickle that names anything else, which is not run.
    """
    archive = _is_archive(path)
    if archive:
        _check_archive(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=archive)
    except pickle.UnpicklingError:
        refuse(path, f"a pickle that asks for {_asked_for(path) if archive else 'more'}", "tensors, lists and numbers alone")
    except Exception as error:
        # A damaged file fails in as many ways as there are bytes; each means the same to the user.
        raise BadInput(
            path, found=f"a file that does not load ({type(error).__name__})", expected="what torch.save writes", remedy=_AGAIN
        ) from error


def is_plain(tensor: Tensor) -> bool:
    """Whether a loaded tensor is an ordinary array that is as large as it claims to be."""
    whole = tensor.layout is torch.strided and not tensor.is_quantized and tensor.device.type == "cpu"
    # A stride of zero can claim terabytes from a few bytes.
    return whole and tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()


def fingerprint(path: Path) -> str:
    """SHA-256 of a file's content; of an archive only the list of its parts is read, which holds a checksum of each."""
    if not _is_archive(path):
        return sha256(path)
    parts = [(entry.filename, entry.CRC, entry.file_size) for entry in _entries(path)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def file_state(path: Path) -> tuple[int, int]:
    """Changes when somebody writes the file anew; for what a process remembers of it."""
    try:
        stat = path.stat()
    except OSError as error:
        refuse(path, f"no readable file ({error.strerror})", "what torch.save writes")
    return stat.st_mtime_ns, stat.st_size


def refuse(path: Path, found: str, expected: str, remedy: str = _AGAIN) -> NoReturn:
    """Raise `BadInput` about a file of tensors."""
    raise BadInput(path, found=found, expected=expected, remedy=remedy)


def _is_archive(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_ARCHIVE)) == _ARCHIVE
    except OSError as error:
        refuse(path, f"no readable file ({error.strerror})", "what torch.save writes")


def _check_archive(path: Path) -> None:
    """Refuse compressed parts: they cannot be mapped, and may unpack to more than there is memory."""
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in _entries(path)):
        refuse(path, "an archive with compressed parts", "what torch.save writes")


def _entries(path: Path) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, ValueError, struct.error, NotImplementedError, EOFError):
        refuse(path, "an archive that is damaged or cut short", "what torch.save writes")


def _asked_for(path: Path) -> str:
    try:
        named = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # noqa: BLE001 - the pickle is refused in any case; its own words are only for the message
        named = []
    return ", ".join(sorted(named))[:200] or "more"
