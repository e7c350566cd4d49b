"""`cohort.json`: which settings made a cohort, what it holds, and the hash of every file. No array is read here."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cardiolens.configs import from_json, to_json
from cardiolens.errors import BadCohort, BadOption
from cardiolens.imaging.views import ViewConfig
from cardiolens.signals.cleaning import CleaningConfig
from cardiolens.types import LEADS, RATE_HZ

SCHEMA_VERSION = 2
_READABLE = (1, SCHEMA_VERSION)
"""Version 1 had no stored training sets, no flow and no history; what it has means the same."""
MANIFEST = "cohort.json"
SUBJECTS = "subjects.parquet"
REFUSED = "refused.csv"
TRAINING_SETS = "training_sets.parquet"
LABEL_COUNTS = "label_counts.csv"
NUM_SAMPLES = 5000
"""Ten seconds at 500 Hz."""
Flow = tuple[tuple[str, int], ...]
"""Counts with what they are of, in order."""
_VERSION = "schema_version"


@dataclass(frozen=True)
class CohortSettings:
    """Everything that decides a cohort's content: the same settings give the same bits."""

    source: dict[str, Any]
    """Where the subjects come from: `kind` and whatever else decides who and what they are. A record, kept as plain JSON so
    that a cohort outlives the class that described its source."""
    cleaning: CleaningConfig = field(default_factory=CleaningConfig)
    """How every ECG was cleaned; a model's input contract repeats it."""
    views: ViewConfig = field(default_factory=ViewConfig)
    """How the three-channel picture was cut from the MRI."""
    leads: tuple[str, ...] = LEADS
    """The order of the rows of every ECG."""
    rate_hz: float = RATE_HZ
    """Samples per second of every ECG."""
    num_samples: int = NUM_SAMPLES
    """Samples per lead of every ECG."""


@dataclass(frozen=True)
class ArrayFile:
    """One `.npy` file as it was when the cohort was finished."""

    dtype: str
    shape: tuple[int, ...]
    sha256: str


@dataclass(frozen=True)
class Withdrawal:
    """People who were removed from a finished cohort."""

    fingerprint_before: str
    """Of the cohort as it was: what was trained on it carries this."""
    subjects_per_split: dict[str, int]


@dataclass(frozen=True)
class CohortManifest:
    """The content of `cohort.json`; it is written last, so its presence says that the cohort is complete."""

    settings: CohortSettings
    made_by: str
    """Program and version that prepared the cohort."""
    num_rows: int
    """One row per subject and visit."""
    num_subjects: int
    num_refused: int
    rows_per_split: dict[str, int]
    arrays: dict[str, ArrayFile]
    """Per file name."""
    tables: dict[str, str]
    """SHA-256 per file name."""
    training_sets: dict[str, dict[str, int]] = field(default_factory=dict)
    """Rows of every training set: "all", and its named subsets, which are the first so many in its order."""
    flow: Flow = ()
    """How many were left at every step from the files that were found to the rows that are stored, in words."""
    phenotype_agreement: dict[str, dict[str, float]] = field(default_factory=dict)
    """How far phenotypes measured here lie from UK Biobank's (`agreement.Agreement`), where both were at hand."""
    history: tuple[Withdrawal, ...] = ()
    """What was removed since the cohort was made, oldest first."""


def manifest_bytes(manifest: CohortManifest) -> bytes:
    """`cohort.json` of this schema version."""
    return (json.dumps({_VERSION: SCHEMA_VERSION, **to_json(manifest)}, indent=2, sort_keys=True) + "\n").encode()


def read_manifest(folder: Path) -> CohortManifest:
    """The manifest of a complete cohort.

    Raises:
        BadCohort: there is no cohort, it is half-built, of another schema version, or its manifest is damaged.
    """
    try:
        stored = json.loads((folder / MANIFEST).read_text())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _absent(folder) from error
    except ValueError as error:
        raise _damaged(folder, "a cohort.json that is no JSON") from error
    if not isinstance(stored, dict) or _VERSION not in stored:
        raise _damaged(folder, "a cohort.json without a schema version")
    version = stored.pop(_VERSION)
    if version not in _READABLE:
        raise BadCohort(
            folder,
            found=f"a cohort of schema version {version}",
            expected=f"version {' or '.join(map(str, _READABLE))}",
            remedy="prepare it again with this version of cardiolens, or install the version that made it",
        )
    try:
        return from_json(CohortManifest, stored, source=folder)
    except BadOption as error:
        raise _damaged(folder, f"a cohort.json with {error.found}") from error


def building_folder(out: Path) -> Path:
    """Where the cohort `out` grows until it is complete."""
    return out.with_name(f"{out.name}.building")


def differing_settings(stored: dict[str, Any], asked: dict[str, Any]) -> str:
    """The settings in which two differ, as "source.seed 1 (asked for 2)", for a message."""
    ours, theirs = dict(_flat(stored)), dict(_flat(asked))
    absent = "nothing"
    return ", ".join(
        f"{name} {ours.get(name, absent)} (asked for {theirs.get(name, absent)})"
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name) != theirs.get(name)
    )


def _flat(nested: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    return [
        pair
        for name, value in nested.items()
        for pair in (_flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)])
    ]


def _absent(folder: Path) -> BadCohort:
    if building_folder(folder).is_dir():
        found, remedy = "a half-built cohort", "run the command that prepares it again: it goes on where it stopped"
    else:
        found = "no cohort.json" if folder.is_dir() else "no such folder"
        remedy = "check the path, or make a cohort by `cardiolens prepare`"
    return BadCohort(folder, found=found, expected="a complete cohort", remedy=remedy)


def _damaged(folder: Path, found: str) -> BadCohort:
    return BadCohort(folder, found=found, expected="what `cardiolens prepare` wrote", remedy="prepare the cohort again")
