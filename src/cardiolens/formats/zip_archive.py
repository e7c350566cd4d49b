"""Zip archives that a stranger may have written: which members there are, and one of them as a bounded file.

Nothing is extracted under the name that a member gives itself, and no size that it declares is trusted.
"""

from __future__ import annotations

import functools
import io
import os
import stat
import struct
import weakref
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import NoReturn

from cardiolens.errors import BadRecording

MOST_MEMBERS = 200_000

_MAGIC = b"PK\x03\x04"
_MOST_DIRECTORY_BYTES = 24 << 20
_LONGEST_NAME = 255
_MOST_RATIO = 200
# Below this, a flat signal may well be packed a thousandfold.
_RATIO_FROM_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 18
_UNPACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 1
# Other kinds of file that happen to be zip archives: by what they hold, or where that does not tell, by their names.
_MARKS_OF_DOCUMENTS = {"[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"}
_OTHER_SUFFIXES = {".npz", ".pt", ".pth", ".whl", ".xlsx", ".docx", ".pptx"}
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, RuntimeError, ValueError, OverflowError, EOFError)


class ZipArchive:
    """An archive that is open for reading. `names` are its files in order, hidden ones and folders left out."""

    def __init__(self, path: Path, opened: zipfile.ZipFile) -> None:
        self._path, self._zip = path, opened
        files = [member for member in opened.infolist() if not member.is_dir()]
        self._members = {member.orig_filename: member for member in files}
        self._num_of_name = Counter(member.orig_filename for member in files)
        self.names = tuple(sorted(name for name in self._members if not _is_hidden(name)))
        self.is_other_kind = path.suffix.lower() in _OTHER_SUFFIXES or not _MARKS_OF_DOCUMENTS.isdisjoint(self._members)

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def extract(self, name: str, target: Path, most_bytes: int) -> int:
        """Write one member to `target`, and return how many bytes it had.

        Raises:
            BadRecording: no or several such members, a name that leads elsewhere, a link, an encrypted or damaged member,
                another compression than deflate, or more than `most_bytes` or two hundred times its packed size.
        """
        member = self._member(name, most_bytes)
        num_bytes = 0
        try:
            with self._zip.open(member) as packed, target.open("wb") as file:
                while chunk := packed.read(_CHUNK_BYTES):
                    num_bytes += len(chunk)
                    if num_bytes > most_bytes:
                        self._refuse("more bytes than it declares", "what it declares")
                    file.write(chunk)
        except _DAMAGE as error:
            self._refuse(f"a member that cannot be unpacked ({type(error).__name__})", "an undamaged archive", error)
        return num_bytes

    def _member(self, name: str, most_bytes: int) -> zipfile.ZipInfo:
        member = self._members.get(name)
        if member is None:
            self._refuse("no such member", "one of its members")
        if self._num_of_name[name] > 1:
            self._refuse("two members of this name", "one")
        if not _is_safe(name):
            self._refuse("a member whose name leads elsewhere", "a name inside the archive")
        if stat.S_ISLNK(member.external_attr >> 16):
            self._refuse("a link", "a file")
        if member.flag_bits & _ENCRYPTED:
            self._refuse("an encrypted member", "one without password")
        if member.compress_type not in _UNPACKED:
            self._refuse(f"a member of compression {member.compress_type}", "deflate or none (8, 0)")
        if member.file_size > most_bytes:
            self._refuse(f"a member of {member.file_size} bytes", f"{most_bytes} at most")
        if member.file_size > max(_RATIO_FROM_BYTES, _MOST_RATIO * member.compress_size):
            found = f"{member.compress_size} bytes that unpack to {member.file_size}"
            self._refuse(found, f"{_MOST_RATIO} times as many at most")
        return member

    def _refuse(self, found: str, expected: str, cause: Exception | None = None) -> NoReturn:
        remedy = "unpack the archive yourself, or pack it again"
        raise BadRecording(self._path, found=found, expected=expected, remedy=remedy) from cause


def is_zip(path: Path) -> bool:
    """Whether the file begins as a zip archive does, whatever its name.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def open_zip(path: Path) -> ZipArchive:
    """The archive, opened once per process as long as it does not change.

    Raises:
        BadRecording: its directory is cut off, damaged or beyond all reason.
        OSError: it cannot be read.
    """
    now = path.stat()
    # A forked process shares the file's position with its parent, so it needs an opening of its own.
    return _opened(path, now.st_mtime_ns, now.st_size, os.getpid())


@functools.lru_cache(maxsize=4)
def _opened(path: Path, changed_ns: int, size: int, process: int) -> ZipArchive:
    file = _BoundedReads(io.FileIO(path))
    try:
        opened = zipfile.ZipFile(file)
    except (*_DAMAGE, OSError) as error:
        file.close()
        reason = "more members than can be listed" if isinstance(error, _TooLarge) else f"a broken zip ({type(error).__name__})"
        raise BadRecording(path, found=reason, expected="a whole archive", remedy="download or pack it again") from error
    if len(opened.infolist()) > MOST_MEMBERS:
        file.close()
        found = f"{len(opened.infolist())} members"
        raise BadRecording(path, found=found, expected=f"{MOST_MEMBERS} at most", remedy="unpack the archive yourself")
    archive = ZipArchive(path, opened)
    weakref.finalize(archive, file.close)
    return archive


class _TooLarge(zipfile.BadZipFile):
    """A directory of members that is longer than is read."""


class _BoundedReads(io.BufferedReader):
    """A file that refuses to be read in pieces as large as a damaged directory may ask for."""

    def read(self, size: int | None = -1) -> bytes:
        most = _MOST_DIRECTORY_BYTES
        content = super().read(most + 1 if size is None or size < 0 else min(size, most + 1))
        if len(content) > most:
            raise _TooLarge
        return content


def _is_hidden(name: str) -> bool:
    return any(part == "__MACOSX" or (part.startswith(".") and part.strip(".")) for part in name.split("/"))


def _is_safe(name: str) -> bool:
    return (
        len(name) <= _LONGEST_NAME
        and name.isprintable()
        and not (name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"))
    )
