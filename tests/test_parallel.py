import math
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from cardiolens.errors import CardiolensError
from cardiolens.parallel import map_in_order, map_some_in_order, start_worker


def test_a_worker_computes_in_one_thread_and_the_parent_is_left_alone():
    before = os.environ.get("OMP_NUM_THREADS")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=start_worker) as pool:
        threads = [pool.submit(os.getenv, f"{name}_NUM_THREADS").result() for name in ("OMP", "OPENBLAS", "NUMBA")]
    assert threads == ["1", "1", "1"]
    assert os.environ.get("OMP_NUM_THREADS") == before


def test_starting_a_worker_loads_no_library_that_counts_threads_at_import():
    code = "import sys, cardiolens.parallel; print(sorted({'numpy', 'torch', 'scipy', 'numba'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def _killed(_item: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_items(processes):
    assert list(map_in_order(math.sqrt, [9.0, 4.0, 1.0, 16.0, 25.0, 0.0], processes=processes)) == [3, 2, 1, 4, 5, 0]


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_is_raised_where_its_result_would_have_come(processes):
    results = map_in_order(math.sqrt, [4.0, -1.0], processes=processes)
    assert next(results) == 2
    with pytest.raises(ValueError, match="math domain error"):
        next(results)


def test_items_are_read_only_as_far_as_the_work_has_come():
    read = []
    results = map_in_order(math.sqrt, (read.append(n) or float(n) for n in range(100)), processes=2)
    next(results)
    assert len(read) <= 5
    results.close()


def _roots(numbers: tuple[float, ...]) -> list[float]:
    return [math.sqrt(number) for number in numbers]


@pytest.mark.parametrize("processes", [1, 2])
def test_small_items_travel_together_and_come_back_one_by_one(processes):
    numbers = [float(number**2) for number in range(7)]
    assert list(map_some_in_order(_roots, numbers, processes=processes, at_once=3)) == [0, 1, 2, 3, 4, 5, 6]
    assert list(map_some_in_order(_roots, [], processes=processes)) == []


def _touch_later(path: Path) -> None:
    if path.name == "slow":
        path.with_name("begun").touch()
        time.sleep(60)
    path.touch()


def test_who_stops_early_does_not_wait_for_what_is_under_way(tmp_path):
    results = map_in_order(_touch_later, [tmp_path / "quick", tmp_path / "slow"] * 2, processes=2)
    next(results)
    while not (tmp_path / "begun").exists():
        time.sleep(0.01)
    results.close()
    # The pool's own thread may have taken a worker's end and not yet noted it, so one look is not enough.
    until = time.monotonic() + 60
    while multiprocessing.active_children() and time.monotonic() < until:
        time.sleep(0.01)
    assert not multiprocessing.active_children()
    assert not (tmp_path / "slow").exists()


def test_a_killed_worker_is_said():
    with pytest.raises(CardiolensError, match="a worker process was killed"):
        list(map_in_order(_killed, [1, 2], processes=2))
