"""ECGs and MRI pictures of the published code's files, row by row, as a cohort stores them.

A file is opened once per process and its tensors stay where they are, on the disk; a row is read when it is asked for.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float16, UInt8
from torch import Tensor

from cardiolens.cohorts.manifest import NUM_SAMPLES
from cardiolens.cohorts.tensors.tensor_file import file_state, is_plain, load_tensors, refuse
from cardiolens.errors import BadImage
from cardiolens.imaging.views import cut, resize_bilinear
from cardiolens.types import LEADS

PICTURE_SHAPE = (3, 210, 210)
WINDOW = (44, 122, 68, 146)
"""The part of a picture that the published code's loader shows: first row, row after the last, and the same of columns."""
_ECG_SHAPES = ((len(LEADS), NUM_SAMPLES), (1, len(LEADS), NUM_SAMPLES))
_ROUNDING = 1e-3
"""How far beyond 0 and 1 a picture that was resized may reach."""
_FILES_OPEN = 64
"""More than a folder has."""


class EcgFile:
    """A file of cleaned ECGs: (row, 12, 5000), (row, 1, 12, 5000), a list of such rows, or of (domain, row).

    Raises:
        BadInput: the file cannot be read, or holds something else.
    """

    def __init__(self, path: Path) -> None:
        self._rows = _rows(path, _ECG_SHAPES, what="ECGs")

    def __len__(self) -> int:
        return len(self._rows)

    def ecg(self, row: int) -> Float16[np.ndarray, "lead time"]:
        """One ECG as a cohort stores it; infinite where half precision does not reach."""
        # By way of float32, so that the same ECG in double precision rounds to the same bits.
        return self._rows[row].to(torch.float32).to(torch.float16).reshape(len(LEADS), NUM_SAMPLES).numpy()


class PictureFile:
    """A file of pictures: (row, 3, 210, 210) or a list of such rows, from 0 to 1; end-systole, mid, end-diastole.

    Raises:
        BadInput: the file cannot be read, or holds something else.
    """

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._rows = _rows(path, (PICTURE_SHAPE,), what="pictures")
        low, high = float(self._rows[0].min()), float(self._rows[0].max())
        # What is wrong with the scale of one is wrong with that of all; one without numbers is one bad row.
        if math.isfinite(low + high) and not _from_0_to_1(low, high):
            refuse(path, f"brightness from {low:g} to {high:g}", "0 to 1", "scale each picture by its minimum and maximum")

    def __len__(self) -> int:
        return len(self._rows)

    def picture(self, row: int, *, window: bool) -> UInt8[np.ndarray, "3 height width"]:
        """One picture as a cohort stores it; with `window` the part that the published loader shows, brought to full size.

        Raises:
            BadImage: it has values beyond 0 and 1, or none.
        """
        shown = self._rows[row].to(torch.float32).numpy()
        low, high = float(shown.min()), float(shown.max())
        if not _from_0_to_1(low, high):
            found = f"brightness from {low:g} to {high:g}"
            raise BadImage(f"{self._name} row {row}", found=found, expected="0 to 1", remedy="mend the picture")
        if window:
            shown = resize_bilinear(cut(shown, WINDOW), PICTURE_SHAPE[-1])
        return np.round(shown.clip(0, 1) * 255).astype(np.uint8)


def open_ecgs(path: Path) -> EcgFile:
    """The file, opened on first use in this process and again where it changed."""
    return _open_ecgs(path, file_state(path))


def open_pictures(path: Path) -> PictureFile:
    """The file, opened on first use in this process and again where it changed."""
    return _open_pictures(path, file_state(path))


def close_files() -> None:
    """Let go of every file opened so far."""
    _open_ecgs.cache_clear()
    _open_pictures.cache_clear()


@functools.lru_cache(maxsize=_FILES_OPEN)
def _open_ecgs(path: Path, _: tuple[int, int]) -> EcgFile:
    return EcgFile(path)


@functools.lru_cache(maxsize=_FILES_OPEN)
def _open_pictures(path: Path, _: tuple[int, int]) -> PictureFile:
    return PictureFile(path)


def _rows(path: Path, shapes: Sequence[tuple[int, ...]], *, what: str) -> Tensor | list[Tensor]:
    expected = f"{what} of shape {' or '.join(map(str, shapes))}, in one tensor or a list"
    loaded = load_tensors(path)
    if isinstance(loaded, Tensor):
        if not _fits(loaded, [(len(loaded) if loaded.ndim else 0, *shape) for shape in shapes]):
            refuse(path, _described(loaded), expected, "give the file that belongs here")
        rows = loaded
    elif isinstance(loaded, list):
        rows = [item[1] if isinstance(item, tuple) and len(item) == 2 else item for item in loaded]
        wrong = [place for place, row in enumerate(rows) if not isinstance(row, Tensor) or not _fits(row, shapes)]
        if wrong:
            found = f"{len(wrong)} of {len(rows)} rows that do not fit, the first, row {wrong[0]}: {_described(rows[wrong[0]])}"
            refuse(path, found, expected, "leave these people out of all files of the split")
    else:
        refuse(path, _described(loaded), expected, "give the file that belongs here")
    if not len(rows):
        refuse(path, "no rows", expected, "leave the file out")
    return rows


def _from_0_to_1(low: float, high: float) -> bool:
    return low >= -_ROUNDING and high <= 1 + _ROUNDING


def _fits(tensor: Tensor, shapes: Sequence[tuple[int, ...]]) -> bool:
    return tensor.is_floating_point() and tuple(tensor.shape) in shapes and is_plain(tensor)


def _described(value: object) -> str:
    if not isinstance(value, Tensor):
        return f"a {type(value).__name__}"
    size = math.prod(value.shape) * value.element_size()
    odd = "" if is_plain(value) else f" that claims {size} bytes"
    return f"a tensor of {str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}{odd}"
