"""From the files of a folder to the rows of a cohort: paired rows first, then ECGs that only other files hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from cardiolens.cohorts.manifest import Flow
from cardiolens.cohorts.tensors.ecg_scan import ScannedEcg
from cardiolens.cohorts.tensors.file_names import SPLITS, PhenotypeFiles, TensorFiles
from cardiolens.cohorts.tensors.label_files import LabelTables
from cardiolens.errors import BadInput
from cardiolens.privacy import keyed_hash

TENSORS_KEY = b"cardiolens rows of published tensors"
"""Names the rows by their ECG and halves validation. Public: nobody's number is in it, only a cleaned ECG, and the same ECG has
the same name on every machine."""

Scanned = Mapping[Path, Sequence[ScannedEcg]]


class Place(NamedTuple):
    """One row of one file."""

    path: Path
    row: int


@dataclass
class PlannedRow:
    """Where everything of one row of the cohort comes from."""

    subject: str
    split: str
    ecg: Place
    fault: str
    """Why the row will be refused; empty where it will not."""
    cmr: Place | None = None
    phenotypes: tuple[PhenotypeFiles, int] | None = None
    labels: dict[str, float] = field(default_factory=dict)
    ranks: dict[str, int] = field(default_factory=dict)
    """Places in balanced training sets; absent where it is in none."""


@dataclass(frozen=True)
class JoinedRows:
    """All rows of a cohort to be."""

    rows: tuple[PlannedRow, ...]
    flow: Flow
    """From the ECGs of all files to the rows."""


def join_rows(files: TensorFiles, scanned: Scanned, labels: LabelTables) -> JoinedRows:
    """Match the rows of all files by the content of their ECGs.

    An ECG that stands in one file twice counts once: the second paired row is refused, in other files it is passed over.
    Ranks in a training set follow the hundredth, then the rest of the tenth, then the rest of all.

    Raises:
        BadInput: an ECG is in two splits, or two files give one ECG different labels.
    """
    _refuse_leaks(files, scanned)
    join = _Join()
    first_of_split = {}
    for split, path in files.paired.items():
        first_of_split[split] = len(join.rows)
        for row, ecg in enumerate(scanned[path]):
            planned = join.add(ecg, split, Place(path, row))
            planned.cmr = Place(files.pictures[split], row) if split in files.pictures else None
    num_paired = len(join.rows)
    for table in labels.aligned:
        start = first_of_split[table.split]
        _set_labels(table.path, table.label, join.rows[start : start + len(table.values)], table.values.tolist())
    for (label, size), (ecgs, path) in files.balanced.items():
        found = [join.find(ecg, "train", Place(ecgs, row)) for row, ecg in enumerate(scanned[ecgs])]
        _set_labels(path, label, found, labels.balanced[label, size].tolist())
        join.rank(label, found)
    num_with_sets = len(join.rows)
    for split, trio in files.phenotypes.items():
        for row, ecg in enumerate(scanned[trio.ecgs]):
            planned = join.find(ecg, split, Place(trio.ecgs, row))
            planned.phenotypes = planned.phenotypes or (trio, row)
    flow = (
        ("ECGs in all files", sum(map(len, scanned.values()))),
        ("paired ECGs", num_paired),
        ("with those of balanced training sets alone", num_with_sets),
        ("with those of phenotypes alone", len(join.rows)),
    )
    return JoinedRows(tuple(join.rows), flow)


class _Join:
    """Rows so far, and where each ECG is among them."""

    def __init__(self) -> None:
        self.rows: list[PlannedRow] = []
        self._by_digest: dict[str, PlannedRow] = {}
        self._ranked: dict[str, int] = {}

    def add(self, ecg: ScannedEcg, split: str, place: Place) -> PlannedRow:
        """A row of its own; refused where its ECG has one already."""
        earlier = self._by_digest.get(ecg.digest)
        fault = ecg.fault or (f"the same ECG as in row {earlier.ecg.row} of {earlier.ecg.path.name}" if earlier else "")
        subject = keyed_hash(ecg.digest, key=TENSORS_KEY)
        planned = PlannedRow(subject, _stored_split(split, subject), place, fault)
        self.rows.append(planned)
        self._by_digest.setdefault(ecg.digest, planned)
        return planned

    def find(self, ecg: ScannedEcg, split: str, place: Place) -> PlannedRow:
        """The row of this ECG, a further one where it has none yet."""
        return self._by_digest.get(ecg.digest) or self.add(ecg, split, place)

    def rank(self, label: str, members: Sequence[PlannedRow]) -> None:
        """Put those that are not in the label's set yet at its end, in their order."""
        for planned in members:
            if label not in planned.ranks:
                planned.ranks[label] = self._ranked.get(label, 0)
                self._ranked[label] = planned.ranks[label] + 1


def _stored_split(split: str, subject: str) -> str:
    if split != "val":
        return split
    # As `splits.split_of` halves validation.
    half = keyed_hash(f"validation half of {subject}", key=TENSORS_KEY, length=1)
    return "select" if int(half, 16) < 8 else "calibrate"


def _set_labels(path: Path, label: str, rows: Sequence[PlannedRow], values: Sequence[float]) -> None:
    contradicted = 0
    for planned, value in zip(rows, values, strict=True):
        # What will be refused, such as flat lines, may stand for several people.
        if math.isnan(value) or planned.fault:
            continue
        contradicted += planned.labels.get(label, value) != value
        planned.labels[label] = value
    if contradicted:
        raise BadInput(
            path,
            found=f"{contradicted} labels that another file contradicts",
            expected=f"one value of {label} for each ECG",
            remedy="give files that were made together",
        )


def _refuse_leaks(files: TensorFiles, scanned: Scanned) -> None:
    ecgs_of_split: dict[str, set[str]] = {split: set() for split in SPLITS}
    for path, split in files.ecgs.items():
        # What holds no signal is alike without being the same person's.
        ecgs_of_split[split] |= {ecg.digest for ecg in scanned[path] if not ecg.fault}
    shared = {pair: len(ecgs_of_split[pair[0]] & ecgs_of_split[pair[1]]) for pair in combinations(SPLITS, 2)}
    if any(shared.values()):
        found = ", ".join(f"{count} ECGs in both {one} and {other}" for (one, other), count in shared.items() if count)
        folder = next(iter(files.ecgs)).parent
        remedy = "results on these files are leaked; take each of them out of one split"
        raise BadInput(folder, found=found, expected="every ECG in one split", remedy=remedy)
