"""As `killed_at_steps`, for a release whose subjects cost nothing to write.

python release_killed_at_steps.py FOLDER STRIDE
"""

import sys
from pathlib import Path

import pyarrow.parquet  # noqa: F401 - once here, not in every forked process
from killed_at_steps import build_again_and_again

from cardiolens.atomic import write_atomically
from cardiolens.cohorts.release import folder
from cardiolens.cohorts.release.numbers import participant_number
from cardiolens.cohorts.release.subject import WrittenSubject


def cheap_subject(folder, *, seed, index, **_):
    number = participant_number(seed, index)
    for name in (f"{number}_20205_2_0.xml", f"{number}_20209_2_0.zip"):
        write_atomically(folder / name, f"{seed} {index}".encode())
    return WrittenSubject({"eid": number, "31-0.0": index % 2}, {"eid": number, "cad": False}, withdrawn=index == 1)


def build(out):
    folder.write_subject = cheap_subject
    folder.source_digest = lambda modules: "the same all the time"
    folder.write_release(out, subjects=3, seed=8)


if __name__ == "__main__":
    build_again_and_again(Path(sys.argv[1]), int(sys.argv[2]), build)
