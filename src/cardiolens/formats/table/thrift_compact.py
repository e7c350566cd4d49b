"""Thrift's compact protocol: the structures that a Parquet file describes itself by, without knowing their names.

Bounded by the bytes it is given: no count is trusted, nothing is allocated for a promise, and nesting ends early. A field
that comes twice or out of order is refused, since two readers could then see two values.
"""

from __future__ import annotations

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _MAP, _STRUCT = 1, 2, 3, 7, 8, 11, 12
_INTEGERS = (4, 5, 6)
_LISTS = (9, 10)
_DEEPEST = 12
_LONGEST_NUMBER = 10


def read_struct(content: bytes | memoryview, place: int, depth: int = _DEEPEST) -> tuple[dict[int, object], int]:
    """The fields of the structure at `place` by number, and where it ends.

    Whole numbers are int, texts bytes, lists lists, structures dicts; floating-point numbers and maps are passed over, as None.

    Raises:
        ValueError: it is no such structure, or it does not end within `content`.
    """
    if depth == 0:
        raise ValueError("nested too deeply")
    fields: dict[int, object] = {}
    last = 0
    while head := _byte(content, place):
        place += 1
        if head >> 4:
            number = last + (head >> 4)
        else:
            number, place = _integer(content, place)
        if number <= last:
            raise ValueError("a field out of order")
        last = number
        kind = head & 15
        if kind in (_TRUE, _FALSE):
            fields[number] = kind == _TRUE
        else:
            fields[number], place = _value(content, place, kind, depth - 1)
    return fields, place + 1


def _value(content: bytes | memoryview, place: int, kind: int, depth: int) -> tuple[object, int]:
    if kind in (_TRUE, _FALSE, _BYTE):
        return _byte(content, place), place + 1
    if kind in _INTEGERS:
        return _integer(content, place)
    if kind == _DOUBLE:
        return None, place + 8
    if kind == _BINARY:
        length, place = _varint(content, place)
        if length > len(content) - place:
            raise ValueError("a text that is cut off")
        return content[place : place + length], place + length
    if kind == _STRUCT:
        return read_struct(content, place, depth)
    if kind in _LISTS:
        return _list(content, place, depth)
    if kind == _MAP:
        return _map(content, place, depth)
    raise ValueError("a field of unknown kind")


def _list(content: bytes | memoryview, place: int, depth: int) -> tuple[list[object], int]:
    head, place = _byte(content, place), place + 1
    count = head >> 4
    if count == 15:
        count, place = _varint(content, place)
    if depth == 0 or count > len(content) - place:
        raise ValueError("a list that is cut off or nested too deeply")
    values = []
    for _ in range(count):
        value, place = _value(content, place, head & 15, depth - 1)
        values.append(value)
    return values, place


def _map(content: bytes | memoryview, place: int, depth: int) -> tuple[None, int]:
    count, place = _varint(content, place)
    if count == 0:
        return None, place
    kinds, place = _byte(content, place), place + 1
    if depth == 0 or count > len(content) - place:
        raise ValueError("a map that is cut off or nested too deeply")
    for _ in range(count):
        for kind in (kinds >> 4, kinds & 15):
            _, place = _value(content, place, kind, depth - 1)
    return None, place


def _integer(content: bytes | memoryview, place: int) -> tuple[int, int]:
    zigzag, place = _varint(content, place)
    return (zigzag >> 1) ^ -(zigzag & 1), place


def _varint(content: bytes | memoryview, place: int) -> tuple[int, int]:
    number = 0
    for shift in range(_LONGEST_NUMBER):
        byte = _byte(content, place + shift)
        number |= (byte & 127) << (7 * shift)
        if byte < 128:
            return number, place + shift + 1
    raise ValueError("a number without end")


def _byte(content: bytes | memoryview, place: int) -> int:
    if place >= len(content):
        raise ValueError("cut off")
    return content[place]
