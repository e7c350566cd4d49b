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

_SAME_RATE = 1e-3
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
        if path.exists() and not (path.is_file() or path.is_dir()):
            # A named pipe would be waited for for ever.
            raise BadRecording(path, found="no regular file", expected="an ECG file", remedy="copy it into a file")
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        for reader in readers():
            if reader.sniff(path, head):
                return _read(reader, path, declared)
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
    names = [reader.NAME for reader in readers()]
    raise UnknownFormat(
        path,
        found="an empty file" if not head else "a file of another kind",
        expected=f"{', '.join(names[:-1])} or {names[-1]}" if head else "an ECG file",
        remedy="convert it to one of these" if head else "export or copy it again",
    )


def _read(reader: ModuleType, path: Path, declared: Declaration) -> Recording:
    needs_more = getattr(reader, "NEEDS_DECLARATION", False)
    try:
        recording = reader.read(path, declared) if needs_more else reader.read(path)
        if not needs_more:
            _refuse_contradiction(path, recording, declared)
    except BadRecording as error:
        error.format = reader.NAME
        raise
    return _printable(replace(recording, format=reader.NAME))


def _refuse_contradiction(path: Path, recording: Recording, declared: Declaration) -> None:
    """What a file says of itself stands; a user who says something else is mistaken about one of the two."""
    if declared.rate_hz is not None and abs(declared.rate_hz - recording.rate_hz) > _SAME_RATE * recording.rate_hz:
        raise BadRecording(
            path,
            found=f"{recording.rate_hz:g} Hz in the file",
            expected=f"{declared.rate_hz:g} Hz as declared",
            remedy="leave out --rate: this format says it itself",
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
