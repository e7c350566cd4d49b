"""Reading ECGs: one 10-s WFDB record read, put into the contract and cleaned on one core; a folder inspected on two.

Run: `OMP_NUM_THREADS=1 python benchmarks/reading.py`. Writes benchmarks/results/. The reference is the wfdb library reading the
same record and nothing more. Files are written from one synthetic ECG, so they lie in the page cache: disks are not measured.
Memory is the greatest resident size of the process that lists, counts and writes the table, for two numbers of files.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import wfdb
from machine import load, write_result

from cardiolens.formats import cardiosoft_xml, read_recording, wfdb_record
from cardiolens.signals.cleaning import clean
from cardiolens.signals.contract import examine_recording, prepare_recording
from cardiolens.synthetic.generator import make_subject

_REPEATS = 100
_INSPECTED = (
    "import resource, sys; from cardiolens.cli import main;"
    "main(['inspect', sys.argv[1], '--csv', sys.argv[2], '--processes', '2']);"
    "print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
)


def milliseconds(work: Callable[[], object]) -> float:
    """Median over repeats, after one that warms up."""
    work()
    times = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - began))
    return round(statistics.median(times), 2)


def one_record(folder: Path) -> dict[str, float]:
    """Milliseconds per record by what is done to it."""
    recording = make_subject(seed=0, index=1, with_mri=False).recording
    path = folder / "one.hea"
    wfdb_record.write(path, recording)
    read = read_recording(path)
    prepared = prepare_recording(read)
    return {
        "read_contract_clean_ms": milliseconds(lambda: clean(prepare_recording(read_recording(path)).signal_mv)),
        "read_ms": milliseconds(lambda: read_recording(path)),
        "contract_ms": milliseconds(lambda: prepare_recording(read)),
        "clean_ms": milliseconds(lambda: clean(prepared.signal_mv)),
        "quality_ms": milliseconds(lambda: examine_recording(read)),
        "wfdb_library_alone_ms": milliseconds(lambda: wfdb.rdrecord(str(path.with_suffix("")))),
    }


def whole_folder(folder: Path, num_files: int) -> dict[str, float]:
    """Files per minute and megabytes of `cardiolens inspect`, half WFDB records and half CardioSoft XML, start included."""
    archive = folder / f"archive-{num_files}"
    archive.mkdir()
    recordings = [make_subject(seed=0, index=index, with_mri=False).recording for index in range(20)]
    for number in range(num_files // 2):
        recording = recordings[number % len(recordings)]
        wfdb_record.write(archive / f"w{number}.hea", recording)
        cardiosoft_xml.write(archive / f"x{number}.xml", recording)
    began = time.perf_counter()
    command = [sys.executable, "-c", _INSPECTED, str(archive), str(folder / "out.csv")]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds = time.perf_counter() - began
    peak = int(re.search(r"peak (\d+)", shown)[1])
    return {
        f"inspect_{num_files}_files_per_minute": round(60 * num_files / seconds),
        f"inspect_{num_files}_main_process_mb": round(peak / 1024),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, nargs="+", default=[1000, 10000])
    numbers = parser.parse_args().files
    load_before = load()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result: dict[str, float] = one_record(folder)
        for num_files in numbers:
            result |= whole_folder(folder, num_files)
    command = f"OMP_NUM_THREADS=1 python benchmarks/reading.py --files {' '.join(map(str, numbers))}"
    write_result("reading", command, result, load_before=load_before)


if __name__ == "__main__":
    main()
