"""A folder searched for anything of a person, before it leaves the machine: every file, hidden ones too, and every name.

Links are not followed. Of a git repository the files are searched, not its history.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cardiolens.cohorts.audit.files import search_file
from cardiolens.cohorts.audit.finding import AuditReport, Finding
from cardiolens.cohorts.audit.known_numbers import FEWEST_CHARACTERS, FEWEST_DIGITS, KnownParticipants
from cardiolens.cohorts.audit.search import Search, shown_safely
from cardiolens.errors import BadInput
from cardiolens.progress import QUIET, Progress, ProgressTask

_MEBIBYTE = 1 << 20
_LONGEST_NAME = 200
_MOST_KINDS = 10
_MARK_OF_AN_ENVIRONMENT = ("pyvenv.cfg", "conda-meta")


@dataclass(frozen=True)
class _Entry:
    """Something in a folder, as it is called from there on."""

    path: Path
    shown: str
    num_bytes: int
    is_folder: bool


def audit(paths: Iterable[Path], *, participants: Collection[str | int] = (), progress: Progress = QUIET) -> AuditReport:
    """Search folders, or single files, for participants' numbers, dates of birth and names.

    `participants` are numbers known to be somebody's: finding one is certain. Without them numbers of seven digits, and what
    fields with a telling name hold, are possible findings. No value is in the report, only its first characters.

    Raises:
        BadInput: a path does not exist.
    """
    known = KnownParticipants(participants)
    notes: list[str] = []
    if known.num_too_short:
        notes.append(
            f"{known.num_too_short} of the known numbers are too short to be searched for "
            f"(fewer than {FEWEST_DIGITS} digits, or {FEWEST_CHARACTERS} characters with letters)"
        )
    entries = [entry for path in paths for entry in _root(Path(path), known, notes)]
    files = [entry for entry in entries if not entry.is_folder]
    searches: list[Search] = []
    others: Counter[str] = Counter()
    with progress.task("searching", total=_mebibytes(sum(file.num_bytes for file in files)), unit="MiB") as task:
        meter = _Meter(task)
        for entry in entries:
            search = Search(entry.shown, known, read=meter.file(entry.num_bytes))
            search.text(os.fsencode(entry.path.name), "folder name" if entry.is_folder else "file name")
            if not entry.is_folder:
                search_file(entry.path, search)
                meter.end_file()
            notes += search.notes
            others.update(search.others)
            if search.findings.num(certain=True) or search.findings.num(certain=False):
                searches.append(search)
    return _report(files, searches, [*notes, *_about_others(others, known)])


def _report(files: list[_Entry], searches: list[Search], notes: list[str]) -> AuditReport:
    found: list[Finding] = [finding for search in searches for finding in search.findings.kept()]
    num = {certain: sum(search.findings.num(certain=certain) for search in searches) for certain in (True, False)}
    left_out = {search.file: sum(search.findings.left_out(certain=certain) for certain in (True, False)) for search in searches}
    return AuditReport(
        num_files=len(files),
        num_bytes=sum(file.num_bytes for file in files),
        findings=tuple(sorted(found, key=lambda finding: not finding.certain)),
        left_out={file: count for file, count in left_out.items() if count},
        num_found_files=len({search.file for search in searches}),
        num_certain=num[True],
        num_possible=num[False],
        notes=tuple(notes),
    )


def _root(path: Path, known: KnownParticipants, notes: list[str]) -> Iterator[_Entry]:
    if not path.exists():
        raise BadInput(path, found="nothing", expected="a folder or file", remedy="check the path")
    root = path.resolve()
    # Whoever names a link wants what it leads to; inside, none is followed.
    shown = shown_safely(path.name if path.name not in {"", ".", ".."} else root.name, known, longest=_LONGEST_NAME)
    if root.is_dir():
        yield _Entry(root, f"{shown}/", 0, True)
        yield from _below(root, shown, known, notes)
    else:
        yield _Entry(root, shown, root.stat().st_size, False)


def _below(folder: Path, shown: str, known: KnownParticipants, notes: list[str]) -> Iterator[_Entry]:
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError as error:
        notes.append(f"{shown}/: a folder that cannot be read ({error.strerror}); not searched")
        return
    names = {entry.name for entry in entries}
    if mark := next((mark for mark in _MARK_OF_AN_ENVIRONMENT if mark in names), None):
        notes.append(f"{shown}/: an environment of installed packages ({mark}); not searched")
        return
    is_history = {"objects", "refs", "HEAD"} <= names
    if is_history:
        notes.append(
            f"{shown}/: the history of a git repository is not searched; "
            "write it out with `git log --all -p > history.txt` and audit that file"
        )
    num_links = 0
    for entry in entries:
        name = f"{shown}/{shown_safely(entry.name, known, longest=_LONGEST_NAME)}"
        if entry.is_symlink():
            num_links += 1
        elif entry.is_dir(follow_symlinks=False):
            if not (is_history and entry.name == "objects"):
                yield _Entry(Path(entry.path), f"{name}/", 0, True)
                yield from _below(Path(entry.path), name, known, notes)
        else:
            yield from _file(entry, name, notes)
    if num_links:
        notes.append(f"{shown}/: {num_links} {'links' if num_links > 1 else 'link'} not followed")


def _file(entry: os.DirEntry[str], shown: str, notes: list[str]) -> Iterator[_Entry]:
    about = entry.stat(follow_symlinks=False)
    if stat.S_ISREG(about.st_mode):
        yield _Entry(Path(entry.path), shown, about.st_size, False)
    else:
        notes.append(f"{shown}: neither file nor folder; not searched")


def _about_others(others: Counter[str], known: KnownParticipants) -> list[str]:
    if not others:
        return []
    kinds = ", ".join(f"{count} {shown_safely(suffix, known)}" for suffix, count in others.most_common(_MOST_KINDS))
    searched = "searched for known numbers that stand as plain text, no more" if known else "not searched without known numbers"
    return [f"files of other kinds ({kinds}): {searched}"]


def _mebibytes(num_bytes: int) -> int:
    return num_bytes // _MEBIBYTE


class _Meter:
    """Advances a task by whole mebibytes, within long files too."""

    def __init__(self, task: ProgressTask) -> None:
        self._task = task
        self._before = self._size = self._read = 0

    def file(self, num_bytes: int) -> Callable[[int], None]:
        """Begin a file; what is returned is to be told how many bytes of it were read."""
        self._size = num_bytes
        return self._add

    def end_file(self) -> None:
        self._add(self._size)
        self._before, self._read, self._size = self._before + self._size, 0, 0

    def _add(self, num_bytes: int) -> None:
        already = _mebibytes(self._before + self._read)
        # Archives tell of more bytes than the file has.
        self._read = min(self._size, self._read + num_bytes)
        self._task.advance(_mebibytes(self._before + self._read) - already)
