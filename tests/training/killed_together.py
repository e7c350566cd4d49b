"""A program, not a test: trains in pairs of processes that it kills at random moments, until a pair gets to the end.

    python killed_together.py FOLDER NUM_KILLS

Of every three kills one takes both processes, one takes either of them, and one comes from within, while the first process
writes a checkpoint. As torchrun does, it then asks the survivor to end, which must not take long. It imports everything once
and forks, so that a kill costs little; it computes nothing itself.
"""

from __future__ import annotations

import os
import pickle
import random
import signal
import sys
import time
from pathlib import Path

import monai.networks.nets  # noqa: F401  which takes a second, and methods import it when they are built
from trained_together import Case, free_port, in_float64, set_environment, train

from cardiolens.training import checkpoint
from cardiolens.training.distributed import is_first, joined

CASE = Case("contrastive", rows=16, settings=(("epochs", 6), ("checkpoint_every_steps", 3)), frozen=False)
SECONDS_TO_END = 60


def main(folder: Path, num_kills: int) -> None:
    moments = random.Random(0)
    folder.mkdir()
    for kill in range(num_kills):
        from_within = kill % 3 == 2
        pair = _start(folder, dies_in_write=moments.randrange(1, 40) if from_within else 0)
        if from_within:
            os.waitpid(pair.pop(0), 0)
        else:
            time.sleep(moments.uniform(0.1, 1.2))
            for victim in pair if kill % 3 == 0 else [pair[moments.randrange(2)]]:
                os.kill(victim, signal.SIGKILL)
        for process in pair:
            os.kill(process, signal.SIGTERM)
            _wait(process)
    for process in _start(folder):
        status = _wait(process)
        if status:
            sys.exit(status)


def _start(folder: Path, *, dies_in_write: int = 0) -> list[int]:
    port = free_port()
    return [_fork(folder, rank, port, dies_in_write if rank == 0 else 0) for rank in (0, 1)]


def _fork(folder: Path, rank: int, port: int, dies_in_write: int) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        in_float64()
        set_environment(rank, 2, port)
        if dies_in_write:
            _die_in_write(dies_in_write)
        with joined("cpu"):
            found = train(CASE, folder)
            if is_first():
                (folder / "found.pickle").write_bytes(pickle.dumps(found))
        status = 0
    finally:
        os._exit(status)


def _die_in_write(number: int) -> None:
    original, written = checkpoint._HashingFile.write, []

    def write(self, content):
        written.append(content)
        if len(written) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(self, content)

    checkpoint._HashingFile.write = write


def _wait(process: int) -> int:
    """The exit status of a process, which ends in time."""
    until = time.monotonic() + SECONDS_TO_END
    while time.monotonic() < until:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(process, signal.SIGKILL)
    sys.exit("a process whose companion was killed does not end")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
