"""What this project claims of one GPU, measured on it: `python scripts/measure_gpu.py`, ten minutes at most, nothing fetched.

Parts: `steps` (`cardiolens benchmark`, compiled and not, every stage at the paper's sizes), `loop` (whole trainings on noise of
the paper's sizes, `benchmarks/training_rate.py`), `together` (five fine-tunings at once, `benchmarks/together.py`), `tests`
(those that need a GPU). Each is a process with a time limit, and its numbers are stored as soon as they are there, in one file
under benchmarks/results with the date and the card in its name. The same command goes on with what is missing or failed;
`--only` names parts, `--again` does done ones again. `--device cpu --small` tries the script itself; its numbers mean nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "benchmarks")]
from machine import RESULTS, load, processor, result_path  # noqa: E402

_HOW = ("bf16", "bf16_compiled")
PAIRS, EPOCHS = 28_030, {"mdm": 400, "mmcl": 300}
GPU_TESTS = (
    "tests/cohorts/test_loader.py",
    "tests/training/test_together.py",
    "tests/training/test_captured_step.py",
    "tests/training/test_compiled_step.py",
)
Found = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """One measurement in a process of its own."""

    name: str
    """Of it and of its numbers; what stands before the colon is what `--only` takes."""
    command: tuple[str, ...]
    """What Python is given."""
    seconds: int
    """The most that it may take."""
    read: Callable[[str, Path], Found]
    """Its numbers, from what it printed and the file `{out}` of its command."""


def parts_of(device: str, *, small: bool) -> list[Part]:
    """All parts, the most wanted ones first."""
    where = ("--device", device)
    benchmark = ("-m", "cardiolens", "benchmark", *where, "--seconds", "0.1" if small else "2", "--out", "{out}")
    few = ("--batch-size", "4") if small else ()
    stages = ("mdm",) if small else ("mdm", "mmcl", "finetune")
    size = ("--subjects", "24", "--epochs", "2") if small else ("--subjects", "4096")

    def steps(stage: str, name: str, *how: str) -> Part:
        command = (*benchmark, "--stage", stage, "--precision", *how, *few)
        return Part(f"steps:{stage}_{name}", command, 200, lambda printed, out: json.loads(out.read_text()))

    def loop(stage: str, name: str, *how: str) -> Part:
        # An epoch of masked modelling is over in a fraction of a second.
        epochs = () if small else ("--epochs", "20" if stage == "mdm" else "4")
        command = ("benchmarks/training_rate.py", *where, "--stage", stage, *size, *epochs, *how, *few)
        return Part(f"loop:{stage}_{name}", command, 200, _last_line)

    five = (
        ("--members", "2", "--rounds", "1", "--size", "demo")
        if small
        else ("--members", "5", "--rounds", "2", "--size", "paper")
    )
    together = Part("together", ("benchmarks/together.py", *where, *five, "--print-only"), 150, _last_line)
    tests = Part("tests", ("-m", "pytest", "-k", "gpu", *GPU_TESTS), 150, _tests)
    if small:
        return [steps("mdm", "fp32", "fp32"), loop("mdm", "bf16"), together, tests]
    return [
        *(steps(stage, "bf16", "bf16") for stage in stages),
        *(loop(stage, "bf16") for stage in EPOCHS),
        together,
        # Compiling takes a minute a stage, and two for contrastive learning.
        *(steps(stage, "bf16_compiled", "bf16", "--compiled") for stage in stages),
        *(loop(stage, "bf16_compiled", "--compiled") for stage in EPOCHS),
        *(steps(stage, "fp32", "fp32") for stage in stages),
        tests,
    ]


def measured(part: Part, seconds: float) -> Found:
    """A part's numbers, or under `failed` what became of it; with the seconds that it took."""
    began = time.monotonic()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])}
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "out.json"
        command = [sys.executable, *(argument.replace("{out}", str(out)) for argument in part.command)]
        try:
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds)
            failed = done.returncode != 0 and (done.stderr.strip() or done.stdout.strip())[-600:]
            found = {"failed": failed} if failed else part.read(done.stdout, out)
        except subprocess.TimeoutExpired:
            found = {"failed": f"not over after {seconds:.0f} s"}
    # Reasons name files; no path of this machine belongs in a result.
    if "failed" in found:
        found["failed"] = re.sub(r"(?:/[\w.+-]+)+/", "", found["failed"])
    return found | {"seconds_taken": round(time.monotonic() - began, 1)}


def aims(parts: dict[str, Found]) -> list[tuple[str, str, str]]:
    """Each aim in words, what it asks for and what was reached, as far as it was measured."""
    loops = {stage: [parts.get(f"loop:{stage}_{how}", {}).get(stage) for how in _HOW] for stage in EPOCHS}
    rates = {stage: max(loop["samples_per_second"] for loop in loops[stage] if loop) for stage in EPOCHS if any(loops[stage])}
    stepped = {stage: _best_step([parts.get(f"steps:{stage}_{how}", {}) for how in _HOW]) for stage in EPOCHS}
    whole = sum(EPOCHS[stage] * PAIRS / rate for stage, rate in rates.items()) / 60 if len(rates) == len(EPOCHS) else None
    gain = parts.get("together", {}).get("paper_bf16", {}).get("times_the_rate_of_one_after_the_other", {}).get("as_one")
    members = parts.get("together", {}).get("members", 5)
    return [
        ("MDM, bf16, steps alone", "30,000 samples/s", _said(stepped["mdm"], "samples/s")),
        ("MDM, bf16, end to end", "30,000 samples/s", _said(rates.get("mdm"), "samples/s")),
        ("MMCL, bf16, steps alone", "3,000 pairs/s", _said(stepped["mmcl"], "pairs/s")),
        ("MMCL, bf16, end to end", "3,000 pairs/s", _said(rates.get("mmcl"), "pairs/s")),
        (f"400 + 300 epochs on {PAIRS:,} pairs", "60 min at most", _said(whole, "min, extrapolated")),
        (f"{members} fine-tunings at once", "1.5 times one", _said(members / gain["median"] if gain else None, "times one")),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--small", action="store_true", help="tiny sizes, to try the script itself")
    parser.add_argument("--only", nargs="+", choices=("steps", "loop", "together", "tests"), help="default: all")
    parser.add_argument("--again", action="store_true", help="do parts again that are done")
    parser.add_argument("--minutes", type=float, default=10.0, help="of everything together (default 10)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the result")
    chosen = parser.parse_args()
    ends = time.monotonic() + 60 * chosen.minutes
    described = _described(chosen.device)
    path = result_path("small" if chosen.small else "gpu", ".json", hardware=described["device"], folder=chosen.out)
    result: Found = json.loads(path.read_text()) if path.exists() else described | {"parts": {}}
    for part in parts_of(chosen.device, small=chosen.small):
        done = part.name in result["parts"] and "failed" not in result["parts"][part.name]
        if (chosen.only and part.name.split(":")[0] not in chosen.only) or (done and not chosen.again):
            continue
        left = ends - time.monotonic()
        if left < 10:
            print(f"{part.name}: left out, time is up; the same command goes on", flush=True)
            continue
        print(f"{part.name} ...", end=" ", flush=True)
        found = result["parts"][part.name] = measured(part, min(part.seconds, left))
        path.write_text(json.dumps(result, indent=1) + "\n")
        print(found.get("failed") or "done", f"({found['seconds_taken']:.0f} s)", flush=True)
    for what, aim, reached in aims(result["parts"]):
        print(f"{what:40} aim {aim:20} reached {reached}")
    print(f"numbers in {path.name}")
    return int(any("failed" in found for found in result["parts"].values()))


def _described(device: str) -> Found:
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("measure_gpu: no GPU here; `--device cpu --small` tries the script itself")
    card = torch.cuda.get_device_name() if device == "cuda" else f"cpu {processor()}"
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}", "device": card, "processor": processor(), "cores": os.cpu_count(),
        "load_before": load(), "torch": torch.__version__, "cuda": torch.version.cuda,
    }  # fmt: skip


def _last_line(printed: str, out: Path) -> Found:
    return json.loads(printed.strip().splitlines()[-1])


def _tests(printed: str, out: Path) -> Found:
    line = printed.strip().splitlines()[-1]
    return {kind: int(count) for count, kind in re.findall(r"(\d+) (passed|skipped|deselected)", line)}


def _best_step(found: list[Found]) -> float | None:
    rows = [row for one in found for row in one.get("stages", [])]
    rates = [rate for row in rows for rate in (row, row.get("replayed"), row.get("compiled")) if rate]
    return max((rate["samples_per_second"] for rate in rates), default=None)


def _said(number: float | None, unit: str) -> str:
    return "not measured" if number is None else f"{number:,.{0 if number >= 100 else 2}f} {unit}"


if __name__ == "__main__":
    raise SystemExit(main())
