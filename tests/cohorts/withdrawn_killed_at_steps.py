"""Take people out of everything again and again, each time killed at another of the steps that change the disk, then once more.

Run as a program, since only a process of its own may be forked safely:
    python withdrawn_killed_at_steps.py FOLDER STRIDE
copies FOLDER/whole to FOLDER/<step>/ for step 0, STRIDE, 2 x STRIDE, ... until a withdrawal ends before its step comes.
"""

import shutil
import sys
from pathlib import Path

# Imported here once, instead of in every process.
import pyarrow.compute
import pyarrow.dataset
import pyarrow.parquet  # noqa: F401
from killed_at_steps import KILLED, build_until, in_own_process

import cardiolens.serving.withdrawal  # noqa: F401
from cardiolens.cli import main


def take_out(folder):
    status = main(
        [
            "withdraw",
            "--list",
            str(folder / "gone.txt"),
            "--key",
            str(folder / "key.json"),
            str(folder / "cohorts"),
            str(folder),
        ]
    )
    if status != 0:
        raise SystemExit(f"ended with status {status}")


def take_out_again_and_again(folder, stride):
    step = 0
    while True:
        place = folder / str(step)
        shutil.copytree(folder / "whole", place)
        if in_own_process(build_until, step, place, take_out) != KILLED:
            break
        if in_own_process(take_out, place) != 0:
            raise SystemExit(f"step {step}: not completed")
        step += stride


if __name__ == "__main__":
    take_out_again_and_again(Path(sys.argv[1]), int(sys.argv[2]))
