"""From UK Biobank's files to a cohort: subjects per second, memory, and what 60,000 subjects would take.

Run: `python benchmarks/prepare.py WORK`. Writes benchmarks/results/. `WORK` is a folder for the files (3 GB), which are made
once: 2,000 synthetic ECGs as CardioSoft XML and 20 cines of 50 phases as zips of DICOM. For memory the same files serve again
under other numbers. Everything lies in the page cache: disks are not measured. Rates count from the end of
planning and hold the start of the workers. What the main process alone has to do per subject, writing and waiting for the disk,
bounds how many workers are of use.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from machine import load, write_result

from cardiolens.cohorts.release.folder import Layout, ReleaseConfig, write_release
from cardiolens.parallel import map_in_order

SUBJECTS, SCANS, MANY = 2000, 20, 10_000
_MEASURED = """
import contextlib, resource, sys, time
from cardiolens.cohorts import build, writer
store, finish, opening, marks, spent = writer.CohortWriter.store, writer.CohortWriter.finish, writer.open_writer, {}, [0.0, 0]
def timed_store(self, chunk, rows):
    began = time.perf_counter(); store(self, chunk, rows); marks['stored'] = time.perf_counter()
    spent[0] += marks['stored'] - began; spent[1] += len(rows)
def timed_finish(self, flow=()):
    began = time.perf_counter(); finish(self, flow); marks['assembly'] = time.perf_counter() - began
@contextlib.contextmanager
def timed_opening(*options, **more):
    marks['opened'] = time.perf_counter()
    with opening(*options, **more) as opened:
        yield opened
writer.CohortWriter.store, writer.CohortWriter.finish, build.open_writer = timed_store, timed_finish, timed_opening
began = time.perf_counter()
from cardiolens.cli import main
status = main(sys.argv[1:])
print('measured', status, marks['opened'] - began, spent[1] / (marks['stored'] - marks['opened']), spent[0] / spent[1],
      marks['assembly'], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
      resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def make_files(work: Path) -> tuple[Path, Path]:
    """The ECG release and the MRI release; a call that was stopped goes on."""
    ecg, mri = work / "ecg", work / "mri"
    plain = ReleaseConfig(mri_share=0.0, ecg_share=1.0, repeat_share=0.0, withdrawn_share=0.0)
    list(map_in_order(_write, [(ecg, SUBJECTS, plain), (mri, SCANS, _SCANNED)], processes=2))
    return ecg, mri


_SCANNED = ReleaseConfig(mri_share=1.0, ecg_share=1.0, repeat_share=0.0, withdrawn_share=0.0, odd_scan_share=0.0)


def _write(task: tuple[Path, int, ReleaseConfig]) -> None:
    out, subjects, config = task
    write_release(out, subjects=subjects, seed=3, layout=Layout.FLAT, config=config)


def repeated(release: Path, target: Path, num_subjects: int) -> Path:
    """A release of more, or fewer, people: the same files under numbers of their own, by hard links."""
    if target.exists():
        return target
    target.mkdir()
    with (release / "main.csv").open() as file:
        header, *rows = csv.reader(file)
    with (target / "main.csv").open("w", newline="") as file:
        table = csv.writer(file, quoting=csv.QUOTE_ALL)
        table.writerow(header)
        for k in range(num_subjects):
            number, row = 1_000_000 + k, rows[k % len(rows)]
            table.writerow([number, *row[1:]])
            os.link(release / f"{row[0]}_20205_2_0.xml", target / f"{number}_20205_2_0.xml")
    return target


def measure(release: Path, out: Path, options: list[str]) -> dict[str, float]:
    """One run of the command in a process of its own."""
    command = ["prepare", "ukb", "--ecg", str(release), "--table", str(release / "main.csv"), "--out", str(out), *options]
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _MEASURED, *command], check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    found = re.search(r"measured 0 (\S+) (\S+) (\S+) (\S+) (\d+) (\d+)", done.stdout)
    planning, rate, storing, assembly, own_kb, child_kb = map(float, found.groups())
    return {
        "subjects_per_second": round(rate, 2),
        "seconds_in_all": round(seconds, 1),
        "seconds_of_planning": round(planning, 1),
        "main_process_ms_per_subject": round(1000 * storing, 2),
        "seconds_of_assembly": round(assembly, 2),
        "main_process_mb": round(own_kb / 1024),
        "largest_worker_mb": round(child_kb / 1024),
    }


@contextmanager
def cluster(work: Path, *, workers: int) -> Any:
    """Address of a Dask scheduler with workers of one thread."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    log = work / "scheduler.log"
    with log.open("w") as file:
        start = [sys.executable, "-m", "dask"]
        begun = [
            subprocess.Popen(
                [*start, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"], stderr=file, env=environment
            )
        ]
        while not (found := re.search(r"Scheduler at:\s+(tcp://\S+)", log.read_text())):
            time.sleep(0.2)
        worker = [*start, "worker", found[1], "--nthreads", "1", "--nworkers", str(workers), "--no-dashboard"]
        begun.append(subprocess.Popen(worker, stdout=file, stderr=file, env=environment, cwd=work))
        try:
            yield found[1]
        finally:
            for process in reversed(begun):
                process.terminate()
                process.wait()


def project(one: dict[str, float], two: dict[str, float], *, subjects: int) -> dict[str, float]:
    """Hours that so many subjects would take on 2, 16 and 128 cores.

    Each core works at the rate of one in the run on two; the main process, whose own time per subject is measured, is the
    bound that more workers cannot pass.
    """
    per_core = two["subjects_per_second"] / 2
    most = 1000 / two["main_process_ms_per_subject"]
    return {f"{cores}_cores_hours": round(subjects / min(cores * per_core, most) / 3600, 2) for cores in (2, 16, 128)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--part", choices=("ecg", "mri"), help="measure one half alone")
    arguments = parser.parse_args()
    arguments.work.mkdir(exist_ok=True)
    load_before = load()
    ecg, mri = make_files(arguments.work)
    runs = arguments.work / f"runs-{os.getpid()}"
    runs.mkdir()
    for part, measured in (("ecg", lambda: ecg_only(arguments.work, ecg, runs)), ("mri", lambda: with_mri(mri, runs))):
        if arguments.part in {None, part}:
            command = f"python benchmarks/prepare.py WORK --part {part}"
            write_result(f"prepare_{part}", command, measured(), load_before=load_before)


def ecg_only(work: Path, ecg: Path, runs: Path) -> dict[str, Any]:
    """ECGs alone: one process, two, a Dask cluster of two workers, and memory over a hundredfold of subjects."""
    one, two = (measure(ecg, runs / f"ecg-{count}", ["--processes", str(count)]) for count in (1, 2))
    with cluster(work, workers=2) as address:
        dask = measure(ecg, runs / "ecg-dask", ["--scheduler", address])
    many = {
        f"{number}_subjects": measure(
            repeated(ecg, work / f"ecg-{number}", number), runs / f"ecg-{number}-subjects", ["--processes", "2"]
        )
        for number in (100, MANY)
    }
    projected = project(one, two, subjects=60_000)
    return {"1_process": one, "2_processes": two, "dask_2_workers": dask} | many | {"projected_60000": projected}


def with_mri(mri: Path, runs: Path) -> dict[str, Any]:
    """ECG and MRI: segmentation, volumes, thickness, views; no strain."""
    options = ["--cmr", str(mri)]
    one, two = (measure(mri, runs / f"mri-{count}", [*options, "--processes", str(count)]) for count in (1, 2))
    return {"1_process": one, "2_processes": two, "projected_60000": project(one, two, subjects=60_000)}


if __name__ == "__main__":
    main()
