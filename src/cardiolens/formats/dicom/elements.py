"""The data elements of a DICOM file that are asked for, as pydicom finds them and with their values still in bytes.

Values are left in bytes because pydicom, when it converts one, warns by quoting it, and a value may be a patient's. Bounded
here: the file, what a deflated one inflates to, and the number of elements. Nothing is read beyond the pixels.
"""

from __future__ import annotations

import io
import math
import struct
import warnings
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from cardiolens.errors import BadRecording
from cardiolens.formats.bounds import read_bounded, shown

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MOST_BYTES = 36 << 20
"""Of a data set: as many samples of 16 bits as are ever read, and room for what is said about them."""

MOST_ELEMENTS = 20_000
"""Of the data set itself, and as many items of its sequences: pydicom makes an object of each. A 12-lead ECG with a hundred
annotations has 2,000."""

DEEPEST = 16
"""Sequences within sequences; an ECG has three."""

_PREAMBLE = 128
_MARK = b"DICM"
_META_BYTES = 1 << 16
_META_CLASS, _META_SYNTAX, _CHARACTER_SET = 0x00020002, 0x00020010, 0x00080005
_ITEM_LITTLE, _ITEM_BIG = b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00"
_UNDEFINED = 0xFFFFFFFF
_FIRST_PIXELS = 0x7FE00000
_DEFLATED = "1.2.840.10008.1.2.1.99"
_IMPLICIT, _BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
_SYNTAXES = {_IMPLICIT, _BIG_ENDIAN, _DEFLATED, "1.2.840.10008.1.2.1"}
# What pydicom lets through where a file is damaged; it has no error of its own for most of it.
_DAMAGE = (
    EOFError, struct.error, ValueError, KeyError, IndexError, AttributeError, TypeError, AssertionError, NotImplementedError,
    OverflowError, RecursionError, OSError,
)  # fmt: skip


@dataclass(frozen=True)
class Item:
    """A data set, or an item of a sequence in one. An element that is absent reads as one that is empty."""

    values: Mapping[int, bytes]
    sequences: Mapping[int, tuple[Item, ...]]
    byte_order: str
    codec: str = "ascii"
    """Of text."""

    def text(self, tag: int) -> str:
        """The words of a text, or ""."""
        return " ".join(self.values.get(tag, b"").decode(self.codec, "replace").replace("\0", " ").split())

    def number(self, tag: int) -> float | None:
        """A number written in digits, or None where there is none."""
        try:
            number = float(self.text(tag))
        except ValueError:
            return None
        return number if math.isfinite(number) else None

    def integers(self, tag: int, size: int) -> tuple[int, ...]:
        """Unsigned integers of `size` bytes each."""
        value = self.values.get(tag, b"")
        order = "little" if self.byte_order == "<" else "big"
        whole = len(value) - len(value) % size
        return tuple(int.from_bytes(value[at : at + size], order) for at in range(0, whole, size))

    def items(self, tag: int) -> tuple[Item, ...]:
        """The items of a sequence."""
        return self.sequences.get(tag, ())

    def first(self, tag: int) -> Item:
        """The only item of a sequence, or one that holds nothing."""
        return next(iter(self.items(tag)), Item({}, {}, self.byte_order))


@dataclass(frozen=True)
class FileMeta:
    """What stands before the data set."""

    sop_class: str
    """The UID of what the file is: an MR image, a 12-lead ECG."""

    syntax: str
    """The UID of how the data set is encoded."""

    end: int
    """Where the data set begins."""


def is_dicom(head: bytes) -> bool:
    """Whether the first bytes are those of a DICOM file."""
    return head[_PREAMBLE : _PREAMBLE + len(_MARK)] == _MARK


def read_meta(path: Path) -> FileMeta:
    """What the file is, from its first 64 KiB: nobody waits for an image to be read only to be told that it is no ECG.

    Raises:
        BadRecording: the head is damaged.
    """
    with path.open("rb") as file:
        head = file.read(_META_BYTES)
    content = io.BytesIO(head[_PREAMBLE + len(_MARK) :])
    tags = _Tags(frozenset({_META_CLASS, _META_SYNTAX}), frozenset(), "<")
    data_set = _parsed(path, content, tags, implicit=False, stop=lambda tag: tag >> 16 != 2)
    meta = _item(path, data_set, tags, depth=0, codec="ascii")
    return FileMeta(meta.text(_META_CLASS), meta.text(_META_SYNTAX), _PREAMBLE + len(_MARK) + content.tell())


def read_data_set(path: Path, meta: FileMeta, values: Collection[int], sequences: Collection[int]) -> Item:
    """The wanted elements, wherever they stand, up to any pixels.

    Raises:
        BadRecording: a transfer syntax that ECGs do not use, more than 36 MiB (inflated, where it is deflated), more than
            20,000 elements or items, or a file that is cut off or whose lengths do not fit into one another.
    """
    if meta.syntax not in _SYNTAXES:
        _refuse(path, f"transfer syntax {shown(meta.syntax) or 'missing'}", "an uncompressed or deflated data set")
    content = read_bounded(path, MOST_BYTES)[meta.end :]
    if meta.syntax == _DEFLATED:
        content = _inflated(path, content)
    little = meta.syntax != _BIG_ENDIAN
    if content.count(_ITEM_LITTLE if little else _ITEM_BIG) > MOST_ELEMENTS:
        _refuse(path, f"more than {MOST_ELEMENTS} items", "an ECG")
    tags = _Tags(frozenset({*values, _CHARACTER_SET}), frozenset(sequences), "<" if little else ">")
    implicit = meta.syntax == _IMPLICIT
    data_set = _parsed(path, io.BytesIO(content), tags, implicit=implicit, stop=lambda tag: tag >= _FIRST_PIXELS)
    return _item(path, data_set, tags, depth=0, codec="ascii")


def _inflated(path: Path, content: bytes) -> bytes:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = inflate.decompress(content, MOST_BYTES + 1)
    except zlib.error as error:
        _refuse(path, f"a deflated data set that cannot be inflated ({error})", "the whole file")
    if len(plain) > MOST_BYTES or not inflate.eof:
        found = f"of more than {MOST_BYTES >> 20} MiB" if len(plain) > MOST_BYTES else "cut off"
        _refuse(path, f"a deflated data set {found}", "the whole of an ECG of a few minutes")
    return plain


@dataclass(frozen=True)
class _Tags:
    """What is asked for, and in which byte order it stands."""

    values: frozenset[int]
    sequences: frozenset[int]
    byte_order: str


def _parsed(path: Path, content: io.BytesIO, tags: _Tags, *, implicit: bool, stop: Callable[[int], bool]) -> Dataset:
    from pydicom.filereader import read_dataset
    from pydicom.tag import Tag

    left = MOST_ELEMENTS

    def stop_when(tag: int, _kind: str | None, _length: int) -> bool:
        nonlocal left
        left -= 1
        if left < 0:
            _refuse(path, f"more than {MOST_ELEMENTS} elements", "an ECG")
        return stop(tag)

    wanted = [Tag(tag) for tag in tags.values | tags.sequences]
    silence_pydicom()
    try:
        return read_dataset(content, implicit, tags.byte_order == "<", stop_when=stop_when, specific_tags=wanted)
    except _DAMAGE as error:
        _refuse_damaged(path, error)


def _item(path: Path, data_set: Dataset, tags: _Tags, *, depth: int, codec: str) -> Item:
    """A data set of pydicom's as bytes by tag; sequences that are not wanted are never opened."""
    if depth > DEEPEST:
        _refuse(path, f"sequences more than {DEEPEST} deep", "a whole DICOM file")
    values: dict[int, bytes] = {}
    nested: dict[int, tuple[Item, ...]] = {}
    try:
        if _CHARACTER_SET in data_set:
            codec = _codec(_bytes(path, data_set, _CHARACTER_SET))
        for tag in map(int, data_set.keys()):
            if tag in tags.sequences:
                items = data_set[tag].value or ()
                nested[tag] = tuple(_item(path, item, tags, depth=depth + 1, codec=codec) for item in items)
            elif tag in tags.values:
                values[tag] = _bytes(path, data_set, tag)
    except _DAMAGE as error:
        _refuse_damaged(path, error)
    return Item(values, nested, tags.byte_order, codec)


def _bytes(path: Path, data_set: Dataset, tag: int) -> bytes:
    element = data_set.get_item(tag)
    value = element.value if isinstance(element.value, bytes) else b""
    if getattr(element, "length", _UNDEFINED) not in {_UNDEFINED, len(value)}:
        _refuse(path, "a file that is cut off", "a whole DICOM file")
    return value


def silence_pydicom() -> None:
    """Its warnings on how a file is encoded help nobody; a filter that is there already is not added again."""
    warnings.filterwarnings("ignore", category=UserWarning, module=r"pydicom\.")


def _codec(names: bytes) -> str:
    """Python's name of the last of the character sets: one that extends the others."""
    from pydicom.charset import python_encoding

    return python_encoding.get(names.decode("ascii", "replace").strip(" \0").rpartition("\\")[2], "ascii")


def _refuse_damaged(path: Path, error: Exception) -> NoReturn:
    raise BadRecording(
        path,
        found=f"a damaged DICOM file ({type(error).__name__})",
        expected="a whole DICOM file",
        remedy="export the ECG again from the archive",
    ) from error


def _refuse(path: Path, found: str, expected: str) -> NoReturn:
    raise BadRecording(path, found=found, expected=expected, remedy="export the ECG again from the archive")
