"""Which rows of a cohort stand in which of the published code's files, and its small tables of labels and phenotypes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.tensors.file_names import (
    ONE_HOT,
    SCALE,
    SIZES,
    aligned_labels,
    balanced_ecgs,
    balanced_labels,
    paired_ecgs,
    paired_pictures,
    phenotype_names,
)
from cardiolens.cohorts.tensors.label_files import UNKNOWN
from cardiolens.cohorts.tensors.phenotype_columns import POSITIONS, STANDARDISED_COLUMNS, WIDTH, scale_file
from cardiolens.cohorts.training_sets import SHARES, members
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.signals.cleaning import CleaningConfig
from cardiolens.tasks import TASKS, TaskKind

_STORED = {"train": "train", "val": "validation", "test": "test"}
"""The splits of a cohort that the published splits hold."""
_SHARES = {"hundredth": SHARES["1%"], "tenth": SHARES["10%"], "all": 1.0}
_FEWEST = 2
"""A training set has one of each class at least."""

Rows = Int[np.ndarray, " row"]


@dataclass(frozen=True, eq=False)
class ExportContents:
    """What each file holds, by its name below the folder."""

    ecgs: dict[str, Rows]
    pictures: dict[str, Rows]
    tables: dict[str, Tensor | list[int]]
    texts: dict[str, bytes]
    notes: tuple[str, ...]
    """What the published files cannot say, for whoever reads the folder."""


def export_contents(cohort: Cohort) -> ExportContents:
    """The published files of a cohort: paired rows, labels, balanced training sets, phenotypes.

    Paired are the rows with an MRI; where no row has one, all rows, without pictures.
    """
    paired = {split: rows for split in _STORED if len(rows := _paired(cohort, split))}
    ecgs = {paired_ecgs(split): rows for split, rows in paired.items()}
    pictures = {paired_pictures(split): rows for split, rows in paired.items()} if cohort.cmr is not None else {}
    tables: dict[str, Tensor | list[int]] = {}
    notes: list[str] = []
    if cohort.settings.cleaning != CleaningConfig():
        notes.append("ECGs are cleaned by other settings than the published ones, which no file here says")
    for label in _diseases(cohort):
        values = cohort.values([label])[:, 0]
        for split, rows in paired.items():
            name, unknown = aligned_labels(split, label), int(np.isnan(values[rows]).sum())
            tables[name] = np.where(np.isnan(values), UNKNOWN, values)[rows].astype(int).tolist()
            if unknown:
                notes.append(f"{name}: {unknown} unknown labels are {UNKNOWN}")
            if unknown and split != "train":
                notes.append(f"{ONE_HOT}/{name}: not written, since two columns cannot say unknown")
            elif split != "train":
                tables[f"{ONE_HOT}/{name}"] = _two_columns(values[rows])
        if label in cohort.training_sets:
            order = members(cohort.training_sets[label].to_numpy())
            for size in SIZES:
                rows = order[: max(_FEWEST, round(_SHARES[size] * len(order)))]
                ecgs[balanced_ecgs(label, size)] = rows
                tables[balanced_labels(label, size)] = _two_columns(values[rows])
    phenotypes = _Phenotypes.of(cohort)
    for split in _STORED:
        rows = cohort.rows(_STORED[split])
        rows = rows[np.isfinite(phenotypes.standardised[rows]).any(axis=1)]
        if len(rows):
            ecg_name, value_name, mask_name = phenotype_names(split)
            ecgs[ecg_name] = rows
            tables[value_name], tables[mask_name] = phenotypes.tables(rows)
    absent = len(cohort.subjects) - len(np.unique(np.concatenate([*ecgs.values(), np.zeros(0, dtype=int)])))
    if absent:
        notes.append(f"{absent} rows without MRI, without phenotypes and in no training set are in no file")
    return ExportContents(ecgs, pictures, tables, {SCALE: phenotypes.scale} if phenotypes.scale else {}, tuple(notes))


@dataclass(frozen=True, eq=False)
class _Phenotypes:
    """The 61 phenotypes of every row, standardised over the training split, NaN where unknown."""

    standardised: Float[np.ndarray, "row 61"]
    scale: bytes
    """`phenotype_scale.csv`; empty where no phenotype has a unit."""

    @classmethod
    def of(cls, cohort: Cohort) -> _Phenotypes:
        standardised = np.full((len(cohort.subjects), len(PHENOTYPE_COLUMNS)), np.nan)
        scaled: list[tuple[str, float, float]] = []
        train = cohort.rows("train")
        for place, (column, without_unit) in enumerate(zip(PHENOTYPE_COLUMNS, STANDARDISED_COLUMNS, strict=True)):
            if column in cohort.subjects:
                values = cohort.values([column])[:, 0]
                known = values[train][np.isfinite(values[train])]
                # Without one value to train on there is nothing to standardise by.
                if len(known):
                    scaled.append((column, float(known.mean()), float(known.std()) or 1.0))
                    standardised[:, place] = (values - scaled[-1][1]) / scaled[-1][2]
            elif without_unit in cohort.subjects:
                standardised[:, place] = cohort.values([without_unit])[:, 0]
        return cls(standardised, scale_file(scaled) if scaled else b"")

    def tables(self, rows: Rows) -> tuple[Tensor, Tensor]:
        """Values, zero where unknown, and the mask that says where they are known."""
        chosen = self.standardised[rows]
        values, mask = torch.zeros(len(rows), WIDTH), torch.zeros(len(rows), WIDTH)
        values[:, POSITIONS] = torch.from_numpy(np.nan_to_num(chosen)).to(torch.float32)
        mask[:, POSITIONS] = torch.from_numpy(np.isfinite(chosen)).to(torch.float32)
        return values, mask


def _paired(cohort: Cohort, split: str) -> Rows:
    rows = cohort.rows(_STORED[split])
    return rows if cohort.cmr is None else rows[cohort.subjects["has_cmr"].to_numpy(bool)[rows]]


def _diseases(cohort: Cohort) -> list[str]:
    columns = [task.columns[0] for task in TASKS.values() if task.kind is TaskKind.CLASSIFICATION]
    return [column for column in columns if column in cohort.subjects and cohort.subjects[column].notna().any()]


def _two_columns(labels: Float[np.ndarray, " row"]) -> Int[Tensor, "row 2"]:
    return torch.nn.functional.one_hot(torch.from_numpy(labels.astype(np.int64)), 2)
