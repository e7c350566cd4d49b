"""The published code's labels: whole numbers beside the paired ECGs, two columns in `labelsOneHot`.

Its fine-tuning takes the larger of two columns. A list of whole numbers there is read as class 0 throughout, without a word,
and two columns do not work where whole numbers belong; both are refused here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from cardiolens.cohorts.tensors.file_names import ONE_HOT, TensorFiles
from cardiolens.cohorts.tensors.tensor_file import is_plain, load_tensors, refuse
from cardiolens.cohorts.tensors.tensor_rows import open_ecgs

UNKNOWN = -100
"""A whole number that PyTorch's losses pass over."""
_SAVED_SO = "make it again by torch.save"


@dataclass(frozen=True)
class AlignedLabels:
    """One file's labels of a split's paired ECGs: 0, 1, or NaN where unknown."""

    path: Path
    split: str
    label: str
    values: Float[np.ndarray, " row"]


@dataclass(frozen=True)
class LabelTables:
    """Every label of a folder; small enough to be in memory."""

    aligned: tuple[AlignedLabels, ...]
    balanced: dict[tuple[str, str], Float[np.ndarray, " row"]]
    """Of balanced training sets, by label column and size."""

    @property
    def names(self) -> list[str]:
        """The label columns."""
        return sorted({table.label for table in self.aligned} | set(self.sets))

    @property
    def sets(self) -> tuple[str, ...]:
        """Those that have balanced training sets."""
        return tuple(sorted({label for label, _ in self.balanced}))


def read_label_tables(files: TensorFiles) -> LabelTables:
    """All labels, held against the number of ECGs they belong to.

    Raises:
        BadInput: a file holds something else, or more or fewer rows than its ECGs.
    """
    aligned = [
        AlignedLabels(path, split, label, read(path, files.paired[split]))
        for read, tables in ((read_numbers, files.labels), (read_one_hot, files.one_hot))
        for (split, label), path in tables.items()
    ]
    return LabelTables(tuple(aligned), {key: read_one_hot(path, ecgs) for key, (ecgs, path) in files.balanced.items()})


def read_numbers(path: Path, ecgs: Path) -> Float[np.ndarray, " row"]:
    """Labels as whole numbers: 0, 1, or `UNKNOWN`, which becomes NaN.

    Raises:
        BadInput: anything else, or another number of rows than `ecgs` has.
    """
    stored = _array(path)
    expected = "a list of 0 and 1"
    if stored.ndim == 2 and stored.shape[1] == 2:
        refuse(path, "labels in two columns", expected, f"move it to {ONE_HOT}, where two columns belong")
    _check_rows(path, stored, ecgs, expected, columns=())
    if not np.isin(stored, (0, 1, UNKNOWN)).all():
        refuse(path, f"labels such as {_odd(stored, (0, 1, UNKNOWN))}", f"0, 1, or {UNKNOWN} where unknown", _SAVED_SO)
    return np.where(stored == UNKNOWN, np.nan, stored.astype(np.float64))


def read_one_hot(path: Path, ecgs: Path) -> Float[np.ndarray, " row"]:
    """Labels in two columns, of which exactly one holds a 1.

    Raises:
        BadInput: anything else, or another number of rows than `ecgs` has.
    """
    stored = _array(path)
    expected = "one-hot labels of shape (rows, 2)"
    if stored.ndim == 1:
        found = "one column of labels, which the published code reads as class 0 throughout"
        refuse(path, found, expected, "save torch.nn.functional.one_hot(labels, 2) in its place")
    _check_rows(path, stored, ecgs, expected, columns=(2,))
    if not (np.isin(stored, (0, 1)) & (stored.sum(axis=1, keepdims=True) == 1)).all():
        refuse(path, "rows without exactly one 1", expected, _SAVED_SO)
    return stored[:, 1].astype(np.float64)


def table_of(path: Path) -> Shaped[np.ndarray, "row column"]:
    """Numbers in rows and columns.

    Raises:
        BadInput: the file holds something else.
    """
    stored = _array(path)
    if stored.ndim != 2:
        refuse(path, f"numbers of shape {stored.shape}", "rows and columns", _SAVED_SO)
    return stored


def _array(path: Path) -> Shaped[np.ndarray, "..."]:
    loaded = load_tensors(path)
    try:
        array = _stacked(loaded)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        array = None
    if array is None or array.dtype.kind not in "biuf":
        refuse(path, f"a {type(loaded).__name__} that is no table of numbers", "numbers in rows", _SAVED_SO)
    return array


def _stacked(loaded: Any) -> Shaped[np.ndarray, "..."] | None:
    rows = loaded if isinstance(loaded, list | tuple) else [loaded]
    if any(isinstance(row, Tensor) and not is_plain(row) for row in rows):
        return None
    if isinstance(loaded, Tensor):
        return (loaded.to(torch.float32) if loaded.is_floating_point() and loaded.itemsize < 4 else loaded).numpy()
    if isinstance(loaded, list | tuple):
        return np.asarray([row.tolist() if isinstance(row, Tensor) else row for row in loaded])
    return None


def _check_rows(path: Path, stored: Shaped[np.ndarray, "..."], ecgs: Path, expected: str, *, columns: tuple[int, ...]) -> None:
    if stored.ndim == 0 or stored.shape[1:] != columns:
        refuse(path, f"numbers of shape {stored.shape}", expected, _SAVED_SO)
    if len(stored) != len(open_ecgs(ecgs)):
        expected = f"{len(open_ecgs(ecgs))}, as many as ECGs in {ecgs.name}"
        refuse(path, f"{len(stored)} labels", expected, "give the two files that were made together")


def _odd(stored: Shaped[np.ndarray, " row"], known: tuple[int, ...]) -> str:
    return str(stored[~np.isin(stored, known)][0])
