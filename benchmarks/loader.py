"""How many subjects per second the loader hands out: from memory, streamed from a warm page cache, streamed from the disk.

Run: `python benchmarks/loader.py`. The cohort holds noise of the real size (12 x 5000 ECG, 3 x 210 x 210 picture). Between
batches the caller waits, as for a GPU whose step takes so many milliseconds, or computes a step of masked data modelling of
the paper's size on this CPU. The three ways take turns, epoch by epoch, and ratios are of one turn: what else the machine does
hits all. Before an epoch `from_disk` the system is told to forget the files; a disk that caches for itself still may not.
Prints the rates and writes them, with date and hardware, to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from machine import load, write_result

from cardiolens.batch import Batch
from cardiolens.cohorts.build import build_cohort
from cardiolens.cohorts.loader import RESIDENT_BYTES, Loader
from cardiolens.cohorts.manifest import CohortSettings
from cardiolens.cohorts.rows import RowMaker, SubjectRow
from cardiolens.cohorts.store import Cohort
from cardiolens.methods.masked_autoencoder import MaskedAutoencoder, MaskedAutoencoderConfig

BATCH = 128
STEP_MS = (0, 20, 50)
WAYS = ("resident", "streamed", "from_disk")


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


def forget(folder: Path) -> None:
    """Take a cohort's files out of the page cache; nobody may have them mapped."""
    gc.collect()
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def subjects_per_second(
    folder: Path, way: str, epoch: int, *, images: bool, step: Callable[[Batch], None], batch: int, most: int
) -> float:
    """Rate over one shuffled epoch of at most `most` batches."""
    if way == "from_disk":
        forget(folder)
    cohort = Cohort.open(folder)
    loader = Loader(
        cohort, cohort.rows("all"), batch_size=batch, seed=0, columns=("cad",), images=images, drop_last=True,
        resident_bytes=RESIDENT_BYTES if way == "resident" else 0,
    )  # fmt: skip
    start, num_subjects = time.perf_counter(), 0
    for number, shown in enumerate(loader.epoch(epoch, shuffle=True), 1):
        step(shown)
        num_subjects += len(shown)
        if number == most:
            break
    return num_subjects / (time.perf_counter() - start)


def compared(folder: Path, rounds: int, **settings: object) -> dict[str, object]:
    """Median rates of the three ways, and the median ratio of each to the resident one of the same round."""
    turns = [
        {way: subjects_per_second(folder, way, epoch, **settings) for way in WAYS}
        for epoch in range(rounds + 1)
    ][1:]  # fmt: skip
    return {
        "per_second": {way: round(statistics.median(turn[way] for turn in turns), 1) for way in WAYS},
        "of_resident": {
            way: round(statistics.median(turn[way] / turn["resident"] for turn in turns), 2) for way in WAYS[1:]
        },
    }  # fmt: skip


def wait(batch: Batch, *, seconds: float) -> None:
    """A GPU is busy, the processor is not."""
    time.sleep(seconds)


def mdm_step(batch: Batch, *, method: MaskedAutoencoder) -> None:
    """Forward and backward in bf16."""
    with torch.autocast("cpu", torch.bfloat16):
        loss = method(batch).loss
    loss.backward()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    load_before = load()
    result: dict[str, object] = {"subjects": chosen.subjects, "batch": BATCH}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "cohort"
        settings = CohortSettings({"kind": "noise"})
        build_cohort(folder, settings, NoiseRows(), num_rows=chosen.subjects, split_key=b"noise")
        for images in (False, True):
            for milliseconds in STEP_MS:
                name = f"{'ecg_and_picture' if images else 'ecg'}_behind_{milliseconds}_ms"
                step = partial(wait, seconds=milliseconds / 1000)
                result[name] = compared(folder, chosen.rounds, images=images, step=step, batch=BATCH, most=1 << 30)
        step = partial(mdm_step, method=MaskedAutoencoderConfig().build(seed=0).train())
        result["ecg_behind_mdm_on_cpu"] = compared(folder, 3, images=False, step=step, batch=32, most=6)
    command = f"python benchmarks/loader.py --subjects {chosen.subjects} --rounds {chosen.rounds}"
    write_result("loader", command, result, load_before=load_before)


if __name__ == "__main__":
    main()
