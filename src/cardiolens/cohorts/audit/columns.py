"""Parquet tables and NumPy arrays: every column and field, some rows at a time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Shaped

from cardiolens.cohorts.audit.field_names import Meaning, meaning
from cardiolens.cohorts.audit.field_values import person_in
from cardiolens.cohorts.audit.search import Search
from cardiolens.cohorts.audit.whole_numbers import search_integers

if TYPE_CHECKING:
    from pyarrow import Array

PARQUET, NUMPY = b"PAR1", b"\x93NUMPY"
"""How such files begin."""

_ROWS_AT_ONCE, _COLUMNS_AT_ONCE, _VALUES_AT_ONCE = 1 << 15, 64, 1 << 21
_FEWEST_BYTES = 4


def search_parquet(path: Path, search: Search) -> None:
    """Names of columns, what the table says of itself, and all values, some rows at a time."""
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path, memory_map=False) as file:
        for key, value in (file.metadata.metadata or {}).items():
            if key != b"ARROW:schema":  # base64 of what the columns' names say again
                search.text(value, f"metadata {key.decode('utf-8', 'replace')}")
        for name in file.schema_arrow.names:
            search.text(name.encode(), "name of a column")
        names = list(dict.fromkeys(file.schema_arrow.names))
        for start in range(0, len(names), _COLUMNS_AT_ONCE):
            some = names[start : start + _COLUMNS_AT_ONCE]
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=some, use_threads=False):
                for name, values in zip(batch.schema.names, batch.columns, strict=True):
                    for names_around, flat in _flat((name,), values):
                        _search_column(names_around, flat, search)


def search_array(path: Path, search: Search) -> None:
    """Whole numbers and texts of an array, and those of its named fields; fractions are samples. Nothing is unpickled.

    Raises:
        ValueError: the file is damaged, or holds Python objects.
    """
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # on arrays of old versions
            values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (TokenError, SyntaxError, TypeError, IndexError) as error:  # numpy reads the header as Python text
        raise ValueError("damaged") from error
    for name in values.dtype.names or ("",):
        _search_numbers(values[name] if name else values, name, search)


def _search_numbers(values: Shaped[np.ndarray, "..."], name: str, search: Search) -> None:
    place = f"field {name}" if name else "values"
    flat = values.ravel(order="K")
    for start in range(0, flat.size, _VALUES_AT_ONCE):
        part = np.asarray(flat[start : start + _VALUES_AT_ONCE])
        if part.dtype.kind in "iu" and part.dtype.itemsize >= _FEWEST_BYTES:
            search_integers((name,), part, place, search)
        elif part.dtype.kind in "US":
            for text in np.unique(part).tolist():
                search.field((name,), text if isinstance(text, str) else text.decode("latin-1"), place, known_too=True)


def _flat(path: tuple[str, ...], values: Array) -> Iterator[tuple[tuple[str, ...], Array]]:
    """Columns inside columns one by one."""
    from pyarrow import ExtensionArray, types

    kind = values.type
    if isinstance(values, ExtensionArray):
        yield from _flat(path, values.storage)
    elif types.is_dictionary(kind):
        yield from _flat(path, values.dictionary_decode())
    elif types.is_struct(kind):
        for part, inner in zip(kind, values.flatten(), strict=True):
            yield from _flat((*path, part.name), inner)
    elif types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        yield from _flat(path, values.flatten())
    elif types.is_map(kind):
        yield from _flat(path, values.keys)
        yield from _flat(path, values.items)
    else:
        yield path, values


def _search_column(path: tuple[str, ...], values: Array, search: Search) -> None:
    from pyarrow import types

    kind, place = values.type, f"column {'.'.join(path)}"
    values = values.drop_null()
    if not len(values):
        return
    if types.is_integer(kind) and kind.bit_width >= 8 * _FEWEST_BYTES:
        search_integers(path, values.to_numpy(zero_copy_only=False), place, search)
    elif types.is_floating(kind):
        # A column of numbers with gaps comes as fractions.
        numbers = values.to_numpy(zero_copy_only=False).astype(np.float64)
        whole = numbers[np.isfinite(numbers) & (np.abs(numbers) < 2**53)]
        if len(whole) and (whole == np.rint(whole)).all():
            search_integers(path, whole.astype(np.int64), place, search)
    elif types.is_temporal(kind) or types.is_integer(kind) or types.is_decimal(kind):
        _search_texts(path, values.unique().cast("string").to_pylist(), place, search)
    elif types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind) or types.is_large_binary(kind):
        _search_texts(path, values.unique().to_pylist(), place, search)


def _search_texts(path: tuple[str, ...], values: list[str | bytes], place: str, search: Search) -> None:
    texts = [value if isinstance(value, str) else value.decode("latin-1") for value in values]
    what = meaning(path)
    if what not in {Meaning.PLAIN, Meaning.COUNT}:
        for text in texts:
            kind = person_in(path, text)
            if kind is not None and not search.knows(text):
                search.add(place, kind, text)
    together = "\n".join(texts).encode("utf-8", "surrogateescape")
    search.known_in(together, lambda _: place)
    if what is Meaning.PLAIN:
        search.possible_in(together, lambda _: place)
