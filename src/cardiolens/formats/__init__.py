"""ECG files to recordings: one module per format, found by walking this folder.

A module is a format when it has `NAME` (what a user would call it), `sniff(path, head) -> bool` on the file's first
bytes, and `read(path) -> Recording`. One whose files leave rate, unit or leads to the user says `NEEDS_DECLARATION = True`
and reads by `read(path, declared)`. To add a format is to add a module. Modules without `sniff` are no ECG formats: they
hold a part of one, or write MRI (`cmr_*`).
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from cardiolens.errors import BadRecording, UnknownFormat
from cardiolens.formats.declaration import NOTHING_DECLARED, Declaration
from cardiolens.types import Recording

_ZIP = b"PK\x03\x04"

HEAD_BYTES = 8192
"""How much of a file its format is recognised by."""


def read_recording(path: str | Path, declared: Declaration = NOTHING_DECLARED) -> Recording:
    """The ECG in a file of any format on this shelf, as the file holds it; `signals.contract` brings it into shape.

    `declared` speaks for files that do not say their rate, unit or leads.

    Raises:
        UnknownFormat: no reader recognises the file.
        BadRecording: there is no such file, it is damaged or unsafe, or it holds no 12-lead resting ECG.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        for reader in readers():
            if reader.sniff(path, head):
                needs_more = getattr(reader, "NEEDS_DECLARATION", False)
                recording = reader.read(path, declared) if needs_more else reader.read(path)
                return _printable(replace(recording, format=reader.NAME))
    except OSError as error:
        raise BadRecording(
            path,
            found=f"a file that cannot be read ({error.strerror or type(error).__name__})",
            expected="an ECG file",
            remedy="check that the path names a file and that you may read it",
        ) from error
    if head.startswith(_ZIP):
        remedy = "unpack it, or give it to `inspect` or `predict`"
        raise UnknownFormat(path, found="a zip archive", expected="one ECG", remedy=remedy)
    raise UnknownFormat(
        path,
        found="an empty file" if not head else "a file of another kind",
        expected=" or ".join(reader.NAME for reader in readers()),
        remedy="convert it to one of these",
    )


@functools.cache
def readers() -> tuple[ModuleType, ...]:
    """The modules of this folder that read a format, by name."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    return tuple(module for module in modules if hasattr(module, "sniff"))


def _printable(recording: Recording) -> Recording:
    """What a stranger's file says is shown on terminals and pages, which must not obey it."""

    def clean(text: str) -> str:
        return "".join(character if character.isprintable() else "?" for character in text)

    return replace(
        recording,
        leads=tuple(map(clean, recording.leads)),
        device=clean(recording.device) if recording.device else None,
        statements=tuple(map(clean, recording.statements)),
        notes=tuple(map(clean, recording.notes)),
    )
