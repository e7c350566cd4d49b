"""Making every row of a cohort, in this process or in several, with constant memory and the same bits."""

from __future__ import annotations

import logging
from pathlib import Path

from cardiolens.cohorts.manifest import CohortSettings, Flow
from cardiolens.cohorts.rows import RefusedRow, RowMaker, SubjectRow
from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.writer import CHUNK_ROWS, already_complete, open_writer
from cardiolens.errors import BadInput
from cardiolens.parallel import HERE, Workers
from cardiolens.privacy import display_name, hiding_by
from cardiolens.progress import QUIET, Progress

_LOG = logging.getLogger(__name__)


def build_cohort(
    out: Path,
    settings: CohortSettings,
    maker: RowMaker,
    *,
    num_rows: int,
    split_key: bytes,
    chunk_rows: int = CHUNK_ROWS,
    workers: Workers = HERE,
    flow: Flow = (),
    progress: Progress = QUIET,
) -> Cohort:
    """The cohort of these settings at `out`: opened where it is complete, otherwise built or completed first.

    Row `i` is `maker.make(i)`; a row refused by `BadInput` is listed in `refused.csv`. At most two chunks of `chunk_rows` per
    worker are in memory, and a kill costs no more than these. `flow` is stored as it is.

    Raises:
        BadOption: `out` is taken by something else, or a half-built cohort there has other settings.
        NoSpace: the disk is full; free some and run again.
        CardiolensError: a worker was killed, or the cluster is lost; run again.
    """
    if already_complete(out, settings, num_planned=num_rows):
        _LOG.info("%s is complete already", display_name(out))
        return Cohort.open(out)
    with open_writer(out, settings, num_planned=num_rows, chunk_rows=chunk_rows, split_key=split_key) as writer:
        missing = writer.missing_chunks()
        done = num_rows - sum(map(len, missing))
        with progress.task(f"preparing {display_name(out)}", total=num_rows, done=done, unit="subjects") as task:
            parts = ((maker.part(chunk), chunk) for chunk in missing)
            with hiding_by(maker.hash_key):
                for chunk, rows in zip(missing, workers.map(make_chunk, parts, count=len(missing)), strict=True):
                    writer.store(chunk, rows)
                    task.advance(len(chunk))
        writer.finish(flow)
    return Cohort.open(out)


def make_chunk(part: tuple[RowMaker, range]) -> list[SubjectRow | RefusedRow]:
    """The rows of one chunk: the task that a worker does."""
    maker, chunk = part
    with hiding_by(maker.hash_key):
        return [_row(maker, index) for index in chunk]


def _row(maker: RowMaker, index: int) -> SubjectRow | RefusedRow:
    try:
        return maker.make(index)
    except BadInput as error:
        return RefusedRow(maker.subject(index), str(error), maker.visit(index))
