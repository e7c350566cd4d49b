"""Which ECGs there are in folders and zip archives, and reading one of them.

Listing opens no ECG: it yields every file that may be one, and whoever reads finds out. A zip archive is known by its
first bytes and stands for its members; an archive inside an archive, and documents that are archives (xlsx, npz), are
files like any other.
"""

from __future__ import annotations

import codecs
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from cardiolens.atomic import full_disk_named
from cardiolens.errors import BadInput, BadRecording, UnknownFormat
from cardiolens.formats import HEAD_BYTES, bounds, read_recording
from cardiolens.formats.declaration import NOTHING_DECLARED, Declaration
from cardiolens.formats.wfdb_header import looks_like_header
from cardiolens.formats.xml_document import root_tag
from cardiolens.formats.zip_archive import ZipArchive, is_zip, open_zip
from cardiolens.privacy import hide_participants
from cardiolens.types import Recording

_WFDB_DATA = (".dat", ".mat")
_WFDB_HEADER = ".hea"
_LONGEST_SHOWN = 255
_LONGEST_STEM, _LONGEST_SUFFIX = 80, 10
_LONGEST_HEADER = 1 << 18
_PLAIN_NAME = re.compile(r"\w[\w.+-]{0,99}", re.ASCII)


@dataclass(frozen=True)
class EcgInput:
    """A file, or a member of the zip archive at `path`, that may be an ECG."""

    path: Path
    member: str | None = None
    folder: Path | None = None
    """The folder in which it was found, where one was listed."""
    called: str = ""
    """What the user calls the file at `path`, where it had to be stored by another name."""

    @property
    def source(self) -> str:
        """Its name, below the folder that was listed and with the archive before a member.

        Safe to show: without participants' numbers and control characters.
        """
        stored = self.path.relative_to(self.folder).as_posix() if self.folder else self.path.name or str(self.path)
        name = self.called or stored
        if self.member is not None:
            name += f"/{self.member}"
        shown = hide_participants(name)[:_LONGEST_SHOWN]
        return "".join(character if character.isprintable() else "?" for character in shown)


def list_inputs(paths: Iterable[Path]) -> Iterator[EcgInput]:
    """Every file that `paths` name or hold, folder by folder, in the order of names; members in place of archives.

    Left out of folders and archives: what is hidden, `__MACOSX`, and WFDB data files whose header lies beside them. In
    folders, links to files outside the folder and links to folders are not followed. What cannot be opened is listed, so
    that reading it says why. Only one folder's names are held at a time.
    """
    for path in paths:
        if os.path.isdir(path):
            for file in _files(path):
                yield from _members(file, path)
        else:
            yield from _members(path, None)


def goes_with_header(path: Path) -> bool:
    """Whether it is a WFDB data file whose header lies beside it, and so no ECG of its own."""
    return _is_wfdb_data(path.name) and path.with_suffix(_WFDB_HEADER).is_file()


def read_input(ecg_input: EcgInput, declared: Declaration = NOTHING_DECLARED) -> Recording:
    """The recording of one input, named after it.

    A member of an archive is unpacked alone into a temporary folder; a WFDB header together with its data files.

    Raises:
        UnknownFormat: no reader recognises it.
        BadRecording: it cannot be read, or the archive is damaged, unsafe or too large.
        NoSpace: the temporary folder is full.
    """
    try:
        if ecg_input.member is None:
            recording = _read_file(ecg_input.path, declared)
        else:
            with full_disk_named(Path(tempfile.gettempdir())), tempfile.TemporaryDirectory() as folder:
                recording = _read_file(_unpacked(ecg_input.path, ecg_input.member, Path(folder)), declared)
    except OSError as error:
        reason = f"a file that cannot be read ({error.strerror or type(error).__name__})"
        remedy = "check that you may read it"
        raise BadRecording(ecg_input.source, found=reason, expected="an archive", remedy=remedy) from error
    except BadInput as error:
        raise error.at(ecg_input.source) from error
    return replace(recording, source=ecg_input.source)


def _files(folder: Path) -> Iterator[Path]:
    root = folder.resolve()
    listed = [iter((folder,))]
    while listed:
        path = next(listed[-1], None)
        if path is None:
            listed.pop()
            continue
        try:
            if path.is_symlink() and path != folder and not (path.is_file() and path.resolve().is_relative_to(root)):
                continue
            if path.is_dir():
                listed.append(_entries(path))
                continue
            wanted = path.is_file() and not goes_with_header(path)
        except OSError:  # reading it says why
            wanted = True
        if wanted:
            yield path


def _entries(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if not entry.name.startswith(".") and entry.name != "__MACOSX")
    return (folder / name for name in names)


def _members(path: Path, folder: Path | None) -> Iterator[EcgInput]:
    try:
        archive = open_zip(path) if os.path.isfile(path) and is_zip(path) else None
    except (OSError, BadRecording):  # reading it says why
        archive = None
    if archive is None or archive.is_other_kind:
        yield EcgInput(path, folder=folder)
        return
    for name in archive.names:
        if not (_is_wfdb_data(name) and f"{name[: name.rindex('.')]}{_WFDB_HEADER}" in archive):
            yield EcgInput(path, name, folder)


def _is_wfdb_data(name: str) -> bool:
    return name.lower().endswith(_WFDB_DATA)


def _read_file(path: Path, declared: Declaration) -> Recording:
    try:
        return read_recording(path, declared)
    except UnknownFormat:
        if is_zip(path):
            open_zip(path)  # says why its members could not be listed
        _refuse_known_mistakes(path)
        raise


def _refuse_known_mistakes(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and root_tag(head) is None:
        raise BadRecording(path, found="text in UTF-16", expected="text in UTF-8", remedy="save it as UTF-8")
    if head and _is_wfdb_data(path.name):
        raise BadRecording(
            path,
            found="a WFDB data file without its header",
            expected=f"the {_WFDB_HEADER} beside it",
            remedy="copy the header into the folder",
        )


def _unpacked(path: Path, member: str, folder: Path) -> Path:
    archive = open_zip(path)
    name = PurePosixPath(member)
    target = folder / (_neutral(name.stem)[:_LONGEST_STEM] + _neutral(name.suffix)[:_LONGEST_SUFFIX])
    left = bounds.MOST_BYTES - archive.extract(member, target, bounds.MOST_BYTES)
    for data_file in _data_files(archive, member, target):
        left -= archive.extract(data_file, folder / PurePosixPath(data_file).name, left)
    return target


def _neutral(text: str) -> str:
    return re.sub(r"[^\w.-]+", "_", text, flags=re.ASCII)


def _data_files(archive: ZipArchive, member: str, target: Path) -> list[str]:
    """What a WFDB header of the archive needs beside it: what it names in its own folder, and what bears its name."""
    with target.open("rb") as file:
        head = file.read(_LONGEST_HEADER)
    if not looks_like_header(head[:HEAD_BYTES]):
        return []
    lines = [line.split(maxsplit=1) for line in head.decode("latin-1").splitlines()]
    named = {line[0] for line in lines if line and _PLAIN_NAME.fullmatch(line[0])}
    folder = member.rpartition("/")[0]
    beside = {f"{folder}/{name}" if folder else name for name in named}
    beside |= {f"{member[: member.rfind('.')]}{suffix}" for suffix in _WFDB_DATA}
    return sorted(name for name in beside if name in archive and PurePosixPath(name).name != target.name)
