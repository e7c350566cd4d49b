"""What a result was computed with: versions, device, threads, processes, commit. No path, no host, no user."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from cardiolens.methods.global_batch import num_processes

_PACKAGES = ("cardiolens", "torch", "numpy", "scipy", "pandas", "monai", "safetensors")


def describe_environment(device: torch.device) -> dict[str, Any]:
    """Plain values for `environment.json`; `commit` is null outside a checkout of this project."""
    return {
        "versions": {"python": platform.python_version()} | {package: version(package) for package in _PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
        "processes": num_processes(),
        "commit": _commit(),
    }


def _commit() -> str | None:
    package = Path(__file__).resolve().parent.parent
    checkout = package.parents[1]
    # An installed copy may lie inside someone else's checkout; only our own layout counts.
    if package.parent.name != "src" or not (checkout / ".git").exists():
        return None
    try:
        head = _git(checkout, "rev-parse", "HEAD")
        changed = _git(checkout, "status", "--porcelain", "--untracked-files=no", "--", "src")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{head} with changes" if changed else head


def _git(checkout: Path, *arguments: str) -> str:
    command = ["git", "-C", str(checkout), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
