"""A cohort under construction: built beside its place, in chunks, and moved there in one step when it is complete.

`<out>.building/` holds the growing arrays and one small table per finished chunk. A chunk's table appears only after its
rows are on the disk, so after a kill, a power cut or a full disk exactly the chunks without a table are missing, and doing
them again gives the same bits. The writer does not make rows; `build` does.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Shaped

from cardiolens.atomic import full_disk_named, sync, write_atomically
from cardiolens.cohorts.array_files import ArrayRows
from cardiolens.cohorts.assembly import DIFFERENCE, DIGEST, LOST, PART, RANK, REASON, ROW, assemble, made_by
from cardiolens.cohorts.construction import LOCK, PLAN, keep_to_plan, locked, refuse_other_plan, refuse_taken, sweep
from cardiolens.cohorts.manifest import MANIFEST, CohortSettings, Flow, building_folder, read_manifest
from cardiolens.cohorts.rows import RefusedRow, SubjectRow
from cardiolens.configs import to_json
from cardiolens.privacy import hide_participants

CHUNK_ROWS = 32
"""Rows between two points from which a stopped build goes on."""
_CHUNKS = "chunks"


class CohortWriter:
    """Takes finished chunks in any order and makes a cohort of them. Made by `open_writer`."""

    def __init__(
        self,
        out: Path,
        settings: CohortSettings,
        *,
        num_planned: int,
        chunk_rows: int,
        split_key: bytes,
        open_files: ExitStack,
    ) -> None:
        self._out, self._folder = out, building_folder(out)
        self._settings, self._num_planned, self._chunk_rows = settings, num_planned, chunk_rows
        self._split_key = split_key
        self._open_files = open_files
        self._arrays: dict[str, ArrayRows] = {}

    def missing_chunks(self) -> list[range]:
        """The row numbers of every chunk that is not yet stored."""
        if (self._folder / MANIFEST).exists():
            return []
        return [chunk for chunk in self._chunks() if not self._table(chunk).exists()]

    def store(self, chunk: range, rows: Sequence[SubjectRow | RefusedRow]) -> None:
        """Put the rows of one chunk on the disk; when this returns, they survive a power cut.

        Raises:
            NoSpace: the disk is full; the chunk counts as missing.
        """
        assert len(rows) == len(chunk)
        with full_disk_named(self._out):
            for number, row in zip(chunk, rows, strict=True):
                if isinstance(row, SubjectRow):
                    self._store_arrays(number, row)
            for array in self._arrays.values():
                array.sync()
            table = pd.DataFrame([_record(number, row) for number, row in zip(chunk, rows, strict=True)])
            write_atomically(self._table(chunk), table.to_parquet(index=False))

    def finish(self, flow: Flow = ()) -> None:
        """Make the complete cohort and move it to its place; `flow` is what was counted on the way to the planned rows.

        Raises:
            BadCohort: no subject was usable, or one would be stored twice.
            NoSpace: the disk is full; call again when there is space.
        """
        assert not self.missing_chunks()
        with full_disk_named(self._out):
            if not (self._folder / MANIFEST).exists():
                tables = [self._table(chunk) for chunk in self._chunks()]
                assemble(self._folder, tables, self._settings, out=self._out, split_key=self._split_key, flow=flow)
            shutil.rmtree(self._folder / _CHUNKS)
            for name in (PLAN, LOCK):
                (self._folder / name).unlink()
            os.rename(self._folder, self._out)
            sync(self._out.parent)

    def _chunks(self) -> list[range]:
        starts = range(0, self._num_planned, self._chunk_rows)
        return [range(start, min(start + self._chunk_rows, self._num_planned)) for start in starts]

    def _table(self, chunk: range) -> Path:
        return self._folder / _CHUNKS / f"{chunk.start:08d}.parquet"

    def _store_arrays(self, number: int, row: SubjectRow) -> None:
        assert np.isfinite(row.ecg).all()
        # Unknown scales of a foreign ECG are all unknown.
        assert np.isfinite(row.ecg_scale).all() or np.isnan(row.ecg_scale).all()
        self._array("ecg.npy", row.ecg).write(number, row.ecg)
        self._array("ecg_scale.npy", row.ecg_scale).write(number, row.ecg_scale)
        for name, images in (("cmr", row.cmr), ("cmr_volumes", row.cmr_volumes), ("cmr_cine", row.cmr_cine)):
            if images is not None:
                self._array(f"{name}.npy", images).write(number, images)

    def _array(self, name: str, example: Shaped[np.ndarray, "..."]) -> ArrayRows:
        if name not in self._arrays:
            array = ArrayRows(self._folder / name, num_rows=self._num_planned, row_shape=example.shape, dtype=example.dtype)
            self._arrays[name] = array
            self._open_files.callback(array.close)
        return self._arrays[name]


@contextmanager
def open_writer(
    out: Path, settings: CohortSettings, *, num_planned: int, split_key: bytes, chunk_rows: int = CHUNK_ROWS
) -> Iterator[CohortWriter]:
    """A writer for the cohort `out`, new or going on where another stopped; nobody else can open one meanwhile.

    `num_planned` rows are foreseen, stored by chunks of `chunk_rows`; refused ones leave no gap in the end. `split_key` decides
    the splits.

    Raises:
        BadOption: `out` is taken, a half-built cohort of other settings is there, or another process is building it.
        NoSpace: the disk is full.
    """
    refuse_taken(out)
    folder = building_folder(out)
    with full_disk_named(out):
        folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as open_files:
        open_files.enter_context(locked(folder, noun="cohort"))
        # A build that was stopped between its last two steps has a manifest in place of a plan.
        already_complete(folder, settings, num_planned=num_planned)
        with full_disk_named(out):
            # Chunks of two versions of the program, or of two sizes, must not be mixed.
            whole_plan = _plan(settings, num_planned=num_planned) | {"made_by": made_by(), "chunk_rows": chunk_rows}
            keep_to_plan(folder, whole_plan, noun="cohort")
            (folder / _CHUNKS).mkdir(exist_ok=True)
            sweep(folder)
        yield CohortWriter(
            out, settings, num_planned=num_planned, chunk_rows=chunk_rows, split_key=split_key, open_files=open_files
        )


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
    refuse_other_plan(out, stored, asked, what="a complete cohort", remedy="choose another folder, or delete this one")
    return True


def _plan(settings: CohortSettings, *, num_planned: int) -> dict[str, Any]:
    """As JSON would give it back: tuples are lists."""
    return json.loads(json.dumps(to_json(settings) | {"num_planned": num_planned}))


def _record(number: int, row: SubjectRow | RefusedRow) -> dict[str, Any]:
    identity = {ROW: number, "subject": row.subject, "visit": row.visit}
    if isinstance(row, RefusedRow):
        return identity | {REASON: hide_participants(row.reason), PART: row.part, LOST: None, "has_cmr": False}
    numbers = {name: float(value) for name, value in row.numbers.items()}
    lost = json.dumps({part: hide_participants(reason) for part, reason in row.lost.items()}) if row.lost else None
    given = {"split": row.split} if row.split else {}
    given |= {f"{RANK}{label}": rank for label, rank in row.ranks.items()}
    given |= {f"{DIFFERENCE}{column}": float(difference) for column, difference in row.differences.items()}
    given |= {DIGEST: row.digest} if row.digest else {}
    return identity | {REASON: None, PART: None, LOST: lost, "has_cmr": row.cmr is not None} | given | dict(row.texts) | numbers
