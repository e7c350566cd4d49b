"""Archives and compressed files: every member is unpacked to a place of its own, searched, and removed. All of it is bounded.

Nothing is written under the name that a member gives itself, and no size that an archive declares is trusted.
"""

from __future__ import annotations

import gzip
import re
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from io import BufferedIOBase
from pathlib import Path

from cardiolens.cohorts.audit.search import Search
from cardiolens.errors import BadRecording
from cardiolens.formats.zip_archive import open_zip

ZIP, GZIP = b"PK\x03\x04", b"\x1f\x8b"
"""How such files begin."""

MOST_MEMBERS = 100_000
"""Of one archive."""
MOST_BYTES = 4 << 30
"""Of one member, unpacked."""
MOST_BYTES_TOGETHER = 64 << 30
"""Of one archive, unpacked."""
DEEPEST = 2
"""Archives inside archives."""

_CHUNK_BYTES = 1 << 20
_MOST_RATIO = 200
_RATIO_FROM_BYTES = 64 << 20
_SUFFIXES = re.compile(r"(?:\.[A-Za-z0-9]{1,12}){1,2}$")
_NAMED = 8
DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError)
"""What reading a damaged archive raises."""

Inspect = Callable[[Path, Search], None]
"""Searches one file on disk."""


def search_zip(path: Path, search: Search, inspect: Inspect) -> None:
    """Names, comment and contents of every member, hidden ones too."""
    archive = open_zip(path)
    with zipfile.ZipFile(path) as listing:
        search.text(listing.comment, "comment of the archive")
        members = [member for member in listing.infolist() if not member.is_dir()]
        folders = [member.orig_filename for member in listing.infolist() if member.is_dir()]
    _search_names([*folders, *(member.orig_filename for member in members)], search)
    if search.depth >= DEEPEST:
        search.note(f"archives more than {DEEPEST} deep; the contents of this one were not searched")
        return
    left = MOST_BYTES_TOGETHER
    with tempfile.TemporaryDirectory() as folder:
        for member in members[:MOST_MEMBERS]:
            name = member.orig_filename
            target = _target(folder, name)
            inside = search.inside(name)
            try:
                left -= archive.extract(name, target, min(left, MOST_BYTES))
                inspect(target, inside)
            except BadRecording as error:
                inside.note(f"found {error.found}; not searched; {error.remedy}")
            finally:
                target.unlink(missing_ok=True)
    _note_the_rest(len(members), search)


def is_tar(path: Path) -> bool:
    """Whether the file is a tape archive, packed or not."""
    try:
        return tarfile.is_tarfile(path)
    except DAMAGE:
        return False


def search_tar(path: Path, search: Search, inspect: Inspect) -> None:
    """Names and contents of every member; links are not followed."""
    if search.depth >= DEEPEST:
        search.note(f"archives more than {DEEPEST} deep; the contents of this one were not searched")
        return
    num_bytes, most = 0, _most_unpacked(path, MOST_BYTES_TOGETHER)
    with tempfile.TemporaryDirectory() as folder, tarfile.open(path) as archive:
        for count, member in enumerate(archive):
            num_bytes += member.size
            if count >= MOST_MEMBERS or num_bytes > most:
                search.note(f"members from number {count + 1} on were not searched: the archive unpacks to too much")
                return
            _search_names([member.name], search)
            content = archive.extractfile(member) if member.isfile() else None
            if content is None:
                continue
            target, inside = _target(folder, member.name), search.inside(member.name)
            with content:
                if not _unpack(content, target, MOST_BYTES):
                    inside.note(f"only the first {MOST_BYTES >> 20} MiB were searched")
            inspect(target, inside)
            target.unlink()


def search_gzip(path: Path, search: Search, inspect: Inspect) -> None:
    """The one file inside, and the name that it once had."""
    if search.depth >= DEEPEST:
        search.note(f"archives more than {DEEPEST} deep; the contents of this one were not searched")
        return
    name = path.name.removesuffix(".gz")
    with path.open("rb") as file:
        head = file.read(_CHUNK_BYTES)
    if head[3] & _NAMED:
        search.text(head[10:].split(b"\0")[0], "name of the packed file")
    with tempfile.TemporaryDirectory() as folder, gzip.open(path) as content:
        target = _target(folder, name)
        if not _unpack(content, target, _most_unpacked(path, MOST_BYTES)):
            search.note(f"only the first {target.stat().st_size >> 20} MiB of what it unpacks to were searched")
        inspect(target, replace(search, depth=search.depth + 1))


def _search_names(names: list[str], search: Search) -> None:
    for name in names:
        search.text(name.encode("utf-8", "surrogateescape"), "name of a member")


def _note_the_rest(num_members: int, search: Search) -> None:
    if num_members > MOST_MEMBERS:
        search.note(f"{num_members - MOST_MEMBERS} members beyond the first {MOST_MEMBERS} were not searched")


def _most_unpacked(path: Path, most_bytes: int) -> int:
    return min(most_bytes, max(_RATIO_FROM_BYTES, _MOST_RATIO * path.stat().st_size))


def _target(folder: str, name: str) -> Path:
    """Where a member is unpacked: only its suffixes are its own."""
    suffixes = _SUFFIXES.search(name)
    return Path(folder) / f"member{suffixes[0] if suffixes else ''}"


def _unpack(content: BufferedIOBase, target: Path, most_bytes: int) -> bool:
    """Write at most so many bytes; whether that was all."""
    num_bytes = 0
    with target.open("wb") as file:
        while chunk := content.read(_CHUNK_BYTES):
            file.write(chunk[: most_bytes - num_bytes])
            num_bytes += len(chunk)
            if num_bytes > most_bytes:
                return False
    return True
