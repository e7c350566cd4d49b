"""What a Parquet file says of itself: its columns, rows, and how large each column is, packed and unpacked.

Read here and not by pyarrow for two reasons. Its bindings end the process on some damaged footers; and it takes the memory
that each page's own header asks for, so a few kilobytes can ask for gigabytes whatever the footer promises.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import index
from pathlib import Path

from cardiolens.errors import BadRecording
from cardiolens.formats.bounds import refuse_too_many_samples
from cardiolens.formats.table.thrift_compact import read_struct

MAGIC = b"PAR1"

_MOST_FOOTER_BYTES = 1 << 20
# Of a number and its level, and of a chunk's dictionary and page headers.
_MOST_BYTES_PER_ROW = 16
_MOST_BYTES_BESIDE = 1 << 16
_MOST_PAGES = 50_000
_REPEATED = 2


@dataclass(frozen=True)
class ParquetFooter:
    """The names of the columns, all of them flat, and for each row group its rows and every column's place in the file."""

    names: tuple[str, ...]
    num_rows: int
    groups: tuple[tuple[int, tuple[tuple[int, int], ...]], ...]

    def refuse_what_would_burst(self, path: Path, content: bytes, columns: tuple[int, ...]) -> None:
        """Refuse columns whose pages unpack to more than their rows can need.

        Raises:
            BadRecording: there are too many rows or pages, a column leaves the file, or a page its column, or a page is too
                large.
        """
        refuse_too_many_samples(path, len(columns), self.num_rows)
        num_pages = 0
        for num_rows, places in self.groups:
            for column in columns:
                start, end = places[column]
                if not len(MAGIC) <= start <= end <= len(content):
                    raise _bad(path, "a column beyond the end of the file")
                most_bytes = _MOST_BYTES_PER_ROW * num_rows + _MOST_BYTES_BESIDE
                num_pages += _count_pages(path, memoryview(content)[start:end], most_bytes, _MOST_PAGES - num_pages)


def read_footer(path: Path, content: bytes) -> ParquetFooter:
    """The footer at the end of the file's content.

    Raises:
        BadRecording: it is cut off, encrypted or not understood, or the table has nested columns.
    """
    size = int.from_bytes(content[-8:-4], "little")
    if content[-4:] != MAGIC or size > min(len(content) - 12, _MOST_FOOTER_BYTES):
        raise _bad(path, "a cut-off or encrypted Parquet file")
    try:
        return _understood(path, read_struct(content[-8 - size : -8], 0)[0])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise _bad(path, "a footer that is not understood") from error


def _understood(path: Path, fields: dict) -> ParquetFooter:
    root, *elements = fields[2]
    if root.get(5) != len(elements) or any(element.get(5) or element.get(3) == _REPEATED for element in elements):
        raise BadRecording(
            path,
            found="columns inside columns",
            expected="one row per sample and one flat column of numbers per lead",
            remedy="write one table per ECG",
        )
    groups = []
    for group in fields[4]:
        chunks = [chunk[3] for chunk in group[1] if 1 not in chunk]
        if len(chunks) != len(elements) or group[3] < 0:
            raise _bad(path, "columns that are missing or in other files")
        if group[3]:
            groups.append((index(group[3]), tuple(map(_place, chunks))))
    num_rows = sum(rows for rows, _ in groups)
    if num_rows != fields[3]:
        raise _bad(path, "parts that do not add up to the number of rows")
    return ParquetFooter(tuple(element[4].decode("utf-8") for element in elements), num_rows, tuple(groups))


def _place(chunk: dict) -> tuple[int, int]:
    pages, dictionary, size = index(chunk[9]), index(chunk.get(11, 0)), index(chunk[7])
    start = min(pages, dictionary) if dictionary else pages
    return start, start + size


def _count_pages(path: Path, column: memoryview, most_bytes: int, most_pages: int) -> int:
    place = unpacked = num_pages = 0
    while place < len(column):
        try:
            fields, place = read_struct(column, place)
            uncompressed, compressed = index(fields[2]), index(fields[3])
            smaller = min(uncompressed, compressed)
        except (ValueError, KeyError, TypeError) as error:
            raise _bad(path, "a page that is not understood") from error
        unpacked += uncompressed
        place += compressed
        num_pages += 1
        if smaller < 0 or place > len(column) or unpacked > most_bytes:
            raise _bad(path, "a page larger than its column can be")
        if num_pages > most_pages:
            raise _bad(path, f"more than {_MOST_PAGES} pages")
    return num_pages


def _bad(path: Path, found: str) -> BadRecording:
    return BadRecording(path, found=found, expected="an undamaged Parquet table", remedy="write the table again")
