"""Work on several processes with constant memory, in order. Imports nothing that starts threads: workers set their number."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from cardiolens.errors import CardiolensError

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 2
"""Items under way per process: what a worker does next lies ready, and no more than that is in memory."""


_SECONDS_TO_STOP = 30.0
"""So long a worker whose parent has ended may take to do so, too."""


@dataclass(frozen=True)
class Workers:
    """Who does the work: processes of this machine, or the workers of a Dask cluster."""

    processes: int = 1
    """On this machine; 1 works in this process."""
    scheduler: str | None = None
    """Address of a Dask scheduler, such as tcp://node1:8786; it takes the place of processes here."""

    def map(self, work: Callable[[Item], Result], items: Iterable[Item], *, count: int) -> Iterator[Result]:
        """`work` of `count` items, in their order, as `map_in_order` says.

        Raises:
            CardiolensError: a worker was killed and nobody else could do its work, or the scheduler cannot be reached.
        """
        if self.scheduler is not None:
            from cardiolens.cluster import map_on_cluster

            return map_on_cluster(work, items, address=self.scheduler)
        return map_in_order(work, items, processes=min(self.processes, count))


HERE = Workers()
"""This process alone."""


def map_in_order(work: Callable[[Item], Result], items: Iterable[Item], *, processes: int) -> Iterator[Result]:
    """`work` of every item, in the items' order; in this process where `processes` is 1.

    `work` and items travel to the workers by pickle. `items` is read only as far as the work has come. An error of `work` is
    raised where its result would have come.

    Raises:
        CardiolensError: a worker process was killed.
    """
    if processes <= 1:
        yield from map(work, items)
        return
    waiting: deque[Future[Result]] = deque()
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"), initializer=start_worker) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= _AHEAD * processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BaseException as error:
            # Who is stopped does not wait for what nobody will take; a worker that trains leaves a checkpoint first.
            for worker in set(multiprocessing.active_children()) - others:
                worker.terminate()
            if not isinstance(error, BrokenProcessPool):
                raise
            raise CardiolensError(
                "a worker process was killed, perhaps for want of memory; what is complete is kept: "
                "run the same command again, with fewer processes if it happens again"
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def map_some_in_order(
    work: Callable[[tuple[Item, ...]], Iterable[Result]], items: Iterable[Item], *, processes: int, at_once: int = 16
) -> Iterator[Result]:
    """As `map_in_order` for small items: `work` gets several, `at_once` but for the last, and answers for each in their order.

    Raises:
        CardiolensError: a worker process was killed.
    """
    waiting = iter(items)
    several = iter(lambda: tuple(islice(waiting, at_once)), ())
    for results in map_in_order(work, several, processes=processes):
        yield from results


def start_worker() -> None:
    """One thread per worker, Ctrl-C left to the parent, and an end when the parent ends, even by a kill."""
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
        os.environ[f"{library}_NUM_THREADS"] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        # One that trains leaves a checkpoint.
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_SECONDS_TO_STOP)
        os._exit(1)
