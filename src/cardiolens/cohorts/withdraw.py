"""Taking people out of a finished cohort.

What is left is written beside the cohort and takes its place in one step; killed anywhere, it is done again or finished by the
next call. The cohort remembers its earlier fingerprints, by which whatever was trained on it can be named.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from cardiolens.atomic import full_disk_named, sha256, sync, write_atomically
from cardiolens.cohorts.array_files import copy_rows
from cardiolens.cohorts.assembly import PART, rows_per_split, set_sizes, write_tables
from cardiolens.cohorts.manifest import MANIFEST, REFUSED, ArrayFile, CohortManifest, Withdrawal, manifest_bytes
from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.training_sets import without_rows
from cardiolens.errors import BadCohort

_FRESH, _OLD = ".withdrawing", ".withdrawn"
_ZEROS = re.compile(r"0+(?=[0-9]+$)")


def bare_number(participant: str) -> str:
    """A whole number without the zeros before it, which spreadsheets take away; any other name as it is."""
    return _ZEROS.sub("", participant) if participant.isascii() and participant.isdigit() else participant


def own_files(manifest: CohortManifest) -> frozenset[str]:
    """The names of all files that belong to a cohort; whatever else lies in its folder is the user's."""
    return frozenset({MANIFEST, REFUSED, *manifest.arrays, *manifest.tables})


def remove_subjects(path: Path, subjects: Collection[str]) -> int:
    """Take subjects out of the cohort at `path`, out of its tables, arrays and lists; how many of them were in it.

    Needs room for a second copy of the cohort while it works. Other files in its folder stay.

    Raises:
        BadCohort: the folder is no whole cohort, or nobody would be left.
        NoSpace: the disk is full; the cohort is as it was.
    """
    # Of a link the cohort itself is rewritten, where it lies.
    path = path.resolve()
    finish_removal(path)
    cohort = Cohort.open(path)
    gone = cohort.subjects["subject"].isin(subjects).to_numpy()
    refused = pd.read_csv(path / REFUSED, dtype=str, keep_default_na=False)
    gone_refused = refused["subject"].isin(subjects).to_numpy()
    leaving = set(cohort.subjects["subject"][gone]) | set(refused["subject"][gone_refused])
    if not leaving:
        return 0
    if gone.all():
        raise BadCohort(path, found="nobody left without those who withdrew", expected="somebody", remedy="delete the cohort")
    with full_disk_named(path):
        _write_rest(cohort, gone, refused[~gone_refused], path.with_name(path.name + _FRESH))
        _swap(path)
    return len(leaving)


def finish_removal(path: Path) -> None:
    """Bring to an end what a killed removal left: the old cohort stands unless the new one was whole."""
    fresh, old = (path.with_name(path.name + ending) for ending in (_FRESH, _OLD))
    if not path.exists() and (fresh / MANIFEST).exists():
        os.rename(fresh, path)
        sync(path.parent)
    for left in (fresh, old):
        # Beside anything else than a cohort such a folder is not ours.
        if left.is_dir() and (path / MANIFEST).is_file():
            shutil.rmtree(left)


def _write_rest(cohort: Cohort, gone: np.ndarray, refused: pd.DataFrame, fresh: Path) -> None:
    fresh.mkdir()
    manifest, kept = cohort.manifest, np.flatnonzero(~gone)
    subjects = cohort.subjects[~gone].reset_index(drop=True)
    sets = without_rows(cohort.training_sets, ~gone)
    arrays = {}
    for name, stored in manifest.arrays.items():
        if name.startswith("cmr") and not subjects["has_cmr"].any():
            # A cohort without MRI has no pictures, instead of black ones.
            continue
        copy_rows(cohort.path / name, kept, fresh / name)
        arrays[name] = ArrayFile(stored.dtype, (len(kept), *stored.shape[1:]), sha256(fresh / name))
    for beside in sorted(cohort.path.iterdir()):
        if beside.name not in own_files(manifest):
            _carry_over(beside, fresh / beside.name)
    per_split = cohort.subjects[gone].groupby("split")["subject"].nunique()
    left = replace(
        manifest,
        num_rows=len(subjects),
        num_subjects=int(subjects["subject"].nunique()),
        num_refused=int((refused[PART] == "ecg").sum()) if PART in refused else len(refused),
        rows_per_split=rows_per_split(subjects),
        arrays=arrays,
        tables=write_tables(fresh, subjects, sets, refused),
        training_sets=set_sizes(sets),
        # Of everybody, and what it was counted from is not kept.
        phenotype_agreement={},
        history=(*manifest.history, Withdrawal(cohort.fingerprint, {str(k): int(v) for k, v in per_split.items()})),
    )
    write_atomically(fresh / MANIFEST, manifest_bytes(left))


def _carry_over(beside: Path, target: Path) -> None:
    if beside.is_dir() and not beside.is_symlink():
        shutil.copytree(beside, target, symlinks=True, copy_function=_copy)
    else:
        _copy(beside, target)


def _copy(file: str | Path, target: str | Path) -> None:
    shutil.copy2(file, target, follow_symlinks=False)
    if not os.path.islink(target):
        sync(Path(target))


def _swap(path: Path) -> None:
    fresh, old = (path.with_name(path.name + ending) for ending in (_FRESH, _OLD))
    os.rename(path, old)
    os.rename(fresh, path)
    sync(path.parent)
    shutil.rmtree(old)
