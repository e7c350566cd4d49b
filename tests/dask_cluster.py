"""A Dask cluster of processes on this machine, to be killed at will."""

import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path


def slow(item):
    """Work that leaves time for a kill."""
    time.sleep(0.2)
    return item


@contextmanager
def dask_cluster(folder, *, workers=2):
    """Address of a scheduler, and the processes of its workers; `folder` takes what they write."""
    # What the tests send is found by the workers too.
    paths = os.pathsep.join(str(Path(__file__).parent / room) for room in (".", "cohorts"))
    environment = os.environ | {
        "PYTHONPATH": paths,
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "3",
        "OMP_NUM_THREADS": "1",
    }
    scheduler = ["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show"]
    started = [_start(folder / "scheduler.log", environment, scheduler)]
    try:
        address = _address(folder / "scheduler.log", "Scheduler at:")
        worker = ["worker", address, "--nthreads", "1", "--nworkers", "1", "--no-dashboard", "--no-nanny"]
        started += [
            _start(folder / f"worker-{k}.log", environment, [*worker, "--local-directory", str(folder / f"worker-{k}")])
            for k in range(workers)
        ]
        # Whoever asks the cluster waits half a minute for a worker; to start takes one longer on a busy machine.
        for k in range(workers):
            _address(folder / f"worker-{k}.log", "Registered to:")
        yield address, started[1:]
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()


def _start(log, environment, arguments):
    with log.open("w") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments], stdout=file, stderr=subprocess.STDOUT, env=environment, cwd=log.parent
        )


def _address(log, name):
    for _ in range(3000):
        if found := re.search(rf"{name}\s+(tcp://\S+)", log.read_text()):
            return found.group(1)
        time.sleep(0.1)
    raise AssertionError(log.read_text())
