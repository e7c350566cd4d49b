"""From the chunks of a half-built cohort to the files of a complete one, still in its building folder."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from cardiolens.atomic import sha256, write_atomically
from cardiolens.cohorts.array_files import keep_rows
from cardiolens.cohorts.manifest import (
    MANIFEST,
    REFUSED,
    SUBJECTS,
    ArrayFile,
    CohortManifest,
    CohortSettings,
    manifest_bytes,
)
from cardiolens.cohorts.splits import SPLITS, split_of
from cardiolens.cohorts.store import check_subjects
from cardiolens.errors import BadCohort

ROW, REASON = "row", "reason"
"""Columns of a chunk's table beside those of subjects.parquet: the planned row, and why it was refused."""


def assemble(folder: Path, chunks: list[Path], settings: CohortSettings, *, out: Path, split_key: bytes) -> None:
    """Write tables and manifest, and cut refused rows out of the arrays; killed anywhere, it can be done again.

    `chunks` are the tables of all chunks in order. The manifest is written last.

    Raises:
        BadCohort: no subject was usable, or one would be stored twice or in two splits; `out` names the cohort.
    """
    everyone = pd.concat([pd.read_parquet(path) for path in chunks], ignore_index=True)
    refused = everyone[REASON].notna()
    kept = everyone[~refused]
    if kept.empty:
        raise BadCohort(
            out,
            found=f"no usable subject among {len(everyone)}; the first: {everyone[REASON].iloc[0]}",
            expected="at least one",
            remedy="mend the input and delete the .building folder beside it",
        )
    subjects = _subjects(kept, split_key)
    check_subjects(out, subjects, num_rows=len(kept))
    write_atomically(folder / SUBJECTS, subjects.to_parquet(index=False))
    write_atomically(folder / REFUSED, everyone.loc[refused, ["subject", "visit", REASON]].to_csv(index=False).encode())
    arrays = sorted(folder.glob("*.npy"))
    for path in arrays:
        keep_rows(path, kept[ROW].to_numpy())
    counts = subjects["split"].value_counts()
    manifest = CohortManifest(
        settings=settings,
        made_by=made_by(),
        num_rows=len(subjects),
        num_subjects=int(subjects["subject"].nunique()),
        num_refused=int(refused.sum()),
        rows_per_split={split: int(counts.get(split, 0)) for split in SPLITS},
        arrays={path.name: _described(path) for path in arrays},
        tables={name: sha256(folder / name) for name in (SUBJECTS, REFUSED)},
    )
    write_atomically(folder / MANIFEST, manifest_bytes(manifest))


def made_by() -> str:
    """This program and its version."""
    return f"cardiolens {version('cardiolens')}"


def _subjects(kept: pd.DataFrame, split_key: bytes) -> pd.DataFrame:
    subjects = kept.drop(columns=[ROW, REASON]).reset_index(drop=True)
    subjects.insert(2, "split", [split_of(subject, split_key) for subject in subjects["subject"]])
    return subjects


def _described(path: Path) -> ArrayFile:
    array = np.load(path, mmap_mode="r")
    return ArrayFile(str(array.dtype), array.shape, sha256(path))
