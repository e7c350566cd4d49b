"""A CSV that is written row by row, goes on where it was stopped, and appears under its name when it is whole."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cardiolens.atomic import full_disk_named, sync
from cardiolens.spreadsheet import harmless


class GrowingTable:
    """Rows so far lie in a hidden file beside `path`; a new process with the same `settings` goes on after its last whole row.

    `settings` are whatever the rows depend on, in words: rows of another command are never mixed in.
    """

    def __init__(self, path: Path, columns: Sequence[str], *, settings: str) -> None:
        self.path, self._columns = path, tuple(columns)
        digest = hashlib.sha256("\n".join([settings, *columns]).encode()).hexdigest()[:8]
        self._part = path.with_name(f".{path.name}.{digest}.part")
        self.rows_before = self._rows_before()
        """Rows that an earlier process left."""
        with full_disk_named(path):
            self._file = self._part.open("a", encoding="utf-8", newline="")
        self._writer = csv.DictWriter(self._file, self._columns, restval="", lineterminator="\n")
        if not self.rows_before and self._file.tell() == 0:
            self._writer.writeheader()

    def start_again(self) -> None:
        """Forget what an earlier process left."""
        self._file.truncate(0)
        self.rows_before = []
        self._writer.writeheader()

    def write(self, row: Mapping[str, str]) -> None:
        """One more row, on disk at once.

        Raises:
            NoSpace: the disk is full; what is whole is kept.
        """
        with full_disk_named(self.path):
            self._writer.writerow({column: harmless(cell) for column, cell in row.items()})
            self._file.flush()

    def write_whole(self, rows: Iterable[Mapping[str, str]]) -> None:
        """All rows that are left, each on disk as soon as it is made; then the table takes its name.

        Raises:
            NoSpace: the disk is full; what is whole is kept, as after any other failure.
        """
        try:
            for row in rows:
                self.write(row)
            self.finish()
        finally:
            self.close()

    def finish(self) -> None:
        """The table is whole: it takes its name."""
        with full_disk_named(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._part.replace(self.path)
            sync(self.path.parent)

    def close(self) -> None:
        """Stop here, to go on later."""
        self._file.close()

    def _rows_before(self) -> list[dict[str, str]]:
        if not self._part.exists():
            return []
        content = self._part.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            self._part.write_bytes(whole)
        return list(csv.DictReader(whole.decode("utf-8").splitlines()))
