"""What a benchmark was measured on, and where its result goes."""

from __future__ import annotations

import os
import platform
import re
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


def describe_machine() -> str:
    """Processor, cores, and how busy they are with other work just now."""
    busy = os.getloadavg()[0]
    return f"{processor()}, {os.cpu_count()} cores, load {busy:.1f}, Python {platform.python_version()}"


def result_path(name: str, suffix: str) -> Path:
    """`results/<name>-<date>-<processor><suffix>`; the folder is made."""
    RESULTS.mkdir(exist_ok=True)
    hardware = re.sub("[^a-z0-9]+", "-", processor().lower()).strip("-")
    return RESULTS / f"{name}-{datetime.now(UTC):%Y-%m-%d}-{hardware}{suffix}"
