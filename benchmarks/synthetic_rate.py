"""How many synthetic subjects one core makes per second: ECG with picture, ECG alone, volumes, the whole cine.

Run: `OMP_NUM_THREADS=1 python benchmarks/synthetic_rate.py`. Prints the rates and writes them, with date and hardware, to
benchmarks/results/. Rates are per second of processor time, so that other work on the machine counts little; the wall clock
stands beside them. Compiling and the shared noise pools are paid before the clock starts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from machine import load, write_result

from cardiolens.imaging.views import picture
from cardiolens.imaging.volumes import volumes
from cardiolens.synthetic.generator import make_cine, make_subject, make_volumes

_CINES_PER_SUBJECT = 0.1
"""A cine takes as long as thirty subjects."""


def ecg_and_picture(index: int) -> None:
    subject = make_subject(seed=0, index=index)
    assert subject.cine is not None
    picture(subject.cine, ed=0, mid=1, es=2)


def ecg(index: int) -> None:
    make_subject(seed=0, index=index, with_mri=False)


def both_volumes(index: int) -> None:
    volumes(make_volumes(seed=0, index=index), ed=0, es=1)


def cine(index: int) -> None:
    make_cine(seed=0, index=index)


def per_second(make: Callable[[int], None], num_subjects: int) -> tuple[float, float]:
    """Subjects per second of processor time and of wall clock."""
    make(0)
    wall, busy = time.perf_counter(), time.process_time()
    for index in range(1, num_subjects + 1):
        make(index)
    return num_subjects / (time.process_time() - busy), num_subjects / (time.perf_counter() - wall)


def measured(num_subjects: int) -> dict[str, float]:
    """Rates by what is made."""
    rates: dict[str, float] = {"subjects": num_subjects}
    for make, share in ((ecg_and_picture, 1), (ecg, 1), (both_volumes, 1), (cine, _CINES_PER_SUBJECT)):
        busy, wall = per_second(make, max(round(num_subjects * share), 1))
        rates[f"{make.__name__}_per_processor_second"] = round(busy, 1)
        rates[f"{make.__name__}_per_wall_second"] = round(wall, 1)
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=300)
    num_subjects = parser.parse_args().subjects
    load_before = load()
    result = measured(num_subjects)
    command = f"OMP_NUM_THREADS=1 python benchmarks/synthetic_rate.py --subjects {num_subjects}"
    write_result("synthetic_rate", command, result, load_before=load_before)


if __name__ == "__main__":
    main()
