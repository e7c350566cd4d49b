"""A first reading of every ECG of a folder: what it is, so that the same ECG is known again in another file.

Files of the published code name nobody; the content of an ECG is the only thing by which rows of two files can be matched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float16

from cardiolens.cohorts.tensors.tensor_rows import open_ecgs
from cardiolens.parallel import Workers
from cardiolens.progress import Progress

_ROWS_AT_ONCE = 128


@dataclass(frozen=True)
class ScannedEcg:
    """One row of a file of ECGs."""

    digest: str
    """SHA-256 of the ECG as a cohort stores it."""
    fault: str
    """Why it cannot be used; empty where it can."""


def scan_ecgs(paths: Iterable[Path], *, workers: Workers, progress: Progress) -> dict[Path, list[ScannedEcg]]:
    """Every row of every file, read once; at most two parts of a file per worker are in memory."""
    parts = [part for path in paths for part in _parts(path)]
    scanned: dict[Path, list[ScannedEcg]] = {path: [] for path, _ in parts}
    with progress.task("reading ECGs", total=sum(len(rows) for _, rows in parts), unit="ECGs") as task:
        for (path, rows), found in zip(parts, workers.map(_scan, iter(parts), count=len(parts)), strict=True):
            scanned[path].extend(found)
            task.advance(len(rows))
    return scanned


def _parts(path: Path) -> Iterator[tuple[Path, range]]:
    length = len(open_ecgs(path))
    return ((path, range(start, min(start + _ROWS_AT_ONCE, length))) for start in range(0, length, _ROWS_AT_ONCE))


def _scan(part: tuple[Path, range]) -> list[ScannedEcg]:
    path, rows = part
    ecgs = (open_ecgs(path).ecg(row) for row in rows)
    return [ScannedEcg(hashlib.sha256(np.ascontiguousarray(ecg)).hexdigest(), _fault(ecg)) for ecg in ecgs]


def _fault(ecg: Float16[np.ndarray, "lead time"]) -> str:
    if not np.isfinite(ecg).all():
        return "samples that are no numbers, or beyond 65,504"
    return "a flat line" if ecg.max() == ecg.min() else ""
