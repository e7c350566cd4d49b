"""The visits of a cohort from UK Biobank: files, table and lists brought together by participant and instance.

Every imaging visit with an ECG becomes a row; an MRI, a place in the table and labels are used where they are there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Int

from cardiolens.cohorts.agreement import COMPARED
from cardiolens.cohorts.file_rows import Visit, VisitTable
from cardiolens.cohorts.labels.choices import LabelChoices
from cardiolens.cohorts.participants import Participants
from cardiolens.cohorts.phenotype_sources import Source, choose_sources, read_phenotype_table
from cardiolens.cohorts.ukb import covariates as body
from cardiolens.cohorts.ukb import diagnoses
from cardiolens.cohorts.ukb.bulk_files import CINE_FIELD, ECG_FIELD, IMAGING, BulkFile, BulkFiles, find_bulk_files
from cardiolens.cohorts.ukb.columns import FieldColumn
from cardiolens.cohorts.ukb.labelling import visit_labels
from cardiolens.cohorts.ukb.main_table import MainTable, read_main_table, require, require_days
from cardiolens.cohorts.withdrawn_list import read_withdrawn
from cardiolens.errors import BadOption
from cardiolens.imaging.phenotype_table import PHENOTYPES

_MASK_NAME = re.compile(r"(?<!\d)([1-9]\d{6})_(?:20209_)?([23])(?:_0)?[_/](?:.*[_/])?label_sa\.nii(?:\.gz)?$", re.ASCII)


@dataclass(frozen=True)
class UkbSources:
    """What the user has."""

    ecg: Path
    """Folder, or list, of field 20205."""
    tables: tuple[Path, ...]
    """The main table, in one file or several."""
    cmr: Path | None = None
    """Folder, or list, of field 20209."""
    withdrawn: Path | None = None
    masks: Path | None = None
    """Folder of NIfTI masks named `<participant>_<instance>_label_sa.nii.gz`, instead of a segmenter."""
    phenotype_table: Path | None = None


@dataclass(frozen=True)
class UkbChoices:
    """What shall be made of it."""

    phenotypes: tuple[Source, ...] = (Source.UKB, Source.OWN, Source.TABLE)
    """In the order of preference."""
    own_phenotypes: tuple[str, ...] = ()
    """Columns that are measured here where there is an MRI."""
    labels: LabelChoices = field(default_factory=LabelChoices)
    ended: Mapping[str, date] = field(default_factory=dict)
    """By country the day on which its hospital records end; countries without one take the last day that is recorded."""
    without: frozenset[int] = frozenset()
    """Fields that the table may lack."""


@dataclass(frozen=True)
class UkbVisits:
    """Every planned row, in the order of subjects' hashes, and what was counted and chosen on the way."""

    visits: tuple[Visit, ...]
    table: VisitTable
    participants: Participants
    phenotype_sources: dict[str, Source]
    flow: tuple[tuple[str, int], ...]
    censored: dict[str, str]
    """By country, the day on which records end."""
    ukb_phenotypes: VisitTable | None = None
    """UK Biobank's values of `agreement.COMPARED`, chosen or not; None where nothing is measured here."""


def plan_visits(sources: UkbSources, choices: UkbChoices, participants: Participants) -> UkbVisits:
    """Find and match everything; no ECG and no MRI is opened.

    Raises:
        BadOption: a folder, table or list is not what it should be; a needed column is absent; nobody is left.
    """
    ecgs = find_bulk_files(sources.ecg, ECG_FIELD)
    scans = find_bulk_files(sources.cmr, CINE_FIELD) if sources.cmr else None
    flow = dict(ecgs.counts)
    for what, count in (scans.counts if scans else {}).items():
        # Both may have been looked for in one folder.
        flow[what] = max(count, flow.get(what, 0))
    withdrawn = read_withdrawn(sources.withdrawn, numbers_only=True) if sources.withdrawn else frozenset()
    kept = {key: file for key, file in ecgs.first.items() if _stays(key[0], withdrawn, participants)}
    flow |= {
        "visits with an ECG": len(ecgs.first),
        "visits of people who withdrew": len(ecgs.first) - len(kept),
        "visits left": len(kept),
    }
    if scans:
        flow["MRI of visits without an ECG"] = len(scans.first.keys() - ecgs.first.keys())
    if not kept:
        raise BadOption(
            sources.ecg, found="nobody who has not withdrawn", expected="at least one visit", remedy="check the list"
        )
    keys = sorted(kept, key=lambda key: (participants.subject(str(key[0])), key[1]))
    numbers = np.array([key[0] for key in keys])
    table = _table(sources, choices, numbers)
    person = np.searchsorted(table.people, numbers)
    instance = np.array([key[1] for key in keys])
    made = _Columns(table, person, instance)
    labelled = visit_labels(table, person, instance, choices.labels, choices.ended)
    mri = {key: scans.first[key] for key in keys if key in scans.first} if scans else {}
    of_ukb = made.ukb_phenotypes()
    chosen, phenotypes = _phenotypes(sources, choices, made, of_ukb, has_mri=bool(mri))
    masks = _masks(sources.masks) if sources.masks else {}
    numeric = pd.concat([made.numeric, labelled.columns, phenotypes], axis=1)
    _refuse_taken_names(numeric, made.texts)
    second = _second_files(participants, ecgs, scans)
    days = [None if pd.isna(day) else day.date() for day in made.days]
    visits = [
        _visit(participants, kept[key], mri.get(key), masks.get(key), day, second.get(key, {}) | reason)
        for key, day, reason in zip(keys, days, labelled.reasons, strict=True)
    ]
    flow["of them with an MRI"] = len(mri)
    if sources.masks:
        flow["of them with masks"] = sum(visit.masks is not None for visit in visits)
    flow["of them in the table"] = int(table.known[person].sum())
    people = participants.recorded((str(number) for number in np.unique(numbers)), withdrawn=withdrawn)
    texts = tuple(made.texts.itertuples(index=False, name=None))
    told = VisitTable(tuple(numeric), numeric.to_numpy(np.float64), tuple(made.texts), texts)
    both = [column for column in COMPARED if mri and column in choices.own_phenotypes and column in of_ukb]
    compared = VisitTable(tuple(both), of_ukb[both].to_numpy(np.float64)) if both else None
    return UkbVisits(tuple(visits), told, people, chosen, tuple(flow.items()), labelled.censored, compared)


def _stays(participant: int, withdrawn: frozenset[str], participants: Participants) -> bool:
    return str(participant) not in withdrawn and participants.subject(str(participant)) not in participants.withdrawn


def _table(sources: UkbSources, choices: UkbChoices, numbers: Int[np.ndarray, " visit"]) -> MainTable:
    fields = body.FIELDS | diagnoses.FIELDS | {phenotype.ukb_field for phenotype in PHENOTYPES}
    table = read_main_table(sources.tables, fields, numbers)
    needed = [FieldColumn(body.SEX), FieldColumn(body.AGE, 2), FieldColumn(body.VISIT_DATE, 2), FieldColumn(diagnoses.CODES)]
    require(table, sources.tables[0], needed, waived=choices.without)
    if (FieldColumn(diagnoses.CODES) in table) and not table.of_field(diagnoses.CODE_DATES):
        require(table, sources.tables[0], [FieldColumn(diagnoses.CODE_DATES)], waived=choices.without)
    require_days(table, (body.VISIT_DATE, body.LOST, diagnoses.CODE_DATES, diagnoses.DEATH_DATE))
    return table


class _Columns:
    """What the table says of every visit."""

    def __init__(self, table: MainTable, person: Int[np.ndarray, " visit"], instance: Int[np.ndarray, " visit"]) -> None:
        found = body.covariates(table, person, instance)
        self.texts = found.select_dtypes(object)
        self.numeric = found.drop(columns=list(self.texts))
        self.days = body.visit_days(table, person, instance)
        self.participants = table.people[person]
        self._table, self._person, self.instance = table, person, instance

    def ukb_phenotypes(self) -> pd.DataFrame:
        """Those of which the table has a column."""
        there = [p for p in PHENOTYPES if any(FieldColumn(p.ukb_field, visit) in self._table for visit in IMAGING)]
        values = (body.of_visit(self._table, p.ukb_field, self._person, self.instance, signed=True) for p in there)
        return pd.DataFrame({p.column: of_visits for p, of_visits in zip(there, values, strict=True)})


def _phenotypes(
    sources: UkbSources, choices: UkbChoices, made: _Columns, of_ukb: pd.DataFrame, *, has_mri: bool
) -> tuple[dict[str, Source], pd.DataFrame]:
    """The source of every column, and the columns that do not have to be measured."""
    of_users = pd.DataFrame()
    if sources.phenotype_table:
        keys = pd.MultiIndex.from_arrays([made.participants.astype(str), made.instance])
        given = read_phenotype_table(sources.phenotype_table, first_visit=IMAGING[0])
        if not keys.isin(given.index).any():
            raise BadOption(
                sources.phenotype_table, found="none of the visits with an ECG", expected="the same people, instance 2 or 3",
                remedy="numbers differ between applications: use files of one application",
            )  # fmt: skip
        of_users = given.reindex(keys).reset_index(drop=True)
    available = {Source.OWN: choices.own_phenotypes if has_mri else ()}
    available |= {
        source: list(table.columns[table.notna().any()]) for source, table in ((Source.UKB, of_ukb), (Source.TABLE, of_users))
    }
    chosen = choose_sources(choices.phenotypes, available)
    columns = {c: (of_ukb if source is Source.UKB else of_users)[c] for c, source in chosen.items() if source is not Source.OWN}
    return chosen, pd.DataFrame(columns, index=range(len(made.instance)))


def _masks(folder: Path) -> dict[tuple[int, int], str]:
    if not folder.is_dir():
        raise BadOption(folder, found="no such folder", expected="a folder of NIfTI masks", remedy="check the path")
    found = {}
    for path in sorted(folder.rglob("*.nii*")):
        if name := _MASK_NAME.search(path.relative_to(folder).as_posix()):
            found.setdefault((int(name[1]), int(name[2])), str(path))
    if not found:
        raise BadOption(
            folder, found="no mask of a visit", expected="files such as 1000000_2_label_sa.nii.gz", remedy="rename the masks"
        )
    return found


def _refuse_taken_names(numeric: pd.DataFrame, texts: pd.DataFrame) -> None:
    names = pd.Index([*numeric, *texts])
    if (twice := names[names.duplicated()]).size:
        raise BadOption(
            "--disease", found=f"{twice[0]}, which is a column already", expected="another name", remedy="rename the disease"
        )


def _second_files(people: Participants, ecgs: BulkFiles, scans: BulkFiles | None) -> dict[tuple[int, int], dict[str, str]]:
    """By visit, the files that are not used because it has another of their kind, people's numbers hidden."""
    troubles: dict[tuple[int, int], dict[str, str]] = {}
    for what, files in (("ECG", ecgs.more), ("MRI", scans.more if scans else ())):
        names: dict[tuple[int, int], list[str]] = {}
        for file in files:
            number = str(file.participant)
            shown = Path(file.path).name.replace(number, f"id-{people.subject(number)[:8]}")
            names.setdefault((file.participant, file.instance), []).append(shown)
        for key, shown in names.items():
            told = f"{', '.join(shown)}: a second {what} of one visit; the first is used"
            troubles.setdefault(key, {})[f"second {what.lower()}"] = told
    return troubles


def _visit(
    people: Participants, ecg: BulkFile, scan: BulkFile | None, masks: str | None, day: date | None, lost: dict[str, str]
) -> Visit:
    return Visit(
        people.subject(str(ecg.participant)),
        ecg.instance,
        ecg.path,
        None if scan is None else scan.path,
        None if scan is None else masks,
        lost,
        day,
        hidden=(str(ecg.participant),),
    )
