"""Making every row of a cohort, in this process or in several, with constant memory and the same bits."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from cardiolens.cohorts.manifest import CohortSettings
from cardiolens.cohorts.rows import RefusedRow, RowMaker, SubjectRow
from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.worker import start_worker
from cardiolens.cohorts.writer import already_complete, open_writer
from cardiolens.errors import BadInput, CardiolensError
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
            for chunk, rows in _made(maker, missing, processes):
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


def _made(maker: RowMaker, chunks: Sequence[range], processes: int) -> Iterator[tuple[range, list[SubjectRow | RefusedRow]]]:
    processes = min(processes, len(chunks))
    if processes <= 1:
        for chunk in chunks:
            yield chunk, make_chunk(maker, chunk)
        return
    running: dict[Future[list[SubjectRow | RefusedRow]], range] = {}
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=start_worker) as pool:
        try:
            for chunk in chunks:
                running[pool.submit(make_chunk, maker, chunk)] = chunk
                if len(running) >= 2 * processes:
                    yield from _finished(running)
            while running:
                yield from _finished(running)
        except BrokenProcessPool as error:
            raise CardiolensError(
                "a worker process was killed, perhaps for want of memory; what is complete is kept: "
                "run the same command again, with fewer processes if it happens again"
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _finished(
    running: dict[Future[list[SubjectRow | RefusedRow]], range],
) -> Iterator[tuple[range, list[SubjectRow | RefusedRow]]]:
    for future in wait(running, return_when=FIRST_COMPLETED).done:
        yield running.pop(future), future.result()
