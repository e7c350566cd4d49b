"""Files that arrive as bytes, by upload or on standard input, where the readers of files can see them: in memory.

On Linux `/dev/shm` is a folder that no disk lies behind. Elsewhere it is the system's temporary folder, from which they vanish
when they have been read.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cardiolens.formats.collection import EcgInput, goes_with_header, list_inputs

_MEMORY = Path("/dev/shm")
_LONGEST_NAME = 100
"""Bytes."""
_WFDB = (".hea", ".dat", ".mat")


@contextmanager
def held(files: Mapping[str, bytes]) -> Iterator[Path]:
    """A folder with these files by name, for the length of the context; of a name only its last part and plain letters count.

    Raises:
        OSError: there is no room.
    """
    memory = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="cardiolens-", dir=memory) as folder:
        for name, content in files.items():
            (Path(folder) / plain_name(name)).write_bytes(content)
        yield Path(folder)


@contextmanager
def held_inputs(files: Sequence[tuple[str, bytes]]) -> Iterator[list[EcgInput]]:
    """The ECGs in files of any names, alike or not, for the length of the context: in their order, called as they were called.

    Every file lies in a folder of its own, those of one WFDB record together. A second file of a name is called "name (2)".

    Raises:
        OSError: there is no room.
    """
    names = [_last_part(name) for name, _ in files]
    with held({}) as folder:
        paths = [folder / place / plain_name(name) for place, name in zip(_folders(names), names, strict=True)]
        for path, (_, content) in zip(paths, files, strict=True):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        called = zip(paths, _told_apart(names), strict=True)
        yield [replace(one, called=name) for path, name in called if not goes_with_header(path) for one in list_inputs([path])]


def keep_in_memory() -> None:
    """From now on this process's temporary files lie in memory too, where the system has such a folder: members of archives,
    and uploads that a web framework sets aside."""
    if _MEMORY.is_dir():
        tempfile.tempdir = str(_MEMORY)


def plain_name(name: str) -> str:
    """A file name that can do no harm: without folders, without a leading dot, letters, digits and a few signs."""
    kept = re.sub(r"[^\w.+-]+", "_", _last_part(name)).lstrip(".")
    return kept.encode()[-_LONGEST_NAME:].decode(errors="ignore") or "ecg"


def _folders(names: Sequence[str]) -> Iterator[str]:
    """Where each file lies. A header finds its data by name, so records share a folder unless their names are alike."""
    seen: Counter[str] = Counter()
    records: dict[str, list[tuple[str, int]]] = {}
    for number, name in enumerate(names):
        if not name.lower().endswith(_WFDB):
            yield f"{number}"
            continue
        record = Path(name).stem, seen[name]
        seen[name] += 1
        alike = records.setdefault(Path(plain_name(name)).stem, [])
        if record not in alike:
            alike.append(record)
        yield f"records-{alike.index(record)}"


def _told_apart(names: Sequence[str]) -> Iterator[str]:
    seen: Counter[str] = Counter()
    for name in names:
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name} ({seen[name]})"


def _last_part(name: str) -> str:
    return re.split(r"[/\\]", name)[-1] or "ecg"
