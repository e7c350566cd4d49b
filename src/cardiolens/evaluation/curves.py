"""The numbers of training, read from the `metrics.jsonl` that every run leaves: one line of JSON per epoch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from cardiolens.errors import BadRun

TRAIN_LOSS, SELECT_LOSS = "train_loss", "select_loss"
_PREFIXES = ("train_", "select_")
"""Of the training split, and of the split that chooses the epoch."""


def learning_curves(files: Mapping[str, Path]) -> pd.DataFrame:
    """Long form with the columns run, epoch, metric, value, from files by the name under which their run is shown.

    A last line that a killed run left incomplete, and numbers that were not finite, are left out.

    Raises:
        BadRun: a file is missing or holds something else.
    """
    rows = [
        {"run": run, "epoch": line["epoch"], "metric": metric, "value": float(value)}
        for run, path in files.items()
        for line in _lines(path)
        for metric, value in line.items()
        if metric.startswith(_PREFIXES) and value is not None
    ]
    return pd.DataFrame(rows, columns=["run", "epoch", "metric", "value"])


def _lines(path: Path) -> list[dict[str, float | int | None]]:
    try:
        lines = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
    except (OSError, ValueError) as error:
        raise _bad(path, "no readable file" if isinstance(error, OSError) else "a line that is not JSON") from error
    if not all(isinstance(line, dict) and "epoch" in line for line in lines):
        raise _bad(path, "a line without 'epoch'")
    return lines


def _bad(path: Path, found: str) -> BadRun:
    return BadRun(path, found=found, expected="one JSON object per epoch", remedy="train the run again")
