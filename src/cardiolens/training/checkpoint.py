"""Checkpoints that survive a kill at any instant.

A checkpoint is one file whose name carries its step and the digest of its content. It is written under another name,
flushed to the disk and then renamed, so a name of this form stands for a whole file; a file that was damaged later no
longer matches its name and the one before it is used. Loading runs no code (`weights_only`).
"""

from __future__ import annotations

import hashlib
import os
import re
import time
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import torch

from cardiolens.atomic import full_disk_named, sha256, sync
from cardiolens.errors import BadRun
from cardiolens.privacy import display_name

SCHEMA_VERSION = 1
_NAME = re.compile(r"step-(\d{9})-([0-9a-f]{32})\.pt")


class DamagedCheckpoint(UserWarning):
    """A checkpoint was passed over."""


class Checkpoints:
    """The newest `keep` checkpoints of one run, in a folder of their own."""

    def __init__(self, folder: Path, *, keep: int = 2) -> None:
        assert keep >= 1
        self.folder, self._keep = folder, keep
        self.seconds_to_write = 0.0
        """How long the last one took."""

    def save(self, state: dict[str, Any], *, step: int) -> Path:
        """Write a checkpoint of plain containers and tensors, then remove those that are no longer needed.

        Raises:
            NoSpace: the disk is full; the checkpoints before this one stand.
        """
        began = time.monotonic()
        fresh = self.folder / f".{os.getpid()}.part"
        try:
            with full_disk_named(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
                with fresh.open("wb") as file:
                    digest = _store({"schema_version": SCHEMA_VERSION} | state, file)
                path = self.folder / f"step-{step:09d}-{digest[:32]}.pt"
                fresh.replace(path)
                sync(self.folder)
        finally:
            fresh.unlink(missing_ok=True)
        self._remove_old(newest=path)
        self.seconds_to_write = time.monotonic() - began
        return path

    def newest(self) -> dict[str, Any] | None:
        """The newest whole checkpoint on the CPU; None where there is none. Damaged ones are passed over with a warning.

        Raises:
            BadRun: the checkpoint was written under another schema version.
        """
        for path in self._newest_first():
            try:
                state = _load(path)
            except _Damaged as error:
                passed_over = f"{display_name(path)}: {error}; the run goes on from the checkpoint before it"
                warnings.warn(passed_over, DamagedCheckpoint, stacklevel=2)
                continue
            if state.pop("schema_version", None) != SCHEMA_VERSION:
                raise BadRun(
                    path,
                    found="a checkpoint of another schema version",
                    expected=f"version {SCHEMA_VERSION}",
                    remedy="finish the run with the version of cardiolens that began it, or start again in a new folder",
                )
            return state
        return None

    def clear(self) -> None:
        """Remove them all, and their folder unless it holds something else: the run is done."""
        left = [path for path in self._files() if not _is_ours(path)]
        for path in self._files():
            if path not in left:
                path.unlink(missing_ok=True)
        if self.folder.is_dir() and not left:
            self.folder.rmdir()

    def _newest_first(self) -> list[Path]:
        # A restart may write the step it began at again: of two with the same step the later one comes first.
        matches = [(match, path) for path in self._files() if (match := _NAME.fullmatch(path.name))]
        return [path for *_, path in sorted(((int(m[1]), path.stat().st_mtime_ns, path) for m, path in matches), reverse=True)]

    def _files(self) -> list[Path]:
        return list(self.folder.iterdir()) if self.folder.is_dir() else []

    def _remove_old(self, *, newest: Path) -> None:
        kept = [newest, *(path for path in self._newest_first() if path != newest)][: self._keep]
        for path in self._files():
            if path not in kept and _is_ours(path):
                path.unlink(missing_ok=True)


def _is_ours(path: Path) -> bool:
    # A killed process leaves its unfinished file behind.
    return bool(_NAME.fullmatch(path.name)) or (path.name.startswith(".") and path.name.endswith(".part"))


class _Damaged(Exception):
    """The file is not what was written."""


class _HashingFile:
    """Takes what `torch.save` writes, in order, into a file and a digest."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.digest = file, hashlib.sha256()
        self.error: BaseException | None = None

    def write(self, content: bytes | memoryview) -> int:
        self.digest.update(content)
        try:
            return self._file.write(content)
        except BaseException as error:
            # PyTorch's writer would say that a position is unexpected, not that the disk is full.
            self.error = error
            raise

    def flush(self) -> None:
        self._file.flush()


def _store(state: dict[str, Any], file: BinaryIO) -> str:
    target = _HashingFile(file)
    try:
        torch.save(state, target)
    except RuntimeError:
        if target.error is not None:
            raise target.error from None
        raise
    file.flush()
    os.fsync(file.fileno())
    return target.digest.hexdigest()


def _load(path: Path) -> dict[str, Any]:
    expected = _NAME.fullmatch(path.name)[2]
    try:
        if not sha256(path).startswith(expected):
            raise _Damaged("its content is not what was written")
        return torch.load(path, map_location="cpu", weights_only=True)
    except _Damaged:
        raise
    except Exception as error:
        # A pickle that was made by someone else fails in as many ways as there are bytes.
        raise _Damaged(f"it does not read ({type(error).__name__})") from error
