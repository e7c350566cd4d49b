"""How fast one ECG, a folder and the page are answered.

    python benchmarks/serving.py

Cold: `cardiolens predict FILE` as a new process, best of three. Warm: an answer per 5-s window on one thread, beside the model
alone. Folder: 1,000 WFDB records with two threads. Page: an upload until its answer, and 20 clients at once, with the memory
that the service holds. Results go to `results/serving_<date>_<processor>.json`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from machine import describe_machine, result_path

from cardiolens.atomic import write_atomically

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "src/cardiolens/serving/page/static/sample_ecg.xml"
RECORDS, CLIENTS, ROUNDS = 1000, 20, 5


def best_of(times: int, work: Callable[[], object]) -> float:
    """Seconds of the fastest run."""
    found = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return min(found)


def cold() -> float:
    """Seconds of a whole process for one file."""
    command = [sys.executable, "-m", "cardiolens", "predict", str(SAMPLE)]
    return best_of(3, lambda: subprocess.run(command, check=True, capture_output=True))


def warm() -> dict[str, float]:
    """Milliseconds per 5-s window on one thread: all of an answer, and the model's part."""
    import torch

    from cardiolens.formats import read_recording
    from cardiolens.serving.predictor import Predictor

    torch.set_num_threads(1)
    predictor, recording = Predictor.from_pretrained(), read_recording(SAMPLE)
    ready = predictor.intake().any(recording)
    windows = ready.ecg.shape[1] // predictor.config.input.window
    predictor(recording)
    whole = best_of(5, lambda: [predictor(recording) for _ in range(10)]) / 10 / windows
    model = best_of(5, lambda: [predictor.score(ready) for _ in range(10)]) / 10 / windows
    torch.set_num_threads(os.cpu_count() or 1)
    return {"answer_ms_per_window": 1e3 * whole, "model_ms_per_window": 1e3 * model}


def folder() -> float:
    """Seconds for `predict FOLDER --csv` of 1,000 records, a process of its own."""
    import wfdb

    from cardiolens.formats import read_recording

    recording = read_recording(SAMPLE)
    with tempfile.TemporaryDirectory() as work:
        wfdb.wrsamp(
            "r0", fs=500, units=["mV"] * 12, sig_name=list(recording.leads), p_signal=recording.signal_mv.T.astype(np.float64),
            fmt=["16"] * 12, write_dir=work,
        )  # fmt: skip
        header = (Path(work) / "r0.hea").read_text()
        for number in range(1, RECORDS):
            (Path(work) / f"r{number}.hea").write_text(header.replace("r0", f"r{number}"))
            shutil.copy(Path(work) / "r0.dat", Path(work) / f"r{number}.dat")
        command = [sys.executable, "-m", "cardiolens", "predict", work, "--csv", f"{work}.csv"]
        return best_of(1, lambda: subprocess.run(command, check=True, capture_output=True))


def page() -> dict[str, float]:
    """Seconds of an upload, of 20 clients with five each, errors among them, and MiB that the service holds."""
    import httpx

    sys.path.insert(0, str(ROOT / "tests" / "serving"))
    from served import served

    content = SAMPLE.read_bytes()
    with tempfile.TemporaryDirectory() as work, served(log=Path(work) / "log") as (url, pid):

        def ask(path: str, **fields: str) -> int:
            return httpx.post(f"{url}{path}", files={"files": ("ecg.xml", content)}, data=fields, timeout=60).status_code

        found = {
            "predict_s": best_of(5, lambda: ask("/v1/predict")),
            "paper_s": best_of(3, lambda: ask("/v1/paper")),
            "explain_s": best_of(3, lambda: ask("/v1/explain", target="LVEF")),
        }
        begun = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as clients:
            status = [
                one for of in clients.map(lambda _: [ask("/v1/predict") for _ in range(ROUNDS)], range(CLIENTS)) for one in of
            ]
        found["clients_s"] = time.perf_counter() - begun
        found["clients_errors"] = sum(one != 200 for one in status)
        resident = Path(f"/proc/{pid}/status")
        if resident.is_file():
            found["resident_mib"] = int(resident.read_text().split("VmRSS:")[1].split()[0]) / 1024
    return found


def main() -> None:
    """Measure and write."""
    found = {"cold_s": cold(), **warm(), "folder_of_1000_s": folder(), "page": page(), "machine": describe_machine()}
    print(json.dumps(found, indent=1))
    write_atomically(result_path("serving", ".json"), (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
