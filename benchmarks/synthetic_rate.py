"""How many synthetic subjects one core makes per second, with and without MRI.

Run: `OMP_NUM_THREADS=1 python benchmarks/synthetic_rate.py`. Prints the rates and writes them, with date and hardware, to
benchmarks/results/. Rates are per second of processor time, so that other work on the machine counts little; the wall clock
stands beside them. Compiling and the shared noise pools are paid before the clock starts.
"""

from __future__ import annotations

import argparse
import time

from machine import load, write_result

from cardiolens.imaging.views import picture
from cardiolens.synthetic.generator import make_subject


def subjects_per_second(num_subjects: int, *, with_mri: bool) -> tuple[float, float]:
    """Subjects per second of processor time and of wall clock, each ECG with its picture where it has an MRI."""
    make_subject(seed=0, index=0, with_mri=with_mri)
    wall, busy = time.perf_counter(), time.process_time()
    for index in range(1, num_subjects + 1):
        subject = make_subject(seed=0, index=index, with_mri=with_mri)
        if subject.cine is not None:
            picture(subject.cine, ed=0, mid=1, es=2)
    return num_subjects / (time.process_time() - busy), num_subjects / (time.perf_counter() - wall)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=300)
    num_subjects = parser.parse_args().subjects
    load_before = load()
    both, both_wall = subjects_per_second(num_subjects, with_mri=True)
    ecg, ecg_wall = subjects_per_second(num_subjects, with_mri=False)
    result = {
        "subjects": num_subjects,
        "ecg_and_picture_per_processor_second": round(both, 1),
        "ecg_and_picture_per_wall_second": round(both_wall, 1),
        "ecg_per_processor_second": round(ecg, 1),
        "ecg_per_wall_second": round(ecg_wall, 1),
    }
    command = f"OMP_NUM_THREADS=1 python benchmarks/synthetic_rate.py --subjects {num_subjects}"
    write_result("synthetic_rate", command, result, load_before=load_before)


if __name__ == "__main__":
    main()
