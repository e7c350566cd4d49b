"""Build a cohort again and again, each time killed at another of the steps that change the disk, then completed.

Run as a program, since only a process of its own may be forked safely:
    python killed_at_steps.py FOLDER STRIDE
leaves FOLDER/<step>/ for step 0, STRIDE, 2 x STRIDE, ... until a build ends before its step comes.
"""

import os
import sys
from pathlib import Path

from fake_rows import fake_cohort

STEPS = ("fsync", "replace", "rename", "unlink", "rmdir", "mkdir", "pwrite")
KILLED = 9


def build(out):
    fake_cohort(out, num_rows=33, refused=(5,))


def build_until(step, out, build=build):
    """The process ends at the `step`th call that changes the disk, before it has an effect and without any clean-up."""
    calls = iter(range(step))

    def counted(real):
        def call(*arguments, **options):
            if next(calls, None) is None:
                os._exit(KILLED)
            return real(*arguments, **options)

        return call

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))
    build(out)


def in_own_process(work, *arguments):
    child = os.fork()
    if child == 0:
        work(*arguments)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def build_again_and_again(folder, stride, build=build):
    step = 0
    while in_own_process(build_until, step, folder / str(step), build) == KILLED:
        in_own_process(build, folder / str(step))
        step += stride


if __name__ == "__main__":
    build_again_and_again(Path(sys.argv[1]), int(sys.argv[2]))
