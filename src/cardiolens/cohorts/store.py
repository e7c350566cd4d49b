"""A cohort on disk, opened for reading: one row per subject and visit, the same row in the table and in every array."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Float16, Float32, Int, UInt8

from cardiolens.atomic import sha256
from cardiolens.cohorts.manifest import (
    MANIFEST,
    SUBJECTS,
    TRAINING_SETS,
    ArrayFile,
    CohortManifest,
    CohortSettings,
    read_manifest,
)
from cardiolens.cohorts.splits import SPLIT_GROUPS, SPLITS
from cardiolens.cohorts.training_sets import draw_training_sets
from cardiolens.errors import BadCohort, BadOption
from cardiolens.tasks import TASKS
from cardiolens.tasks.task import TaskKind

_OLD_SETS_KEY = b"cardiolens cohorts of schema version 1"
"""Draws the training sets of cohorts that were made before these were stored; they were all synthetic."""


@dataclass(frozen=True, eq=False)
class Cohort:
    """The content of a cohort directory. The arrays are read-only memory maps; nothing is in memory until it is used."""

    path: Path
    manifest: CohortManifest
    subjects: pd.DataFrame
    """Columns subject (keyed hash), visit, split, has_cmr, then covariates, diseases (0 or 1), the 61 phenotypes, and for
    synthetic hearts `latent_*` and `true_risk_*`. Numbers are float64 with NaN where unknown."""
    ecg: Float16[np.ndarray, "row lead time"]
    """Cleaned, without unit."""
    ecg_scale: Float32[np.ndarray, "row group"]
    """Millivolts that cleaning divided each lead group by; NaN where the ECG came cleaned and nobody noted them."""
    training_sets: pd.DataFrame
    """One column per set: the rank of every row in it, -1 where it is not a member; see `training_sets`."""
    cmr: UInt8[np.ndarray, "row channel height width"] | None
    """End-systole, mid, end-diastole; zero where `has_cmr` is false; None where no subject has an MRI."""
    cmr_volumes: UInt8[np.ndarray, "row 2 slice rows columns"] | None = None
    """End-diastole and end-systole, slices from base to apex; None where the cohort was prepared without."""
    cmr_cine: UInt8[np.ndarray, "row phase rows columns"] | None = None
    """The middle slice from end-diastole on through one beat; None where the cohort was prepared without."""

    @classmethod
    def open(cls, path: Path, *, verify: bool = False) -> Cohort:
        """Open and check a cohort: its tables by hash, its arrays by size, type and shape.

        `verify` also reads every array in full and compares its hash, which takes a second per gigabyte or so.

        Raises:
            BadCohort: the directory is no cohort, half-built, damaged, of another schema version, or has a subject in two
                splits.
        """
        manifest = read_manifest(path)
        for name, digest in manifest.tables.items():
            if not (path / name).is_file() or sha256(path / name) != digest:
                raise _damaged(path, f"{name} missing or changed since the cohort was made")
        arrays = {name: _mapped(path, name, stored, verify=verify) for name, stored in manifest.arrays.items()}
        settings = manifest.settings
        if arrays["ecg.npy"].shape[1:] != (len(settings.leads), settings.num_samples):
            raise _damaged(path, f"ecg.npy of shape {arrays['ecg.npy'].shape} against the settings in {MANIFEST}")
        if any(len(array) != manifest.num_rows for array in arrays.values()):
            raise _damaged(path, f"arrays of other lengths than the {manifest.num_rows} rows in {MANIFEST}")
        subjects = pd.read_parquet(path / SUBJECTS)
        check_subjects(path, subjects, num_rows=manifest.num_rows)
        stored = TRAINING_SETS in manifest.tables
        sets = pd.read_parquet(path / TRAINING_SETS) if stored else draw_training_sets(subjects, _OLD_SETS_KEY, {})
        if len(sets) != manifest.num_rows:
            raise _damaged(path, f"{len(sets)} rows in {TRAINING_SETS} for {manifest.num_rows} in the arrays")
        return cls(
            path,
            manifest,
            subjects,
            ecg=arrays["ecg.npy"],
            ecg_scale=arrays["ecg_scale.npy"],
            training_sets=sets,
            cmr=arrays.get("cmr.npy"),
            cmr_volumes=arrays.get("cmr_volumes.npy"),
            cmr_cine=arrays.get("cmr_cine.npy"),
        )

    @property
    def settings(self) -> CohortSettings:
        return self.manifest.settings

    @property
    def is_synthetic(self) -> bool:
        """Whether its hearts are simulated."""
        return self.settings.source.get("kind") == "synthetic"

    @property
    def diseases(self) -> list[str]:
        """Columns of the tasks' diseases that it has."""
        tasks = [task for task in TASKS.values() if task.kind is TaskKind.CLASSIFICATION]
        return [column for task in tasks for column in task.columns if column in self.subjects]

    def rows(self, split: str) -> Int[np.ndarray, " row"]:
        """Row numbers of a split: train, select, calibrate, test, validation (select and calibrate) or all.

        Raises:
            BadOption: there is no such split.
        """
        if split not in SPLIT_GROUPS:
            raise BadOption("split", found=split, expected=f"one of {', '.join(SPLIT_GROUPS)}", remedy="choose one of these")
        return np.flatnonzero(self.subjects["split"].isin(SPLIT_GROUPS[split]))

    def values(self, columns: Sequence[str]) -> Float[np.ndarray, "row column"]:
        """Numeric columns of every row, NaN where unknown.

        Raises:
            BadOption: a column is absent or holds text.
        """
        numeric = self.subjects.select_dtypes(["number", "bool"])
        for column in columns:
            if column not in numeric:
                raise BadOption(
                    self.path,
                    found=f"column {column} with text" if column in self.subjects else f"no column {column}",
                    expected="numeric columns of subjects.parquet",
                    remedy=f"choose among {', '.join(_closest(column, list(numeric)))}",
                )
        return numeric[list(columns)].to_numpy(np.float64)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of `cohort.json`, which holds the hash of every other file: equal content, equal fingerprint."""
        return sha256(self.path / MANIFEST)


def check_subjects(path: Path, subjects: pd.DataFrame, *, num_rows: int) -> None:
    """Refuse a table of another length, an unknown split, a visit stored twice, or a subject in two splits.

    Raises:
        BadCohort: one of these.
    """
    if len(subjects) != num_rows:
        raise _damaged(path, f"{len(subjects)} rows in {SUBJECTS} for {num_rows} in the arrays")
    if unknown := set(subjects["split"]) - set(SPLITS):
        raise _damaged(path, f"splits named {', '.join(sorted(map(str, unknown)))}")
    if (twice := subjects.duplicated(["subject", "visit"])).any():
        raise _damaged(path, f"{twice.sum()} visits stored twice")
    straddling = subjects[["subject", "split"]].drop_duplicates()["subject"].duplicated().sum()
    if straddling:
        raise BadCohort(
            path,
            found=f"{straddling} subjects in more than one split",
            expected="all visits of a subject in one split",
            remedy="prepare the cohort again; results on it would be leaked",
        )


def _mapped(path: Path, name: str, stored: ArrayFile, *, verify: bool) -> np.ndarray:
    file = path / name
    try:
        array = np.load(file, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(path, f"{name} missing, cut short or without its header") from error
    if (str(array.dtype), array.shape) != (stored.dtype, stored.shape) or file.stat().st_size != array.offset + array.nbytes:
        raise _damaged(path, f"{name} as {array.dtype} {array.shape}, made as {stored.dtype} {stored.shape}")
    if verify and sha256(file) != stored.sha256:
        raise _damaged(path, f"{name} changed since the cohort was made")
    return array


def _closest(column: str, known: list[str]) -> list[str]:
    import difflib

    return difflib.get_close_matches(column, known, n=5, cutoff=0.3) or known[:5]


def _damaged(path: Path, found: str) -> BadCohort:
    return BadCohort(path, found=found, expected="what `cardiolens prepare` wrote", remedy="copy or prepare the cohort again")
