"""Which reader searches a file: by how it begins, and for text by its name."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

from cardiolens.cohorts.audit import archives, columns, documents, headers, table_files, text_files
from cardiolens.cohorts.audit.search import Search
from cardiolens.errors import BadInput
from cardiolens.formats.dicom.elements import is_dicom

_HEAD_BYTES = 1 << 16
_PACKED_HEADER = 540
# PDF, bzip2, xz, Zstandard, 7-Zip and RAR: not text, though a short one may be without a NUL.
_NOT_TEXT = (b"%PDF", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"Rar!")
_DAMAGE = (
    BadInput, struct.error, KeyError, OverflowError, RecursionError, MemoryError, *archives.DAMAGE,
)  # fmt: skip


def search_file(path: Path, search: Search) -> None:
    """Everything that is looked for in one file. What cannot be read becomes a note."""
    head = b""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        _search(path, head, search)
    except _DAMAGE as error:
        if not head:
            search.note(f"cannot be read ({_reason(error)}); not searched")
            return
        search.note(f"cannot be read as what it begins like ({_reason(error)}); searched as plain text only")
        _search_plainly(path, head, search)


def _search(path: Path, head: bytes, search: Search) -> None:
    if head.startswith(columns.PARQUET):
        columns.search_parquet(path, search)
    elif head.startswith(columns.NUMPY):
        columns.search_array(path, search)
    elif is_dicom(head):
        headers.search_dicom(path, search)
    elif head.startswith(archives.ZIP):
        archives.search_zip(path, search, search_file)
    elif head.startswith(archives.GZIP):
        _search_packed(path, search)
    elif head.startswith(headers.PNG):
        headers.search_png(path, search)
    elif head.startswith(headers.JPEG):
        headers.search_jpeg(path, search)
    elif headers.is_safetensors(path, head):
        headers.search_safetensors(path, search)
    elif headers.is_nifti(head):
        headers.search_nifti(path, search, packed=False)
    elif headers.is_edf(head):
        headers.search_edf(head, search)
        text_files.search_known_bytes(path, search)
    elif text_files.is_text(head) and not head.startswith(_NOT_TEXT):
        _search_text(path, head, search)
    elif archives.is_tar(path):
        archives.search_tar(path, search, search_file)
    else:
        search.others.append(path.suffix.lower() or "without suffix")
        text_files.search_known_bytes(path, search)


def _search_packed(path: Path, search: Search) -> None:
    with gzip.open(path) as file:
        head = file.read(_PACKED_HEADER)
    if headers.is_nifti(head):
        headers.search_nifti(path, search, packed=True)
    elif archives.is_tar(path):
        archives.search_tar(path, search, search_file)
    else:
        archives.search_gzip(path, search, search_file)


def _search_text(path: Path, head: bytes, search: Search) -> None:
    if documents.is_json(path):
        documents.search_json(path, search)
    elif documents.is_xml(path, head):
        documents.search_xml(path, search)
    elif table_files.is_table(path, head):
        table_files.search_table(path, search)
    else:
        text_files.search_lines(path, search)


def _search_plainly(path: Path, head: bytes, search: Search) -> None:
    try:
        if text_files.is_text(head):
            text_files.search_lines(path, search)
        else:
            text_files.search_known_bytes(path, search)
    except OSError as error:
        search.note(f"cannot be read to its end ({_reason(error)})")


def _reason(error: BaseException) -> str:
    if isinstance(error, BadInput):
        return f"found {error.found}"
    return getattr(error, "strerror", None) or type(error).__name__
