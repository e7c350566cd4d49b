"""Rows of a cohort from files: one visit's ECG and, where there is one, its MRI."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from cardiolens.cohorts.manifest import NUM_SAMPLES
from cardiolens.cohorts.repeated import ecg_digest
from cardiolens.cohorts.rows import RowMaker, SubjectRow, stored_ecg
from cardiolens.cohorts.writer import CHUNK_ROWS
from cardiolens.errors import BadInput, BadRecording
from cardiolens.formats import read_recording
from cardiolens.formats.declaration import NOTHING_DECLARED, Declaration
from cardiolens.privacy import hide_participants
from cardiolens.signals.cleaning import CleaningConfig
from cardiolens.types import Recording

HEART_RATE = "heart_rate_bpm"
_MRI_CHUNK_ROWS = 8
_MS_PER_MINUTE = 60_000
_CLOCK_OFF_DAYS = 1


@dataclass(frozen=True)
class MriParts:
    """What a cohort keeps of one examination."""

    picture: UInt8[np.ndarray, "3 height width"]
    phenotypes: Mapping[str, float]
    """By column; NaN where one could not be measured."""
    volumes: UInt8[np.ndarray, "2 slice rows columns"] | None = None
    cine: UInt8[np.ndarray, "phase rows columns"] | None = None
    taken_on: date | None = None
    """The day on the scanner's clock, where the files say it."""


ReadMri = Callable[[Path, Path | None], MriParts]
"""Reads the examination at a path, with masks from another where there are some; raises `BadInput`. It travels by pickle."""


@dataclass(frozen=True)
class Visit:
    """The files of one visit and what a table says of it."""

    subject: str
    number: int
    ecg: str = field(repr=False)
    """Path. Paths are left out where the object is shown, since names of files can be those of people."""
    mri: str | None = field(default=None, repr=False)
    masks: str | None = field(default=None, repr=False)
    lost: Mapping[str, str] = field(default_factory=dict)
    """Parts that are known to be unusable, and why."""
    day: date | None = None
    """When it was, where that is known from elsewhere than the ECG."""
    hidden: tuple[str, ...] = field(default=(), repr=False)
    """What the person is called in names of files: shown as a hash in every reason."""
    listed: str = ""
    """Where the user's list names the files, such as "row 3 of the manifest"; said with every reason."""


@dataclass(frozen=True, eq=False)
class VisitTable:
    """What tables say of visits, a row per visit. Kept as arrays: as dictionaries, 60,000 visits would take half a gigabyte."""

    columns: tuple[str, ...]
    values: Float[np.ndarray, "visit column"]
    """NaN where unknown."""
    text_columns: tuple[str, ...] = ()
    texts: tuple[tuple[str | None, ...], ...] = ()
    """A tuple per visit; None where unknown."""

    def part(self, rows: slice) -> VisitTable:
        """Some visits of it."""
        return replace(self, values=self.values[rows].copy(), texts=self.texts[rows])

    def numbers(self, row: int) -> dict[str, float]:
        return dict(zip(self.columns, self.values[row].tolist(), strict=True))

    def words(self, row: int) -> dict[str, str | None]:
        return dict(zip(self.text_columns, self.texts[row], strict=True)) if self.text_columns else {}


@dataclass(frozen=True, eq=False)
class FileRows(RowMaker):
    """Row `i` is visit `i - first` of `visits`."""

    visits: tuple[Visit, ...]
    table: VisitTable = field(repr=False)
    cleaning: CleaningConfig
    hash_key: bytes = field(repr=False)
    read_mri: ReadMri | None = None
    own_phenotypes: tuple[str, ...] = ()
    """Columns that are measured on the MRI here, NaN for visits without one."""
    declared: Declaration = NOTHING_DECLARED
    only: str | None = None
    """The one format that is expected, by its name; None takes any."""
    cut_longer: bool = False
    """Whether recordings of more than ten seconds are cut to their first ten, or refused."""
    others: VisitTable | None = field(default=None, repr=False)
    """Phenotypes from elsewhere, a row per visit, with which those measured here are compared."""
    first: int = 0

    def part(self, rows: range) -> RowMaker:
        places = slice(rows.start - self.first, rows.stop - self.first)
        others = None if self.others is None else self.others.part(places)
        return replace(self, visits=self.visits[places], table=self.table.part(places), others=others, first=rows.start)

    @property
    def chunk_rows(self) -> int:
        """So few rows that a kill costs a minute or two, whatever it takes to make one."""
        return CHUNK_ROWS if self.read_mri is None else _MRI_CHUNK_ROWS

    def subject(self, index: int) -> str:
        return self.visits[index - self.first].subject

    def visit(self, index: int) -> int:
        return self.visits[index - self.first].number

    def make(self, index: int) -> SubjectRow:
        visit = self.visits[index - self.first]
        with _without_names(visit):
            recording = self._recording(visit)
            ecg, scale_mv = stored_ecg(recording, self.cleaning, num_samples=NUM_SAMPLES, cut_longer=self.cut_longer)
        recorded_on = None if recording.recorded_at is None else recording.recorded_at.date()
        lost = dict(visit.lost) | _clock("clock", "recorder", recorded_on, visit.day)
        numbers = self.table.numbers(index - self.first)
        if not np.isfinite(numbers.get(HEART_RATE, np.nan)) and recording.intervals_ms.get("rr"):
            numbers[HEART_RATE] = _MS_PER_MINUTE / recording.intervals_ms["rr"]
        mri = None
        if visit.mri is not None and self.read_mri is not None:
            try:
                with _without_names(visit):
                    mri = self.read_mri(Path(visit.mri), None if visit.masks is None else Path(visit.masks))
            except BadInput as error:
                lost["mri"] = str(error)
        if mri is not None:
            # A picture of another day may be of another visit, or of somebody else.
            lost |= _clock("mri clock", "scanner", mri.taken_on, visit.day or recorded_on)
        measured = dict.fromkeys(self.own_phenotypes, np.nan) if mri is None else mri.phenotypes
        numbers |= {column: measured[column] for column in self.own_phenotypes}
        return SubjectRow(
            visit.subject,
            ecg,
            scale_mv,
            None if mri is None else mri.picture,
            numbers,
            self.table.words(index - self.first),
            visit.number,
            cmr_volumes=None if mri is None else mri.volumes,
            cmr_cine=None if mri is None else mri.cine,
            lost=lost,
            differences={} if self.others is None else _differences(mri, self.others.numbers(index - self.first)),
            digest=ecg_digest(ecg),
        )

    def _recording(self, visit: Visit) -> Recording:
        path = Path(visit.ecg)
        recording = read_recording(path, self.declared)
        if self.only is not None and recording.format != self.only:
            raise BadRecording(path, found=f"a {recording.format} file", expected=self.only, remedy="export it again")
        return recording


def _differences(mri: MriParts | None, others: Mapping[str, float]) -> dict[str, float]:
    measured = {} if mri is None else mri.phenotypes
    return {column: measured.get(column, np.nan) - other for column, other in others.items()}


def inputs_digest(visits: Sequence[Visit], table: VisitTable, key: bytes) -> str:
    """What goes into a cohort: its rows, every value from tables, and the size of every file; keyed, so that it tells nothing.

    A half-built cohort is completed only from what it was begun with.
    """
    digest = hmac.new(key, repr((table.columns, table.text_columns, table.texts)).encode(), hashlib.sha256)
    # Every NaN as the same bits.
    digest.update(np.where(np.isnan(table.values), np.nan, table.values).tobytes())
    for visit in visits:
        sizes = [_size(path) for path in (visit.ecg, visit.mri, visit.masks)]
        digest.update(repr((visit.subject, visit.number, sizes, visit.lost, visit.day)).encode())
    return digest.hexdigest()


def _size(path: str | None) -> int | None:
    try:
        return None if path is None else os.stat(path).st_size
    except OSError:
        return None


@contextmanager
def _without_names(visit: Visit) -> Iterator[None]:
    """Whatever is said of the files of a visit names its person by hash alone."""
    try:
        yield
    except BadInput as error:
        raise type(error)(
            _hidden(error.source, visit),
            found=_hidden(error.found, visit),
            expected=_hidden(error.expected, visit),
            remedy=_hidden(error.remedy, visit) + (f" ({visit.listed})" if visit.listed else ""),
        ) from error


def _hidden(text: str, visit: Visit) -> str:
    for name in visit.hidden:
        text = text.replace(name, f"id-{visit.subject[:8]}")
    return hide_participants(text)


def _clock(part: str, device: str, shown: date | None, day: date | None) -> dict[str, str]:
    """Where a device's date contradicts the visit's: the visit's stands."""
    if day is None or shown is None:
        return {}
    off = (shown - day).days
    if abs(off) <= _CLOCK_OFF_DAYS:
        return {}
    way = "after" if off > 0 else "before"
    return {part: f"the {device}'s date is {abs(off)} days {way} the visit's, which is used"}
