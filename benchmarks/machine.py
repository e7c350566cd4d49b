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
    """The processor's name as the system gives it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def load() -> float:
    """How busy the machine is, in processes; measure before the benchmark adds its own."""
    return round(os.getloadavg()[0], 2)


def describe_machine() -> str:
    """Processor, cores and Python in one line."""
    return f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def result_path(name: str, suffix: str) -> Path:
    """`results/<name>_<date>_<processor><suffix>`; the folder is made."""
    RESULTS.mkdir(exist_ok=True)
    hardware = re.sub("[^a-z0-9]+", "-", processor().lower()).strip("-")
    return RESULTS / f"{name}_{datetime.now(UTC):%Y-%m-%d}_{hardware}{suffix}"


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
