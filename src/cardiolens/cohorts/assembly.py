"""From the chunks of a half-built cohort to the files of a complete one, still in its building folder."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from cardiolens.atomic import sha256, write_atomically
from cardiolens.cohorts.agreement import Agreement, agreement
from cardiolens.cohorts.array_files import keep_rows
from cardiolens.cohorts.labels.counts import label_counts
from cardiolens.cohorts.manifest import (
    LABEL_COUNTS,
    MANIFEST,
    REFUSED,
    SUBJECTS,
    TRAINING_SETS,
    ArrayFile,
    CohortManifest,
    CohortSettings,
    Flow,
    manifest_bytes,
)
from cardiolens.cohorts.repeated import refuse_repeated
from cardiolens.cohorts.splits import SPLITS, split_of
from cardiolens.cohorts.store import check_subjects
from cardiolens.cohorts.training_sets import binary_columns, draw_training_sets, members, subset_sizes
from cardiolens.errors import BadCohort
from cardiolens.spreadsheet import harmless

ROW, REASON, PART, LOST, RANK, DIGEST = "row", "reason", "part", "lost", "rank in ", "digest"
"""Columns of a chunk's table beside those of subjects.parquet: the planned row, why it was refused and what of it, as JSON what
was lost of a row that is kept, ranks in training sets that are given, and what tells its ECG from others."""
DIFFERENCE = "own minus ukb "
"""How columns begin that `agreement` counts and nothing else keeps."""
_OWN = frozenset({ROW, REASON, PART, LOST, DIGEST})
_LISTED = ("subject", "visit", PART, REASON)


def assemble(folder: Path, chunks: list[Path], settings: CohortSettings, *, out: Path, split_key: bytes, flow: Flow) -> None:
    """Write tables and manifest, and cut refused rows out of the arrays; killed anywhere, it can be done again.

    `chunks` are the tables of all chunks in order. The manifest is written last. `flow` is what the caller counted before.

    Raises:
        BadCohort: no subject was usable, or one would be stored twice or in two splits; `out` names the cohort.
    """
    everyone = _of_one_person_each(pd.concat([pd.read_parquet(path) for path in chunks], ignore_index=True))
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
    sets = draw_training_sets(subjects, split_key, _given_ranks(kept))
    tables = write_tables(folder, subjects, sets, _refusals(everyone))
    if not subjects["has_cmr"].any():
        # Of people who were refused for their ECG.
        for pictures in folder.glob("cmr*.npy"):
            pictures.unlink()
    arrays = sorted(folder.glob("*.npy"))
    for path in arrays:
        keep_rows(path, kept[ROW].to_numpy())
    manifest = CohortManifest(
        settings=settings,
        made_by=made_by(),
        num_rows=len(subjects),
        num_subjects=int(subjects["subject"].nunique()),
        num_refused=int(refused.sum()),
        rows_per_split=rows_per_split(subjects),
        arrays={path.name: _described(path) for path in arrays},
        tables=tables,
        training_sets=set_sizes(sets),
        flow=flow,
        phenotype_agreement=_agreement(kept),
    )
    write_atomically(folder / MANIFEST, manifest_bytes(manifest))


def write_tables(folder: Path, subjects: pd.DataFrame, sets: pd.DataFrame, refused: pd.DataFrame) -> dict[str, str]:
    """Write every table of a cohort; SHA-256 per file name."""
    contents = {
        SUBJECTS: subjects.to_parquet(index=False),
        TRAINING_SETS: sets.to_parquet(index=False),
        LABEL_COUNTS: label_counts(subjects, binary_columns(subjects)).to_csv(index=False).encode(),
        REFUSED: refused.assign(**{REASON: refused[REASON].map(harmless)}).to_csv(index=False).encode(),
    }
    return {name: sha256(write_atomically(folder / name, content)) for name, content in contents.items()}


def rows_per_split(subjects: pd.DataFrame) -> dict[str, int]:
    """How many rows each split has, none left out."""
    counts = subjects["split"].value_counts()
    return {split: int(counts.get(split, 0)) for split in SPLITS}


def made_by() -> str:
    """This program and its version."""
    return f"cardiolens {version('cardiolens')}"


def _of_one_person_each(everyone: pd.DataFrame) -> pd.DataFrame:
    """With those refused whose ECG an earlier row of another person has: they may be in other splits."""
    if DIGEST not in everyone:
        return everyone
    refused, kept = refuse_repeated(everyone["subject"], everyone[DIGEST])
    reasons, parts, lost = (everyone[name].astype(object) for name in (REASON, PART, LOST))
    for row, reason in refused.items():
        reasons[row], parts[row] = reason, "ecg"
    for row, said in kept.items():
        lost[row] = json.dumps((json.loads(lost[row]) if isinstance(lost[row], str) else {}) | {"shared ecg": said})
    return everyone.assign(**{REASON: reasons, PART: parts, LOST: lost})


def _subjects(kept: pd.DataFrame, split_key: bytes) -> pd.DataFrame:
    own = [column for column in kept if column in _OWN or column.startswith((RANK, DIFFERENCE))]
    subjects = kept.drop(columns=own).reset_index(drop=True)
    given = subjects.pop("split") if "split" in subjects else pd.Series(None, index=subjects.index, dtype=object)
    hashed = [split_of(subject, split_key) for subject in subjects["subject"]]
    subjects.insert(2, "split", given.where(given.notna(), hashed))
    return subjects


def _agreement(kept: pd.DataFrame) -> Agreement:
    return agreement(kept.filter(like=DIFFERENCE).rename(columns=lambda name: name.removeprefix(DIFFERENCE)))


def _given_ranks(kept: pd.DataFrame) -> dict[str, np.ndarray]:
    given = [column for column in kept if column.startswith(RANK)]
    return {column.removeprefix(RANK): kept[column].fillna(-1).to_numpy(np.int32) for column in given}


def _refusals(everyone: pd.DataFrame) -> pd.DataFrame:
    """One row per bad file: those that cost a visit, and those that cost a part of one."""
    whole = everyone.loc[everyone[REASON].notna(), [ROW, *_LISTED]]
    maimed = everyone.loc[everyone[LOST].notna(), [ROW, "subject", "visit", LOST]]
    parts = [
        {ROW: row, "subject": subject, "visit": visit, PART: part, REASON: reason}
        for row, subject, visit, lost in maimed.itertuples(index=False)
        for part, reason in json.loads(lost).items()
    ]
    both = pd.concat([whole, pd.DataFrame(parts, columns=whole.columns)]) if parts else whole
    return both.sort_values(ROW, kind="stable")[list(_LISTED)]


def set_sizes(sets: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Rows of every set and of its named subsets."""
    sizes = {name: len(members(sets[name].to_numpy())) for name in sets}
    return {name: {"all": size} | subset_sizes(size) for name, size in sizes.items()}


def _described(path: Path) -> ArrayFile:
    array = np.load(path, mmap_mode="r")
    return ArrayFile(str(array.dtype), array.shape, sha256(path))
