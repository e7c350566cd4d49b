"""A folder under construction: beside its place, for one process at a time, and true to one plan from start to end."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cardiolens.atomic import write_atomically
from cardiolens.cohorts.manifest import differing_settings
from cardiolens.errors import BadOption

PLAN, LOCK = "plan.json", "lock"


def refuse_taken(out: Path) -> None:
    """Refuse a place that holds anything already.

    Raises:
        BadOption: `out` is a file or a folder that is not empty.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise BadOption(
            out,
            found="a file" if out.is_file() else "a folder with other files in it",
            expected="a new or an empty folder",
            remedy="choose another name",
        )


@contextmanager
def locked(folder: Path, *, noun: str) -> Iterator[None]:
    """Nobody else builds in `folder` meanwhile; the system takes the lock back when the process ends, however it ends.

    Raises:
        BadOption: another process holds it.
    """
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadOption(
                folder, found=f"another process building this {noun}", expected="one at a time", remedy="wait until it is done"
            ) from error
        yield
    finally:
        os.close(lock)


def keep_to_plan(folder: Path, plan: dict[str, Any], *, noun: str) -> None:
    """Store the plan of what is built in `folder`, or hold it against the one that is there.

    Raises:
        BadOption: what was begun there has another plan.
    """
    path = folder / PLAN
    stored = json.loads(path.read_text()) if path.exists() else plan
    refuse_other_plan(
        folder, stored, plan, what=f"a half-built {noun}",
        remedy="run it again with its own settings, choose another folder, or delete it",
    )  # fmt: skip
    write_atomically(path, json.dumps(plan, indent=2, sort_keys=True).encode())


def refuse_other_plan(place: Path, stored: dict[str, Any], asked: dict[str, Any], *, what: str, remedy: str) -> None:
    """Refuse what was made by another plan than the one that is asked for.

    Raises:
        BadOption: the plans differ; the message says in which settings.
    """
    if stored != asked:
        raise BadOption(
            place, found=f"{what} with {differing_settings(stored, asked)}", expected="the settings asked for", remedy=remedy
        )


def is_complete(marker: Path, plan: dict[str, Any], *, what: str) -> bool:
    """Whether a folder is complete and made by this plan, which its last file, `marker`, then holds.

    Raises:
        BadOption: it was made by another plan.
    """
    if not marker.is_file():
        return False
    stored, remedy = json.loads(marker.read_text()), "choose another folder, or delete this one"
    refuse_other_plan(marker.parent, stored, plan, what=f"a complete {what}", remedy=remedy)
    return True


def sweep(folder: Path) -> None:
    """Remove what an atomic write left unfinished when its process was killed."""
    for unfinished in folder.rglob(".*.part"):
        unfinished.unlink()
