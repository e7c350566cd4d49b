"""How many synthetic subjects one core makes per second, with and without MRI.

Run: `OMP_NUM_THREADS=1 python benchmarks/synthetic_rate.py`. Prints the rates and writes them, with date and hardware, to
benchmarks/results/. Rates are per second of processor time, so that other work on the machine counts little; the wall clock
stands beside them. Compiling and the shared noise pools are paid before the clock starts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from datetime import date
from pathlib import Path

from cardiolens.imaging.views import picture
from cardiolens.synthetic.generator import make_subject

RESULTS = Path(__file__).parent / "results"


def subjects_per_second(num_subjects: int, *, with_mri: bool) -> tuple[float, float]:
    """Subjects per second of processor time and of wall clock, each ECG with its picture where it has an MRI."""
    make_subject(seed=0, index=0, with_mri=with_mri)
    wall, busy = time.perf_counter(), time.process_time()
    for index in range(1, num_subjects + 1):
        subject = make_subject(seed=0, index=index, with_mri=with_mri)
        if subject.cine is not None:
            picture(subject.cine, ed=0, mid=1, es=2)
    return num_subjects / (time.process_time() - busy), num_subjects / (time.perf_counter() - wall)


def processor() -> str:
    """The processor's name as the system gives it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=300)
    num_subjects = parser.parse_args().subjects
    load_before = os.getloadavg()[0]
    both, both_wall = subjects_per_second(num_subjects, with_mri=True)
    ecg, ecg_wall = subjects_per_second(num_subjects, with_mri=False)
    result = {
        "date": date.today().isoformat(),
        "command": f"OMP_NUM_THREADS=1 python benchmarks/synthetic_rate.py --subjects {num_subjects}",
        "processor": processor(),
        "cores": os.cpu_count(),
        "load_before": round(load_before, 2),
        "subjects": num_subjects,
        "ecg_and_picture_per_processor_second": round(both, 1),
        "ecg_and_picture_per_wall_second": round(both_wall, 1),
        "ecg_per_processor_second": round(ecg, 1),
        "ecg_per_wall_second": round(ecg_wall, 1),
    }
    print(json.dumps(result, indent=2))
    hardware = "-".join("".join(c if c.isalnum() else " " for c in result["processor"]).lower().split())
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"synthetic_rate_{result['date']}_{hardware}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
