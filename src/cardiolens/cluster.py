"""Work on a Dask cluster with constant memory, in order. Needs the extra `cluster`.

A killed worker's items are done again by others. Dask itself brings the cluster up: on one machine, by SLURM, in a cloud.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from typing import TypeVar

from cardiolens.errors import BadOption, CardiolensError

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 2
"""Items under way per thread of the cluster, as in `parallel`."""
_SECONDS_TO_CONNECT = 30
_LOST = "what is complete is kept: run the same command again"


def map_on_cluster(work: Callable[[Item], Result], items: Iterable[Item], *, address: str) -> Iterator[Result]:
    """`work` of every item, in the items' order, by the workers of the scheduler at `address`.

    `work`, items and results travel by pickle, so the network must be one's own. `items` is read only as far as the work has
    come; workers that join later are used. Every worker must have this version of the program, so that all results are alike.

    Raises:
        BadOption: Dask is not installed, nobody answers at the address, or the cluster has no workers.
        CardiolensError: an item killed several workers, the scheduler is gone, or a worker has another version.
    """
    try:
        from distributed import Client
        from distributed.client import FutureCancelledError
        from distributed.comm.core import CommClosedError
        from distributed.scheduler import KilledWorker
    except ImportError as error:
        raise BadOption(
            "--scheduler", found="no Dask", expected="dask[distributed]", remedy="pip install 'cardiolens[cluster]'"
        ) from error
    try:
        client = Client(address, timeout=_SECONDS_TO_CONNECT, set_as_default=False)
        client.wait_for_workers(1, timeout=_SECONDS_TO_CONNECT)
    except (OSError, ValueError, TimeoutError) as error:
        raise BadOption(
            "--scheduler", found=f"no answer from workers at {address}", expected="a Dask scheduler with workers",
            remedy="start `dask scheduler` and `dask worker`, or mend the address",
        ) from error  # fmt: skip
    checked = functools.partial(_work_of_one_version, work, version("cardiolens"))
    waiting: deque = deque()
    with client:
        try:
            for item in items:
                waiting.append(client.submit(checked, item, pure=False))
                while len(waiting) >= _AHEAD * max(1, sum(client.nthreads().values())):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except KilledWorker as error:
            raise CardiolensError(
                f"workers were killed, perhaps for want of memory; {_LOST}, with more memory per worker"
            ) from error
        except (CommClosedError, FutureCancelledError, OSError) as error:
            raise CardiolensError(f"the scheduler at {address} is gone; {_LOST}") from error


def _work_of_one_version(work: Callable[[Item], Result], wanted: str, item: Item) -> Result:
    found = version("cardiolens")
    if found != wanted:
        raise CardiolensError(f"a worker has cardiolens {found}, this process {wanted}; install one version everywhere")
    return work(item)
