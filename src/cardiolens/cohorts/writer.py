"""A cohort under construction: built beside its place, in chunks, and moved there in one step when it is complete.

`<out>.building/` holds the growing arrays and one small table per finished chunk. A chunk's table appears only after its
rows are on the disk, so after a kill, a power cut or a full disk exactly the chunks without a table are missing, and doing
them again gives the same bits. It does not make rows; `build` does.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from cardiolens.cohorts.array_files import ArrayRows, keep_rows
from cardiolens.cohorts.durable import full_disk_named, sha256, sync, write_durably
from cardiolens.cohorts.manifest import (
    MANIFEST,
    REFUSED,
    SUBJECTS,
    ArrayFile,
    CohortManifest,
    CohortSettings,
    building_folder,
    differing_settings,
    manifest_bytes,
    read_manifest,
)
from cardiolens.cohorts.rows import RefusedRow, SubjectRow
from cardiolens.cohorts.splits import SPLITS, split_of
from cardiolens.cohorts.store import check_subjects
from cardiolens.configs import to_json
from cardiolens.errors import BadCohort, BadOption
from cardiolens.privacy import hide_participants

CHUNK_ROWS = 32
"""Rows between two points from which a stopped build goes on."""
_PLAN, _LOCK, _CHUNKS = "plan.json", "lock", "chunks"
_ROW, _REFUSED = "row", "refused"


class CohortWriter:
    """Takes finished chunks in any order and makes a cohort of them; a context manager, since it holds a lock.

    `num_planned` rows are foreseen; refused ones leave no gap in the end. `split_key` decides the splits.

    Raises:
        BadOption: `out` is taken, a half-built cohort of other settings is there, or another process is building it.
        NoSpace: the disk is full; every method may raise it, and what is complete is kept.
    """

    def __init__(self, out: Path, settings: CohortSettings, *, num_planned: int, split_key: bytes) -> None:
        self._out, self._folder = out, building_folder(out)
        self._settings, self._num_planned, self._split_key = settings, num_planned, split_key
        self._arrays: dict[str, ArrayRows] = {}
        _refuse_taken(out)
        with full_disk_named(out):
            (self._folder / _CHUNKS).mkdir(parents=True, exist_ok=True)
            self._lock = _locked(self._folder)
            self._keep_to_plan()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for array in self._arrays.values():
            array.close()
        os.close(self._lock)

    def missing_chunks(self) -> list[range]:
        """The row numbers of every chunk that is not yet stored."""
        if (self._folder / MANIFEST).exists():
            return []
        starts = range(0, self._num_planned, CHUNK_ROWS)
        chunks = [range(start, min(start + CHUNK_ROWS, self._num_planned)) for start in starts]
        return [chunk for chunk in chunks if not self._table_path(chunk).exists()]

    def store(self, chunk: range, rows: Sequence[SubjectRow | RefusedRow]) -> None:
        """Put the rows of one chunk on the disk; when this returns, they survive a power cut."""
        assert len(rows) == len(chunk)
        with full_disk_named(self._out):
            for number, row in zip(chunk, rows, strict=True):
                if isinstance(row, SubjectRow):
                    self._store_arrays(number, row)
            for array in self._arrays.values():
                array.sync()
            table = pd.DataFrame([_record(number, row) for number, row in zip(chunk, rows, strict=True)])
            write_durably(self._table_path(chunk), table.to_parquet(index=False))

    def finish(self) -> None:
        """Make the complete cohort and move it to its place.

        Raises:
            BadCohort: no subject was usable, or one would be in two splits.
        """
        assert not self.missing_chunks()
        with full_disk_named(self._out):
            if not (self._folder / MANIFEST).exists():
                self._complete()
            shutil.rmtree(self._folder / _CHUNKS)
            for name in (_PLAN, _LOCK):
                (self._folder / name).unlink(missing_ok=True)
            os.rename(self._folder, self._out)
            sync(self._out.parent)

    def _keep_to_plan(self) -> None:
        # Chunks of two versions of the program, or of two sizes, must not be mixed.
        asked = _plan(self._settings, num_planned=self._num_planned) | {"made_by": _made_by(), "chunk_rows": CHUNK_ROWS}
        path = self._folder / _PLAN
        stored = json.loads(path.read_text()) if path.exists() else asked
        if stored != asked:
            raise BadOption(
                self._folder,
                found=f"a half-built cohort with {differing_settings(stored, asked)}",
                expected="the settings asked for",
                remedy="run it again with its own settings, choose another folder, or delete it",
            )
        write_durably(path, json.dumps(asked, indent=2, sort_keys=True).encode())

    def _store_arrays(self, number: int, row: SubjectRow) -> None:
        assert np.isfinite(row.ecg).all()
        assert np.isfinite(row.ecg_scale).all()
        self._array("ecg.npy", row.ecg).write(number, row.ecg)
        self._array("ecg_scale.npy", row.ecg_scale).write(number, row.ecg_scale)
        if row.cmr is not None:
            self._array("cmr.npy", row.cmr).write(number, row.cmr)

    def _array(self, name: str, example: np.ndarray) -> ArrayRows:
        if name not in self._arrays:
            self._arrays[name] = ArrayRows(
                self._folder / name, num_rows=self._num_planned, row_shape=example.shape, dtype=example.dtype
            )
        return self._arrays[name]

    def _table_path(self, chunk: range) -> Path:
        return self._folder / _CHUNKS / f"{chunk.start:08d}.parquet"

    def _complete(self) -> None:
        tables = [pd.read_parquet(path) for path in sorted((self._folder / _CHUNKS).glob("*.parquet"))]
        everyone = pd.concat(tables, ignore_index=True)
        refused = everyone[_REFUSED].notna()
        kept = everyone[~refused]
        if kept.empty:
            raise BadCohort(
                self._out,
                found=f"no usable subject among {len(everyone)}; the first: {everyone[_REFUSED].iloc[0]}",
                expected="at least one",
                remedy=f"mend the input and delete {self._folder.name}",
            )
        files = [path for path in (self._folder / name for name in ("ecg.npy", "ecg_scale.npy", "cmr.npy")) if path.exists()]
        for path in files:
            keep_rows(path, kept[_ROW].to_numpy())
        subjects = _subjects(kept, self._split_key)
        check_subjects(self._out, subjects, num_rows=len(kept))
        write_durably(self._folder / SUBJECTS, subjects.to_parquet(index=False))
        reasons = everyone.loc[refused, ["subject", "visit", _REFUSED]].rename(columns={_REFUSED: "reason"})
        write_durably(self._folder / REFUSED, reasons.to_csv(index=False).encode())
        counts = subjects["split"].value_counts()
        manifest = CohortManifest(
            settings=self._settings,
            made_by=_made_by(),
            num_rows=len(subjects),
            num_subjects=int(subjects["subject"].nunique()),
            num_refused=int(refused.sum()),
            rows_per_split={split: int(counts.get(split, 0)) for split in SPLITS},
            arrays={path.name: _described(path) for path in files},
            tables={name: sha256(self._folder / name) for name in (SUBJECTS, REFUSED)},
        )
        write_durably(self._folder / MANIFEST, manifest_bytes(manifest))


def already_complete(out: Path, settings: CohortSettings, *, num_planned: int) -> bool:
    """Whether `out` is the complete cohort of exactly these settings and planned rows, so that nothing is left to do.

    Raises:
        BadOption: `out` is a complete cohort of other settings.
        BadCohort: `out` has a manifest that cannot be read.
    """
    if not (out / MANIFEST).exists():
        return False
    manifest = read_manifest(out)
    stored = _plan(manifest.settings, num_planned=manifest.num_rows + manifest.num_refused)
    asked = _plan(settings, num_planned=num_planned)
    if stored != asked:
        raise BadOption(
            out,
            found=f"a complete cohort with {differing_settings(stored, asked)}",
            expected="the settings asked for",
            remedy="choose another folder, or delete this one",
        )
    return True


def _refuse_taken(out: Path) -> None:
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise BadOption(
            out,
            found="a file" if out.is_file() else "a folder with other files in it",
            expected="a new or an empty folder",
            remedy="choose another name",
        )


def _locked(folder: Path) -> int:
    """A lock that the system takes back when the process ends, however it ends."""
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise BadOption(
            folder, found="another process building this cohort", expected="one at a time", remedy="wait until it is done"
        ) from error
    return lock


def _record(number: int, row: SubjectRow | RefusedRow) -> dict[str, Any]:
    identity = {_ROW: number, "subject": row.subject, "visit": row.visit}
    if isinstance(row, RefusedRow):
        return identity | {_REFUSED: hide_participants(row.reason), "has_cmr": False}
    numbers = {name: float(value) for name, value in row.numbers.items()}
    return identity | {_REFUSED: None, "has_cmr": row.cmr is not None} | dict(row.texts) | numbers


def _subjects(kept: pd.DataFrame, split_key: bytes) -> pd.DataFrame:
    subjects = kept.drop(columns=[_ROW, _REFUSED]).reset_index(drop=True)
    subjects.insert(2, "split", [split_of(subject, split_key) for subject in subjects["subject"]])
    return subjects


def _plan(settings: CohortSettings, *, num_planned: int) -> dict[str, Any]:
    """As JSON would give it back: tuples are lists."""
    return json.loads(json.dumps(to_json(settings) | {"num_planned": num_planned}))


def _described(path: Path) -> ArrayFile:
    array = np.load(path, mmap_mode="r")
    return ArrayFile(str(array.dtype), array.shape, sha256(path))


def _made_by() -> str:
    return f"cardiolens {version('cardiolens')}"
