"""How many subjects per second the loader hands out, from memory and streamed from the disk.

Run: `python benchmarks/loader.py`. The cohort holds noise of the real size (12 x 5000 ECG, 3 x 210 x 210 picture); it has
just been written, so the operating system's page cache is warm, and the streamed rate is an upper bound for a slow disk.
Prints the rates and writes them, with date and hardware, to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from machine import load, write_result

from cardiolens.cohorts.build import build_cohort
from cardiolens.cohorts.loader import RESIDENT_BYTES, Loader
from cardiolens.cohorts.manifest import CohortSettings
from cardiolens.cohorts.rows import RowMaker, SubjectRow
from cardiolens.cohorts.store import Cohort

BATCH = 128


@dataclass(frozen=True)
class NoiseRows(RowMaker):
    """Rows of the real size that cost little to make."""

    def subject(self, index: int) -> str:
        return f"noise-{index}"

    def make(self, index: int) -> SubjectRow:
        random = np.random.default_rng(index)
        ecg = random.standard_normal((12, 5000), dtype=np.float32).astype(np.float16)
        picture = random.integers(0, 256, (3, 210, 210), dtype=np.uint8)
        return SubjectRow(self.subject(index), ecg, np.ones(3, np.float32), picture, {"cad": float(index % 2)}, {})


def subjects_per_second(cohort: Cohort, *, images: bool, resident: bool) -> float:
    """Rate over one shuffled epoch, after one that is not counted."""
    budget = RESIDENT_BYTES if resident else 0
    loader = Loader(
        cohort, cohort.rows("all"), batch_size=BATCH, seed=0, columns=("cad",), images=images, resident_bytes=budget
    )
    for epoch in range(2):
        start = time.perf_counter()
        num_subjects = sum(len(batch) for batch in loader.epoch(epoch, shuffle=True))
    return num_subjects / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=2000)
    num_subjects = parser.parse_args().subjects
    load_before = load()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "cohort"
        cohort = build_cohort(out, CohortSettings({"kind": "noise"}), NoiseRows(), num_rows=num_subjects, split_key=b"noise")
        rates = {
            f"{'ecg_and_picture' if images else 'ecg'}_{'resident' if resident else 'streamed'}_per_second": round(
                subjects_per_second(cohort, images=images, resident=resident)
            )
            for images in (False, True)
            for resident in (True, False)
        }
    result = {"subjects": num_subjects, "batch": BATCH, **rates}
    write_result("loader", f"python benchmarks/loader.py --subjects {num_subjects}", result, load_before=load_before)


if __name__ == "__main__":
    main()
