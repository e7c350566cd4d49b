"""What files of pictures and weights say beside their samples: DICOM, NIfTI, PNG, JPEG, safetensors."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardiolens.cohorts.audit.documents import search_values
from cardiolens.cohorts.audit.search import Search
from cardiolens.formats.dicom.elements import silence_pydicom

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
"""How such files begin."""

_MOST_TEXT_BYTES = 1 << 20
_MOST_HEADER_BYTES = 100 << 20
_TEXT_CHUNKS = {b"tEXt", b"zTXt", b"iTXt", b"eXIf"}
_MOST_CHUNKS = 100_000
_DEEPEST = 16
_EDF_HEADER_BYTES = 256
_NIFTI = {
    348: ((4, 10, "data_type"), (14, 18, "db_name"), (148, 80, "descrip"), (228, 24, "aux_file"), (328, 16, "intent_name")),
    540: ((240, 80, "descrip"), (320, 24, "aux_file"), (508, 16, "intent_name")),
}
_DICOM_DAMAGE = (AttributeError, KeyError, TypeError, ValueError, NotImplementedError, OverflowError, struct.error)


def search_dicom(path: Path, search: Search) -> None:
    """Every element before the pixels, those of sequences too.

    Raises:
        ValueError: the file is damaged.
    """
    from pydicom import dcmread
    from pydicom.errors import BytesLengthException, InvalidDicomError

    silence_pydicom()
    try:
        dataset = dcmread(path, stop_before_pixels=True)
    except (InvalidDicomError, BytesLengthException, EOFError, *_DICOM_DAMAGE) as error:
        raise ValueError("damaged") from error
    for part in (getattr(dataset, "file_meta", None), dataset):
        if part is not None:
            _search_elements(part, (), search)


def is_nifti(head: bytes) -> bool:
    """Whether the first bytes, unpacked, are the header of a NIfTI or Analyze file."""
    return any(int.from_bytes(head[:4], order) in _NIFTI for order in ("little", "big")) and len(head) >= 348


def search_nifti(path: Path, search: Search, *, packed: bool) -> None:
    """The texts of the header, and whatever stands between it and the samples."""
    with gzip.open(path) if packed else path.open("rb") as file:
        head = file.read(540)
        order = "<" if int.from_bytes(head[:4], "little") in _NIFTI else ">"
        size = struct.unpack(f"{order}i", head[:4])[0]
        begins = struct.unpack_from(f"{order}f", head, 108)[0] if size == 348 else struct.unpack_from(f"{order}q", head, 168)[0]
        between = int(min(max(begins, 0), _MOST_TEXT_BYTES)) if begins == begins else 0
        extension = (head + file.read(max(0, between - len(head))))[size : max(size, between)]
    for start, length, name in _NIFTI[size]:
        text = head[start : start + length].split(b"\0")[0].decode("latin-1")
        search.field((name,), text, f"header field {name}", known_too=True)
    search.text(extension.replace(b"\0", b" "), "header extension")


def is_edf(head: bytes) -> bool:
    """Whether the first bytes are the header of an EDF or BDF file."""
    return head.startswith((b"0       ", b"\xffBIOSEMI")) and len(head) >= _EDF_HEADER_BYTES


def search_edf(head: bytes, search: Search) -> None:
    """Patient and recording, of EDF+ by part: the patient's code, sex, birth date and name."""
    patient, recording = (head[start : start + 80].decode("latin-1").strip() for start in (8, 88))
    for name, part in zip(("patient_id", "sex", "birth_date", "patient_name"), patient.split(maxsplit=3), strict=False):
        search.field((name,), part.replace("_", " "), f"header field {name}", known_too=False)
    search.possible_in(f"patient id {patient}".encode(), lambda _: "header field patient")
    search.possible_in(recording.encode(), lambda _: "header field recording")


def search_png(path: Path, search: Search) -> None:
    """The texts that stand beside the picture."""
    with path.open("rb") as file:
        file.seek(len(PNG))
        for _ in range(_MOST_CHUNKS):
            head = file.read(8)
            if len(head) < 8:
                return
            length, name = struct.unpack(">I4s", head)
            if name in _TEXT_CHUNKS:
                keyword, text = _chunk_text(name, file.read(min(length, _MOST_TEXT_BYTES)))
                search.field((keyword,), text, f"text chunk {keyword}", known_too=True)
                length = max(0, length - _MOST_TEXT_BYTES)
            file.seek(length + 4, 1)


def search_jpeg(path: Path, search: Search) -> None:
    """The segments of comments and metadata before the picture."""
    with path.open("rb") as file:
        file.seek(2)
        for _ in range(_MOST_CHUNKS):
            head = file.read(4)
            if len(head) < 4 or head[0] != 0xFF or head[1] == 0xDA:
                return
            content = file.read(max(0, int.from_bytes(head[2:], "big") - 2))
            if head[1] == 0xFE or 0xE1 <= head[1] <= 0xEF:
                search.text(content.replace(b"\0", b" "), "metadata")


def is_safetensors(path: Path, head: bytes) -> bool:
    """Whether the file is one of weights."""
    return path.suffix.lower() == ".safetensors" and head[8:9] == b"{"


def search_safetensors(path: Path, search: Search) -> None:
    """The header: names of tensors and what is said beside them."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > _MOST_HEADER_BYTES:
            search.note("a header of more than 100 MB; not searched")
            return
        search_values(json.loads(file.read(size)), search)


def _search_elements(dataset: Dataset, outer: tuple[str, ...], search: Search) -> None:
    from pydicom.errors import BytesLengthException

    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
            name = element.keyword or f"({tag.group:04X},{tag.element:04X})"
            for value in _parts(element):
                if element.VR == "SQ":
                    if len(outer) < _DEEPEST:
                        _search_elements(value, (*outer, name), search)
                else:
                    _search_value(element.VR, (*outer, name), value, search)
        except (BytesLengthException, *_DICOM_DAMAGE) as error:
            search.note(f"tag {tag} cannot be read ({type(error).__name__}); searched for known numbers only")
            raw = dataset.get_item(tag).value
            if isinstance(raw, bytes):
                search.known_in(raw, lambda _, tag=tag: f"tag {tag}")


def _parts(element: DataElement) -> list[Any]:
    return list(element.value) if element.VR == "SQ" or element.VM > 1 else [element.value]


def _search_value(kind: str, path: tuple[str, ...], value: Any, search: Search) -> None:
    place = f"tag {'.'.join(path)}"
    if isinstance(value, bytes):
        # Scanners keep their settings there, with numbers of seven digits that are nobody's.
        search.known_in(value, lambda _: place)
    elif kind == "PN":
        # Whatever the tag is called, a person's name is what it holds.
        search.field(("patient_name",), str(value).rstrip("^="), place, known_too=True)
    elif value is not None and kind not in {"UI", "DS", "FD", "FL"}:
        search.field(path, str(value), place, known_too=True)
    elif kind == "UI":
        search.known_in(str(value).encode(), lambda _: place)


def _chunk_text(name: bytes, content: bytes) -> tuple[str, str]:
    """Keyword and text of a chunk; what cannot be unpacked stays as it is."""
    if name == b"eXIf":
        return "eXIf", content.replace(b"\0", b" ").decode("latin-1")
    keyword, _, rest = content.partition(b"\0")
    if name == b"zTXt":
        rest = _inflated(rest[1:])
    elif name == b"iTXt":
        # Two flags, then language and translated keyword, each up to a NUL.
        text = rest[2:].split(b"\0", 2)[-1]
        rest = _inflated(text) if rest[:1] == b"\1" else text
    return keyword.decode("latin-1"), rest.decode("utf-8", "replace")


def _inflated(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed, _MOST_TEXT_BYTES)
    except zlib.error:
        return packed
