"""Predictions: the one table that every metric, table and figure is made from.

One row is what one run says about one column of one subject. `target` is NaN where it is unknown. `score` is the
probability or logit of the positive class, or the predicted value in the column's unit. Subjects are keyed hashes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cardiolens.atomic import write_atomically
from cardiolens.errors import BadRun

SCHEMA_VERSION = 1
_SCHEMA_KEY = b"cardiolens_predictions"

NAME_COLUMNS = ("run", "method", "task", "column", "split", "subject")
COLUMNS = ("run", "method", "seed", "task", "column", "split", "subject", "target", "score")
_IDENTITY = ("method", "seed", "task", "column", "split", "subject")

_HASH = re.compile(r"[0-9a-f]{8,64}")
_SEVEN_DIGITS = re.compile(r"(?<!\d)\d{7}(?!\d)")


def check_predictions(predictions: pd.DataFrame, *, source: str | Path = "predictions") -> pd.DataFrame:
    """The same rows with the columns in order: names as categories, `seed` int64, `target` and `score` float64.

    Raises:
        BadRun: a column is missing, unknown or of another type; the table is empty; a score is not finite or a target
            infinite; a name is missing; two rows say the same thing; a subject looks like a participant's number.
    """
    _refuse_other_columns(predictions, source)
    if predictions.empty:
        raise _bad(source, found="no rows", expected="one row per column and subject")
    # Columns are shared with the given table, not copied: a study's predictions fill a gigabyte.
    checked = pd.DataFrame({name: _typed(predictions[name], source) for name in COLUMNS}, copy=False)
    if not np.isfinite(checked["score"]).all():
        raise _bad(source, found="scores that are not finite", expected="a finite score in every row")
    if np.isinf(checked["target"]).any():
        raise _bad(source, found="infinite targets", expected="finite targets, NaN where unknown")
    if looks_like_participants(checked["subject"].cat.categories):
        raise BadRun(
            source,
            found="participants' numbers in the column 'subject'",
            expected="keyed hashes",
            remedy="write the predictions again from a prepared cohort, which holds hashes only",
        )
    if _repeats(checked):
        raise _bad(
            source,
            found="two rows for the same method, seed, task, column, split and subject",
            expected="one; give runs of one method different seeds or method names",
        )
    return checked


def looks_like_participants(names: Sequence[str] | pd.Index) -> bool:
    """Whether some name holds a free-standing number of seven digits, as UK Biobank numbers its participants.

    A keyed hash may hold one by chance: hexadecimal names of eight digits and more are no suspects.
    """
    return any(_SEVEN_DIGITS.search(name) and not _HASH.fullmatch(name) for name in names)


def concat_predictions(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Several tables as one, checked; rows keep their order.

    Raises:
        BadRun: as `check_predictions`; two tables that repeat each other's rows are refused too.
    """
    if not tables:
        raise _bad("predictions", found="no tables", expected="at least one")
    checked = [check_predictions(table) for table in tables]
    # By categories and not by texts: a study's predictions would fill many times their size.
    columns = {
        name: pd.api.types.union_categoricals([table[name] for table in checked])
        if name in NAME_COLUMNS
        else np.concatenate([table[name].to_numpy() for table in checked])
        for name in COLUMNS
    }
    return check_predictions(pd.DataFrame(columns, copy=False))


def write_predictions(predictions: pd.DataFrame, path: Path) -> Path:
    """Check the table and store it as parquet, atomically, with its schema version; missing folders are made.

    Raises:
        BadRun: as `check_predictions`.
        NoSpace: the disk is full.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(check_predictions(predictions, source=path), preserve_index=False)
    stamped = table.replace_schema_metadata({**(table.schema.metadata or {}), _SCHEMA_KEY: str(SCHEMA_VERSION).encode()})
    sink = pa.BufferOutputStream()
    pq.write_table(stamped, sink, compression="zstd")
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_atomically(path, sink.getvalue().to_pybytes())


def read_predictions(path: Path) -> pd.DataFrame:
    """The checked table that `write_predictions` stored.

    Raises:
        BadRun: the file is missing, damaged, of another schema version or does not hold predictions.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        found = "no such file" if isinstance(error, FileNotFoundError) else "a file that is not whole parquet"
        raise _bad(path, found=found, expected="predictions") from error
    version = (table.schema.metadata or {}).get(_SCHEMA_KEY, b"none").decode()
    if version != str(SCHEMA_VERSION):
        raise _bad(path, found=f"schema version {version}", expected=f"schema version {SCHEMA_VERSION}")
    return check_predictions(table.to_pandas(split_blocks=True, self_destruct=True), source=path)


def _refuse_other_columns(predictions: pd.DataFrame, source: str | Path) -> None:
    missing = [name for name in COLUMNS if name not in predictions.columns]
    unknown = [str(name) for name in predictions.columns if name not in COLUMNS]
    if missing or unknown or len(predictions.columns) != len(COLUMNS):
        found = " and ".join(
            f"{what} {', '.join(names)}" for what, names in (("no column", missing), ("unknown column", unknown)) if names
        )
        raise _bad(source, found=found or "a column twice", expected=f"the columns {', '.join(COLUMNS)}")


def _typed(column: pd.Series, source: str | Path) -> pd.Series:
    name = str(column.name)
    column = column.reset_index(drop=True)
    if name in NAME_COLUMNS:
        category = column.astype("category")
        codes = category.cat.codes.to_numpy()
        if codes.min() < 0 or not all(isinstance(entry, str) and entry for entry in category.cat.categories):
            raise _bad(source, found=f"entries of '{name}' that are no text", expected="a text in every row")
        used = np.bincount(codes, minlength=len(category.cat.categories)) > 0
        return category if used.all() else category.cat.remove_unused_categories()
    wanted = np.int64 if name == "seed" else np.float64
    if not pd.api.types.is_numeric_dtype(column) or (wanted is np.int64 and not pd.api.types.is_integer_dtype(column)):
        raise _bad(source, found=f"'{name}' of type {column.dtype}", expected=np.dtype(wanted).name)
    return column.astype(wanted)


def _repeats(checked: pd.DataFrame) -> bool:
    row = np.zeros(len(checked), dtype=np.int64)
    for name in _IDENTITY:
        if name in NAME_COLUMNS:
            codes, count = checked[name].cat.codes.to_numpy(), len(checked[name].cat.categories)
        else:
            codes, values = pd.factorize(checked[name])
            count = len(values)
        row = row * count + codes
    # Sorting in place is several times faster here than looking for distinct values by hashing.
    row.sort()
    return bool((row[1:] == row[:-1]).any())


def _bad(source: str | Path, *, found: str, expected: str) -> BadRun:
    return BadRun(source, found=found, expected=expected, remedy="make the predictions again with `cardiolens evaluate`")
