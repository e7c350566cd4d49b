import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from cardiolens.cohorts.worker import start_worker


def test_a_worker_computes_in_one_thread_and_the_parent_is_left_alone():
    before = os.environ.get("OMP_NUM_THREADS")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=start_worker) as pool:
        threads = [pool.submit(os.getenv, f"{name}_NUM_THREADS").result() for name in ("OMP", "OPENBLAS", "NUMBA")]
    assert threads == ["1", "1", "1"]
    assert os.environ.get("OMP_NUM_THREADS") == before


def test_starting_a_worker_loads_no_library_that_counts_threads_at_import():
    code = "import sys, cardiolens.cohorts.worker; print(sorted({'numpy', 'torch', 'scipy', 'numba'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
