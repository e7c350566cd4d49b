"""Which files an examination may consist of: those of a folder, or of a zip archive unpacked under names of our own.

Names say nothing here: whether a file is DICOM shows when it is read. Bounded are the number of files and the bytes that a
zip unpacks to.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cardiolens.atomic import full_disk_named
from cardiolens.errors import BadImage, BadRecording
from cardiolens.formats.dicom.elements import MOST_BYTES
from cardiolens.formats.zip_archive import is_zip, open_zip

MOST_FILES = 20_000
"""Of one examination; a whole cardiac one has 2,000 to 5,000."""

MOST_UNPACKED_BYTES = 2 << 30
"""Of one zip; UK Biobank's short-axis ones hold 40 to 120 MB."""


@dataclass(frozen=True)
class FoundFiles:
    """What lies in a folder or zip."""

    files: tuple[Path, ...]
    refused: tuple[str, ...] = ()
    """Why members of an archive were not unpacked, one reason each."""


@contextmanager
def dicom_files(path: Path) -> Iterator[FoundFiles]:
    """The files of a folder with all folders in it, of a zip archive, or the one file that `path` is.

    A zip is unpacked into a temporary folder, which is gone when the context closes. Members that cannot be unpacked safely
    (a bomb, a link, a name that leads elsewhere) are left out and said.

    Raises:
        BadImage: there is nothing there, it cannot be read, the archive's directory is damaged, or there is too much.
        NoSpace: the temporary folder is full.
    """
    try:
        if path.is_dir():
            yield FoundFiles(of_one_examination(path, (file for _, files in folders_below(path) for file in files)))
        elif is_zip(path):
            with full_disk_named(Path(tempfile.gettempdir())), tempfile.TemporaryDirectory() as folder:
                yield _unpacked(path, Path(folder))
        else:
            yield FoundFiles((path,))
    except OSError as error:
        raise BadImage(
            path,
            found=f"something that cannot be read ({error.strerror or type(error).__name__})",
            expected="a folder or a zip of DICOM files",
            remedy="check that the path is right and that you may read it",
        ) from error


def folders_below(folder: Path) -> Iterator[tuple[Path, list[Path]]]:
    """This folder and all in it, each with its files in the order of names; what is hidden and links are left out."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        files = [Path(place, name) for name in sorted(names) if not _is_hidden(name)]
        yield Path(place), [file for file in files if file.is_file() and not file.is_symlink()]


def of_one_examination(source: str | Path, files: Iterable[Path]) -> tuple[Path, ...]:
    """These files.

    Raises:
        BadImage: there are more than `MOST_FILES`.
    """
    kept: list[Path] = []
    for file in files:
        if len(kept) == MOST_FILES:
            _refuse_amount(source, f"more than {MOST_FILES} files", "one examination")
        kept.append(file)
    return tuple(kept)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _unpacked(path: Path, folder: Path) -> FoundFiles:
    try:
        archive = open_zip(path)
    except BadRecording as error:
        raise BadImage(path, found=error.found, expected=error.expected, remedy=error.remedy) from error
    if len(archive.names) > MOST_FILES:
        _refuse_amount(path, f"{len(archive.names)} members", f"one examination, of at most {MOST_FILES} files")
    left = MOST_UNPACKED_BYTES
    files, refused = [], []
    for number, name in enumerate(archive.names):
        target = folder / str(number)
        try:
            left -= archive.extract(name, target, MOST_BYTES)
        except BadRecording as error:
            target.unlink(missing_ok=True)
            refused.append(error.found)
            continue
        if left < 0:
            _refuse_amount(path, f"more than {MOST_UNPACKED_BYTES >> 30} GiB when unpacked", "one examination")
        files.append(target)
    return FoundFiles(tuple(files), tuple(refused))


def _refuse_amount(source: str | Path, found: str, expected: str) -> None:
    raise BadImage(source, found=found, expected=expected, remedy="give one folder or zip per examination")
