"""A cohort of the published code's files, which hold cleaned ECGs, pictures and labels, row by row and without names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from cardiolens.cohorts.build import build_cohort
from cardiolens.cohorts.manifest import MANIFEST, CohortSettings, read_manifest
from cardiolens.cohorts.rows import RowMaker, SubjectRow
from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.tensors.ecg_scan import scan_ecgs
from cardiolens.cohorts.tensors.file_names import TensorFiles, find_tensors
from cardiolens.cohorts.tensors.joined_rows import TENSORS_KEY, PlannedRow, join_rows
from cardiolens.cohorts.tensors.label_files import read_label_tables
from cardiolens.cohorts.tensors.phenotype_columns import PhenotypeScale, read_phenotypes, read_scale
from cardiolens.cohorts.tensors.tensor_file import fingerprint
from cardiolens.cohorts.tensors.tensor_rows import close_files, open_ecgs, open_pictures
from cardiolens.errors import BadImage, BadInput, BadRecording
from cardiolens.imaging.views import PublishedWindow, ViewConfig
from cardiolens.parallel import HERE, Workers
from cardiolens.progress import QUIET, Progress
from cardiolens.signals.cleaning import LEAD_GROUPS


def prepare_tensors(
    folder: Path, out: Path, *, published_window: bool = False, workers: Workers = HERE, progress: Progress = QUIET
) -> Cohort:
    """Make, or complete, a cohort of the files in `folder`; a complete one of these files is opened.

    Splits are the files' own, validation halved by a hash. ECGs count as cleaned by the published settings; the voltage they
    were divided by is unknown. `published_window` cuts from every picture what the published loader shows of it, which is
    right for its own files, whose pictures show the whole chest; without it pictures stay as they are.

    Raises:
        BadInput: `folder` has no such files, or they contradict one another; nothing was written.
        BadOption: `out` holds something else.
        NoSpace: the disk is full; free some and run again.
    """
    try:
        files = find_tensors(folder.resolve())
        settings = _settings(files, published_window=published_window)
        if (out / MANIFEST).exists() and read_manifest(out).settings == settings:
            return Cohort.open(out)
        _check_lengths(files)
        labels = read_label_tables(files)
        scale = read_scale(files.scale)
        joined = join_rows(files, scan_ecgs(files.ecgs, workers=workers, progress=progress), labels)
        maker = TensorRows(joined.rows, tuple(labels.names), labels.sets, scale if files.phenotypes else None, published_window)
        return build_cohort(
            out, settings, maker, num_rows=len(joined.rows), split_key=TENSORS_KEY, workers=workers, flow=joined.flow,
            progress=progress,
        )  # fmt: skip
    finally:
        close_files()


@dataclass(frozen=True)
class TensorRows(RowMaker):
    """Row `i` is `rows[i - first]`: where its parts are, read when it is made."""

    rows: tuple[PlannedRow, ...]
    labels: tuple[str, ...]
    """Label columns of every row."""
    sets: tuple[str, ...]
    """Labels whose training set the files define."""
    scale: PhenotypeScale | None
    """None where there are no phenotypes."""
    published_window: bool
    first: int = 0

    hash_key = TENSORS_KEY

    def part(self, rows: range) -> TensorRows:
        start = rows.start - self.first
        return replace(self, rows=self.rows[start : start + len(rows)], first=rows.start)

    def subject(self, index: int) -> str:
        return self.rows[index - self.first].subject

    def make(self, index: int) -> SubjectRow:
        row = self.rows[index - self.first]
        if row.fault:
            raise BadRecording(
                f"{row.ecg.path.name} row {row.ecg.row}",
                found=row.fault,
                expected="a cleaned ECG of its own",
                remedy="leave it out",
            )
        cmr, lost = self._picture(row)
        unknown = np.full(len(LEAD_GROUPS), np.nan, dtype=np.float32)
        return SubjectRow(
            row.subject, open_ecgs(row.ecg.path).ecg(row.ecg.row), unknown, cmr, self._numbers(row), {}, lost=lost,
            split=row.split, ranks={label: row.ranks.get(label, -1) for label in self.sets},
        )  # fmt: skip

    def _picture(self, row: PlannedRow) -> tuple[UInt8[np.ndarray, "3 height width"] | None, dict[str, str]]:
        if row.cmr is None:
            return None, {}
        try:
            return open_pictures(row.cmr.path).picture(row.cmr.row, window=self.published_window), {}
        except BadImage as error:
            return None, {"mri": str(error)}

    def _numbers(self, row: PlannedRow) -> dict[str, float]:
        labels = {label: row.labels.get(label, np.nan) for label in self.labels}
        if self.scale is None:
            return labels
        if row.phenotypes is None:
            return labels | dict.fromkeys(self.scale.columns, np.nan)
        files, place = row.phenotypes
        return labels | self.scale.values(read_phenotypes(files)[place].astype(np.float64))


def _settings(files: TensorFiles, *, published_window: bool) -> CohortSettings:
    folder = next(iter(files.ecgs)).parent
    # The content of the files decides the cohort, not where they lie.
    content = {str(path.relative_to(folder)): fingerprint(path) for path in files.everything}
    source = {"kind": "tensors", "published_window": published_window, "files": content}
    return CohortSettings(source, views=ViewConfig(crop=PublishedWindow()) if published_window else ViewConfig())


def _check_lengths(files: TensorFiles) -> None:
    """Hold pictures and phenotypes against their ECGs before long work begins."""
    for split, path in files.pictures.items():
        found, expected = len(open_pictures(path)), len(open_ecgs(files.paired[split]))
        if found != expected:
            raise BadInput(
                path, found=f"{found} pictures", expected=f"{expected}, as many as ECGs in {files.paired[split].name}",
                remedy="give the two files that were made together",
            )  # fmt: skip
    for trio in files.phenotypes.values():
        read_phenotypes(trio)
