"""NumPy arrays (.npy): plain numbers whose rate, unit and leads the user declares.

The header of such a file is Python text. It is searched for its three fields and never evaluated, and nothing is unpickled.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import NoReturn

import numpy as np

from cardiolens.errors import BadRecording
from cardiolens.formats.bounds import LONGEST_TEXT, read_bounded, refuse_too_many_samples
from cardiolens.formats.declaration import Declaration
from cardiolens.formats.table.columns import NAME_THE_LEADS, understood_columns
from cardiolens.privacy import hide_participants
from cardiolens.types import Recording

NAME = "NumPy array (.npy)"
NEEDS_DECLARATION = True

_MAGIC = b"\x93NUMPY"
# Major version to the bytes of the header's length.
_LENGTH_BYTES = {1: 2, 2: 4, 3: 4}
_LONGEST_HEADER = 4096
_PLAIN_NUMBER = re.compile(r"[<>|](?:f[248]|[iu][1248])")


def sniff(path: Path, head: bytes) -> bool:
    """Whether the first bytes are those of a NumPy array."""
    return head.startswith(_MAGIC)


def read(path: Path, declared: Declaration) -> Recording:
    """The array in mV, with one of its two axes as long as there are declared leads.

    Raises:
        BadRecording: a header that is not understood or does not fit the file; anything but two axes of plain numbers; no
            axis, or both, as long as there are leads; what `understood_columns` and its `recording` refuse.
    """
    content = read_bounded(path)
    start, number, shape, column_major = _layout(path, content)
    num_leads = len(declared.leads)
    shown = " x ".join(map(str, shape[:8])) or "no axis"
    if not num_leads:
        _refuse(path, f"an array of {shown} whose leads have no names", "declared leads", NAME_THE_LEADS)
    if len(shape) != 2 or num_leads not in shape:
        _refuse(path, f"an array of {shown}", f"{num_leads} leads by samples", f"save one ECG per file, and {NAME_THE_LEADS}")
    if shape == (num_leads, num_leads):
        _refuse(path, f"an array of {shown}", "one axis for leads, a longer one for samples", "cut out more samples")
    refuse_too_many_samples(path, num_leads, math.prod(shape) // num_leads)
    columns = understood_columns(path, None, num_leads, declared)
    values = np.frombuffer(content, number, math.prod(shape), start).reshape(shape, order="F" if column_major else "C")
    by_lead = values if shape[0] == num_leads else values.T
    with np.errstate(invalid="ignore"):  # a signalling NaN is a missing sample like any other
        chosen = by_lead[list(columns.places)].astype(np.float64)
    return columns.recording(path, chosen, declared)


def _layout(path: Path, content: bytes) -> tuple[int, np.dtype, tuple[int, ...], bool]:
    """Where the numbers begin, what they are, the shape, and whether the first axis runs fastest."""
    width = _LENGTH_BYTES.get(content[6]) if len(content) > 12 else None
    if width is None:
        _refuse(path, "a header cut off or of another version", "version 1 to 3", "save the array again by numpy.save")
    start = 8 + width + int.from_bytes(content[8 : 8 + width], "little")
    if start > min(len(content), _LONGEST_HEADER):
        _refuse(path, f"a header up to byte {start}", f"one within {_LONGEST_HEADER} bytes", "save a plain array of numbers")
    header = content[8 + width : start].decode("latin-1")
    number = re.search(r"'descr': *'([^']*)'", header)
    shape = re.search(r"'shape': *\(([\d, ]{0,200})\)", header)
    order = re.search(r"'fortran_order': *(True|False)", header)
    if number is None or _PLAIN_NUMBER.fullmatch(number[1]) is None:
        kind = hide_participants(number[1][:LONGEST_TEXT]) if number else "records or objects"
        _refuse(path, f"an array of {kind}", "floating-point or whole numbers", "save the samples alone, as float32")
    if shape is None or order is None:
        _refuse(path, "a header without shape or order", "both", "save the array again by numpy.save")
    axes = tuple(int(axis) for axis in shape[1].replace(" ", "").split(",") if axis)
    kind = np.dtype(number[1])
    if len(content) - start != math.prod(axes) * kind.itemsize:
        found = f"{len(content) - start} bytes of numbers"
        _refuse(path, found, f"those of {' x '.join(map(str, axes[:8]))[:LONGEST_TEXT]}", "copy the file again: it is cut off")
    return start, kind, axes, order[1] == "True"


def _refuse(path: Path, found: str, expected: str, remedy: str) -> NoReturn:
    raise BadRecording(path, found=found, expected=expected, remedy=remedy)
