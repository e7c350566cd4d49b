"""What a benchmark was measured on, and where its result goes."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"


def processor() -> str:
    """The processor's name as the system gives it; with its family, where a virtual machine tells no model."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        told = dict(re.findall(r"^(model name|cpu family)\s*:\s*(.+)$", cpuinfo.read_text(), re.MULTILINE))
        if name := told.get("model name", "").strip():
            return name if re.search(r"\d", name) or "cpu family" not in told else f"{name}, family {told['cpu family']}"
    return platform.processor() or platform.machine()


def load() -> float:
    """How busy the machine is, in processes; measure before the benchmark adds its own."""
    return round(os.getloadavg()[0], 2)


def describe_machine() -> str:
    """Processor, cores and Python in one line."""
    return f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def result_path(name: str, suffix: str, *, hardware: str = "", folder: Path = RESULTS) -> Path:
    """`results/<name>_<date>_<hardware><suffix>`, the hardware being the processor where none is given; the folder is made."""
    folder.mkdir(exist_ok=True, parents=True)
    hardware = re.sub("[^a-z0-9]+", "-", (hardware or processor()).lower()).strip("-")
    return folder / f"{name}_{datetime.now(UTC):%Y-%m-%d}_{hardware}{suffix}"


def write_result(name: str, command: str, result: Mapping[str, object], *, load_before: float) -> None:
    """Print and store a result with its command, date and machine."""
    measured_on = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": command,
        "processor": processor(),
        "cores": os.cpu_count(),
        "load_before": load_before,
        "python": platform.python_version(),
    }
    text = json.dumps(measured_on | result, indent=2) + "\n"
    result_path(name, ".json").write_text(text)
    print(text, end="")
