"""Parquet tables, one row per sample and one flat column of numbers per lead.

Rate, unit and leads follow the contract in `table.columns`. What the columns unpack to is bounded before any is unpacked,
in `table.parquet_footer`.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from cardiolens.errors import BadRecording
from cardiolens.formats.bounds import read_bounded
from cardiolens.formats.declaration import Declaration
from cardiolens.formats.table.columns import shown_name, understood_columns
from cardiolens.formats.table.parquet_footer import MAGIC, read_footer
from cardiolens.types import Recording

if TYPE_CHECKING:
    from pyarrow import DataType

NAME = "Parquet table"
NEEDS_DECLARATION = True

_ROWS_AT_ONCE = 1 << 16


def sniff(path: Path, head: bytes) -> bool:
    """Whether the first bytes are those of a Parquet file."""
    return head.startswith(MAGIC)


def read(path: Path, declared: Declaration) -> Recording:
    """The leads of the table in mV; null is a missing sample.

    Raises:
        BadRecording: what `read_footer`, `understood_columns` and its `recording` refuse; a damaged file; a lead's column
            that comes twice or holds no numbers; columns that unpack to more than their rows can need.
    """
    content = read_bounded(path)
    footer = read_footer(path, content)
    columns = understood_columns(path, footer.names, len(footer.names), declared)
    wanted = [footer.names[place] for place in columns.places]
    num_of_name = Counter(footer.names)
    if twice := [name for name in wanted if num_of_name[name] > 1]:
        raise BadRecording(
            path,
            found=f"column {shown_name(twice[0])} twice",
            expected="each name once",
            remedy="remove or rename one of the two",
        )
    footer.refuse_what_would_burst(path, content, columns.places)
    return columns.recording(path, _values(path, content, wanted), declared)


def _values(path: Path, content: bytes, wanted: list[str]) -> Float[np.ndarray, "column time"]:
    import pyarrow
    from pyarrow.parquet import ParquetFile

    blocks = [np.zeros((len(wanted), 0))]
    try:
        file = ParquetFile(pyarrow.BufferReader(content), pre_buffer=False, page_checksum_verification=True)
        for name in wanted:
            _refuse_other_kinds(path, name, file.schema_arrow.field(name).type)
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=wanted, use_threads=False):
            numbers = [batch.column(name).to_numpy(zero_copy_only=False) for name in wanted]
            with np.errstate(invalid="ignore"):  # a signalling NaN is a missing sample like any other
                blocks.append(np.stack([column.astype(np.float64) for column in numbers]))
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, MemoryError) as error:
        raise BadRecording(
            path,
            found=f"a damaged Parquet file ({type(error).__name__})",
            expected="columns that can be unpacked",
            remedy="write the table again",
        ) from error
    return np.concatenate(blocks, axis=1)


def _refuse_other_kinds(path: Path, name: str, kind: DataType) -> None:
    from pyarrow.types import is_floating, is_integer

    if not (is_floating(kind) or is_integer(kind)):
        raise BadRecording(
            path,
            found=f"column {shown_name(name)} of {shown_name(str(kind))}",
            expected="numbers, one row per sample",
            remedy="write one flat column of numbers per lead",
        )
