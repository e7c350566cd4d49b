"""People who withdrew, taken out of everything below some folders, with the proof and with what was trained on them.

Cohorts are rewritten; every table with a column `subject` (predictions, embeddings) loses their rows. A network that learned
from somebody cannot forget by itself: its run and bundle are named, for the user to train again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from cardiolens.atomic import write_atomically
from cardiolens.cohorts.manifest import MANIFEST, read_manifest
from cardiolens.cohorts.participants import Participants
from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.withdraw import finish_removal, remove_subjects
from cardiolens.errors import BadCohort, BadOption
from cardiolens.privacy import display_name

SUBJECT = "subject"
_TABLES = (".parquet", ".csv")
_HASH = re.compile(rb"(?<![0-9a-f])(?:[0-9a-f]{12}|(?<=id-)[0-9a-f]{8})(?![0-9a-f])")
"""A subject, or what stands for one in a file's name."""
_SHORT, _LONGEST = 8, 16
_WITH_KEY = frozenset({"ukb", "archive"})
_PIECE_BYTES = 8 << 20


@dataclass(frozen=True)
class Trained:
    """A run or a bundle that learned from a cohort in which people who withdrew were."""

    name: str
    kind: str
    """run or bundle"""
    subjects_per_split: dict[str, int]
    """How many of them that cohort held."""


@dataclass
class WithdrawalReport:
    """What was done."""

    cohorts: dict[str, int] = field(default_factory=dict)
    """People removed, by cohort; 0 where none of them was in it."""
    tables: dict[str, int] = field(default_factory=dict)
    """Rows removed, by table outside cohorts."""
    trained: list[Trained] = field(default_factory=list)
    files_searched: int = 0
    still_named: list[str] = field(default_factory=list)
    """Files in which one of them is still found."""


def withdraw(paths: Sequence[Path], participants: Collection[str], people: Participants) -> WithdrawalReport:
    """Remove participants from every cohort and table below `paths`, then search all files below for them.

    Raises:
        BadOption: a path does not exist, or a cohort's subjects are all unknown to this key file: it would remove nobody.
        BadCohort: a cohort is damaged or half-built, or nobody would be left; what was done before stands.
        NoSpace: the disk is full.
    """
    subjects, report = frozenset(map(people.subject, participants)), WithdrawalReport()
    for path in paths:
        finish_removal(path)
        if not path.exists():
            raise BadOption(path, found="no such folder", expected="cohorts, runs, bundles, folders", remedy="check the path")
    folders = [folder for path in paths for folder in _cohorts(path)]
    for folder in folders:
        _refuse_other_key(folder, people)
    for folder in folders:
        report.cohorts[display_name(folder)] = remove_subjects(folder, subjects)
    outside = [file for file in _files(paths) if not any(file.is_relative_to(folder) for folder in folders)]
    for file in outside:
        removed = _remove_from_table(file, subjects) if file.suffix in _TABLES else 0
        if removed:
            report.tables[display_name(file)] = removed
    report.trained = list(_trained(paths, folders))
    for file in _files(paths):
        # The key file remembers them, so that they are never taken in again.
        if file.resolve() != people.path.resolve():
            report.files_searched += 1
            if _names_one(file, subjects):
                report.still_named.append(display_name(file))
    return report


def _refuse_other_key(folder: Path, people: Participants) -> None:
    cohort = Cohort.open(folder)
    if cohort.settings.source.get("kind") in _WITH_KEY and people.names.keys().isdisjoint(cohort.subjects[SUBJECT]):
        raise BadOption(
            people.path,
            found=f"a key file that knows nobody of {display_name(folder)}",
            expected="the one that was written when it was prepared",
            remedy="give it by --key",
        )


def _cohorts(path: Path) -> list[Path]:
    """Cohorts at or below a path.

    Raises:
        BadCohort: one is half-built.
    """
    for building in [path, *path.rglob("*.building")] if path.is_dir() else []:
        if building.suffix == ".building":
            raise BadCohort(
                building,
                found="a half-built cohort",
                expected="finished ones",
                remedy="complete or delete it, then run this again",
            )
    for left in [*path.rglob("*.withdrawing"), *path.rglob("*.withdrawn")] if path.is_dir() else []:
        finish_removal(left.with_suffix(""))
    return sorted(found.parent for found in path.rglob(MANIFEST)) if path.is_dir() else []


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file() and not file.is_symlink():
                yield file


def _remove_from_table(file: Path, subjects: frozenset[str]) -> int:
    try:
        table = pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file, dtype=str, keep_default_na=False)
    except (OSError, ValueError, pd.errors.ParserError):
        return 0  # no table of ours; the search that follows looks into it all the same
    if SUBJECT not in table:
        return 0
    gone = table[SUBJECT].astype(str).isin(subjects)
    if gone.any():
        left = table[~gone]
        if file.suffix == ".parquet":
            write_atomically(file, _parquet(left, file))
        else:
            write_atomically(file, left.to_csv(index=False).encode())
    return int(gone.sum())


def _parquet(left: pd.DataFrame, file: Path) -> bytes:
    """The rows in the file's own schema, with what else it says of itself; names of categories that are gone go too."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name in left.select_dtypes("category"):
        left = left.assign(**{name: left[name].cat.remove_unused_categories()})
    schema = pq.read_schema(file)
    sink = pa.BufferOutputStream()
    pq.write_table(
        pa.Table.from_pandas(left, schema=schema, preserve_index=False).replace_schema_metadata(schema.metadata), sink
    )
    return sink.getvalue().to_pybytes()


def _trained(paths: Sequence[Path], folders: Sequence[Path]) -> Iterator[Trained]:
    before = {one.fingerprint_before: one.subjects_per_split for folder in folders for one in read_manifest(folder).history}
    for file in _files(paths):
        if file.name != "config.json":
            continue
        try:
            stored = json.loads(file.read_bytes())
        except ValueError:
            continue
        kind, fingerprint = _trained_on(stored)
        if fingerprint in before:
            yield Trained(display_name(file.parent), kind, before[fingerprint])


def _trained_on(stored: Any) -> tuple[str, str | None]:
    """What a configuration is of, and the fingerprint of its cohort."""
    if not isinstance(stored, dict):
        return "", None
    if isinstance(stored.get("provenance"), dict):
        return "bundle", stored["provenance"].get("cohort")
    return "run", stored.get("cohort") if isinstance(stored.get("cohort"), str) else None


def _names_one(file: Path, subjects: frozenset[str]) -> bool:
    """Whether a subject's hash stands in a file, in its bytes or in its cells."""
    if any(subject in file.name for subject in subjects):
        return True
    if file.suffix == ".parquet":
        try:
            table = pd.read_parquet(file)
        except (OSError, ValueError):
            table = pd.DataFrame()
        if any(table[name].astype(str).isin(subjects).any() for name in table.select_dtypes(["object", "string", "category"])):
            return True
    if file.suffix in {".npy", ".safetensors"}:
        return False  # numbers alone
    wanted = {name.encode() for subject in subjects for name in (subject, subject[:_SHORT])}
    with file.open("rb") as content:
        tail = b""
        while piece := content.read(_PIECE_BYTES):
            if not wanted.isdisjoint(_HASH.findall(tail + piece)):
                return True
            tail = (tail + piece)[-_LONGEST:]
    return False
