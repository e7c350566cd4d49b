"""A cohort from any archive, by a manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cardiolens.cohorts.archive.labelling import manifest_labels
from cardiolens.cohorts.archive.manifest import DAY, ECG, MASKS, MRI, SUBJECT, VISIT, Manifest, read_manifest
from cardiolens.cohorts.build import build_cohort
from cardiolens.cohorts.file_rows import FileRows, ReadMri, Visit, VisitTable, inputs_digest
from cardiolens.cohorts.labels.choices import LabelChoices
from cardiolens.cohorts.manifest import CohortSettings
from cardiolens.cohorts.participants import Participants
from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.withdraw import bare_number
from cardiolens.cohorts.withdrawn_list import read_withdrawn
from cardiolens.configs import to_json
from cardiolens.errors import BadOption
from cardiolens.formats.declaration import NOTHING_DECLARED, Declaration
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.imaging.views import ViewConfig
from cardiolens.parallel import HERE, Workers
from cardiolens.progress import QUIET, Progress
from cardiolens.signals.cleaning import CleaningConfig

_LABELS, _CLEANING, _VIEWS = LabelChoices(), CleaningConfig(), ViewConfig()
_FEWEST_DIGITS, _FEWEST_LETTERS = 5, 4
"""Of what is hidden wherever it stands: "12" or "II" would be found in every message."""
_OF_A_RECORD = (".hea", ".dat", ".mat")


def prepare_archive(
    out: Path,
    manifest: Path,
    *,
    key_file: Path,
    withdrawn: Path | None = None,
    labels: LabelChoices = _LABELS,
    declared: Declaration = NOTHING_DECLARED,
    read_mri: ReadMri | None = None,
    own_phenotypes: tuple[str, ...] = (),
    mri_rules: Mapping[str, Any] | None = None,
    cleaning: CleaningConfig = _CLEANING,
    views: ViewConfig = _VIEWS,
    workers: Workers = HERE,
    progress: Progress = QUIET,
) -> Cohort:
    """Make, or complete, the cohort of a manifest at `out`; a complete one of the same content is opened.

    Phenotypes that the manifest gives stand; others of `own_phenotypes` are measured where there is an MRI. Subjects' names are
    written to `key_file` and nowhere else.

    Raises:
        BadOption: the manifest is not what it should be, or `out` holds something else.
        NoSpace: the disk is full; free some and run again.
    """
    told = read_manifest(manifest)
    people = Participants.open_or_make(key_file)
    gone = frozenset(map(bare_number, read_withdrawn(withdrawn))) if withdrawn else frozenset()
    hashes = told.rows[SUBJECT].map(people.subject)
    stays = ~(told.rows[SUBJECT].map(bare_number).isin(gone) | hashes.isin(people.withdrawn)).to_numpy()
    if not stays.any():
        raise BadOption(manifest, found="nobody who has not withdrawn", expected="at least one visit", remedy="check the list")
    if mri_rules is not None and mri_rules.get("masks") is None and MASKS in told.rows and told.rows[MASKS].notna().any():
        raise BadOption(
            manifest, found="a column masks", expected="what their numbers mean, which is never guessed",
            remedy="give it by --label-map, or leave out the column",
        )  # fmt: skip
    made, reasons = manifest_labels(manifest, told, labels)
    numeric = pd.concat([told.numbers, made], axis=1)
    people = people.recorded(told.rows.loc[stays, SUBJECT].unique(), withdrawn={*gone, *told.rows.loc[~stays, SUBJECT]})
    order = sorted(np.flatnonzero(stays).tolist(), key=lambda row: (hashes[row], told.rows[VISIT][row]))
    shared = _shared_words(told)
    visits = tuple(_visit(told, people, row, reasons.get(row), shared) for row in order)
    texts = tuple(told.texts.iloc[order].itertuples(index=False, name=None))
    table = VisitTable(tuple(numeric), numeric.iloc[order].to_numpy(np.float64), tuple(told.texts), texts)
    with_mri = any(visit.mri for visit in visits)
    own = tuple(column for column in own_phenotypes if with_mri and column not in numeric)
    given = {column: "table" for column in PHENOTYPE_COLUMNS if column in numeric}
    source = {
        "kind": "archive",
        "inputs": inputs_digest(visits, table, people.key),
        "labels": labels.describe() if len(made.columns) else {},
        "phenotypes": given | dict.fromkeys(own, "own"),
        "mri": dict(mri_rules or {}) if with_mri else {},
        "declared": to_json(declared),
        "left_out": told.left_out,
    }
    flow = (
        ("visits in the manifest", len(told.rows)),
        ("visits of people who withdrew", int((~stays).sum())),
        ("visits left", len(visits)),
        ("of them with an MRI", sum(visit.mri is not None for visit in visits)),
    )
    maker = FileRows(visits, table, cleaning, people.key, read_mri, own_phenotypes=own, declared=declared, cut_longer=True)
    return build_cohort(
        out, CohortSettings(source, cleaning=cleaning, views=views), maker, num_rows=len(visits), split_key=people.split_key,
        chunk_rows=maker.chunk_rows, workers=workers, flow=flow, progress=progress,
    )  # fmt: skip


def _visit(told: Manifest, people: Participants, row: int, reason: str | None, shared: frozenset[str]) -> Visit:
    cells = told.rows.iloc[row]

    def path(name: str) -> str | None:
        cell = cells.get(name)
        return None if cell is None or pd.isna(cell) else str(told.folder / cell)

    subject = people.subject(cells[SUBJECT])
    day: date | None = None if DAY not in cells or pd.isna(cells[DAY]) else cells[DAY].date()
    # Longest first: a name may be part of another.
    hidden = sorted({word for word in _words(cells) if word not in shared}, key=len, reverse=True)
    lost = {} if reason is None else {"labels": reason}
    return Visit(subject, int(cells[VISIT]), *map(path, (ECG, MRI, MASKS)), lost=lost, day=day, hidden=tuple(hidden),
                 listed=f"row {row + 1} of the manifest")  # fmt: skip


def _shared_words(told: Manifest) -> frozenset[str]:
    """Parts of paths that most subjects have, such as "ecg.xml": they tell of nobody, and messages need them."""
    of_subject: dict[str, set[str]] = {}
    for _, cells in told.rows.iterrows():
        of_subject.setdefault(cells[SUBJECT], set()).update(_words(cells))
    counts = Counter(word for words in of_subject.values() for word in words)
    return frozenset(word for word, count in counts.items() if count > max(1, len(of_subject) / 2))


def _words(cells: pd.Series) -> Iterator[str]:
    """What a message could call the person of a row: the subject, its files, and the folders they are in."""
    yield from _long_enough(cells[SUBJECT])
    for name in (ECG, MRI, MASKS):
        cell = cells.get(name)
        if cell is None or pd.isna(cell):
            continue
        *folders, file = Path(cell).parts
        stem = file.split(".")[0] or file
        yield file
        if Path(file).suffix.lower() in _OF_A_RECORD:
            # A record's other files have its name and their own suffix.
            yield from (f"{stem}{suffix}" for suffix in _OF_A_RECORD)
        for part in (*folders, stem):
            yield from _long_enough(part)


def _long_enough(word: str) -> Iterator[str]:
    if len(word) >= (_FEWEST_DIGITS if word.isdigit() else _FEWEST_LETTERS):
        yield word
