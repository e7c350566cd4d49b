"""Making every row of a cohort, in this process or in several, with constant memory and the same bits."""

from __future__ import annotations

import functools
import logging
from pathlib import Path

from cardiolens.cohorts.manifest import CohortSettings
from cardiolens.cohorts.rows import RefusedRow, RowMaker, SubjectRow
from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.writer import already_complete, open_writer
from cardiolens.errors import BadInput
from cardiolens.parallel import map_in_order
from cardiolens.privacy import display_name
from cardiolens.progress import QUIET, Progress

_LOG = logging.getLogger(__name__)


def build_cohort(
    out: Path,
    settings: CohortSettings,
    maker: RowMaker,
    *,
    num_rows: int,
    split_key: bytes,
    processes: int = 1,
    progress: Progress = QUIET,
) -> Cohort:
    """The cohort of these settings at `out`: opened where it is complete, otherwise built or completed first.

    Row `i` is `maker.make(i)`; a row refused by `BadInput` is listed in `refused.csv`. At most two chunks per process are in
    memory.

    Raises:
        BadOption: `out` is taken by something else, or a half-built cohort there has other settings.
        NoSpace: the disk is full; free some and run again.
        CardiolensError: a worker process was killed; run again.
    """
    if already_complete(out, settings, num_planned=num_rows):
        _LOG.info("%s is complete already", display_name(out))
        return Cohort.open(out)
    with open_writer(out, settings, num_planned=num_rows, split_key=split_key) as writer:
        missing = writer.missing_chunks()
        done = num_rows - sum(map(len, missing))
        with progress.task(f"preparing {display_name(out)}", total=num_rows, done=done, unit="subjects") as task:
            work = functools.partial(make_chunk, maker)
            made = map_in_order(work, missing, processes=min(processes, len(missing)))
            for chunk, rows in zip(missing, made, strict=True):
                writer.store(chunk, rows)
                task.advance(len(chunk))
        writer.finish()
    return Cohort.open(out)


def make_chunk(maker: RowMaker, chunk: range) -> list[SubjectRow | RefusedRow]:
    """The rows of one chunk: the task that a worker does."""
    return [_row(maker, index) for index in chunk]


def _row(maker: RowMaker, index: int) -> SubjectRow | RefusedRow:
    try:
        return maker.make(index)
    except BadInput as error:
        return RefusedRow(maker.subject(index), str(error), maker.visit(index))
