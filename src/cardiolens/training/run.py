"""A run on disk: what was asked for, what came of it, and what a killed run needs to go on.

config.json         schema version, settings, fingerprints of the cohort and of the weights it started from
environment.json    versions, device, threads and commit, once per start or resume
metrics.jsonl       one line per epoch
checkpoints/        while it is not done
model.safetensors   the weights it leaves behind
done.json           present when all of this is whole; how the run ended
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

import cardiolens.methods  # noqa: F401  a stored configuration may be of any method on the shelf
from cardiolens.atomic import full_disk_named, sha256, write_atomically
from cardiolens.bundles.weights import read_safetensors, write_safetensors
from cardiolens.configs import from_json, to_json
from cardiolens.errors import BadRun
from cardiolens.training.checkpoint import Checkpoints
from cardiolens.training.config import RunConfig

SCHEMA_VERSION = 1
MODEL = "model.safetensors"
_CONFIG, _ENVIRONMENT, METRICS, DONE = "config.json", "environment.json", "metrics.jsonl", "done.json"


@dataclass(frozen=True)
class Run:
    """One run's directory."""

    path: Path
    config: RunConfig
    cohort: str
    """Fingerprint of the cohort it trains on."""
    start: str
    """SHA-256 of the weights it starts from; empty for fresh ones."""

    @classmethod
    def start_or_resume(cls, path: Path, config: RunConfig, *, cohort: str, start: str = "") -> Run:
        """The run of these settings at `path`: new, half-done or done.

        Raises:
            BadRun: the folder holds a run of other settings, of another cohort or from other weights.
            NoSpace: the disk is full.
        """
        wanted = cls(path, config, cohort, start)
        for unfinished in path.glob(".*.part"):
            # A killed process left it behind.
            unfinished.unlink(missing_ok=True)
        if (path / _CONFIG).exists():
            stored = cls.open(path)
            if stored != wanted:
                raise BadRun(
                    path,
                    found=f"a run with {_difference(stored._identity(), wanted._identity())}",
                    expected="a run of the same settings, cohort and starting weights, or an empty folder",
                    remedy="choose another folder or remove this one",
                )
            return stored
        with full_disk_named(path):
            path.mkdir(parents=True, exist_ok=True)
        write_atomically(path / _CONFIG, _json(wanted._identity()))
        return wanted

    @classmethod
    def open(cls, path: Path) -> Run:
        """A run that exists, done or not.

        Raises:
            BadRun: the folder is no run, damaged or of another schema version.
            BadOption: its settings are none that this version knows.
        """
        stored = _read_json(path / _CONFIG)
        if stored.get("schema_version") != SCHEMA_VERSION or not stored.keys() >= {"config", "cohort", "start"}:
            raise _bad(path, found=f"schema version {stored.get('schema_version')}")
        config = from_json(RunConfig, stored["config"], source=path / _CONFIG)
        return cls(path, config, cohort=stored["cohort"], start=stored["start"])

    @property
    def is_done(self) -> bool:
        """The weights are there and final."""
        return (self.path / DONE).exists()

    @property
    def result(self) -> dict[str, Any]:
        """How it ended: epochs, steps, the best epoch and its validation number.

        Raises:
            BadRun: it is not done.
        """
        return {name: value for name, value in _read_json(self.path / DONE).items() if name != "model_sha256"}

    @property
    def checkpoints(self) -> Checkpoints:
        """Where a half-done run goes on."""
        return Checkpoints(self.path / "checkpoints")

    def metrics(self) -> list[dict[str, Any]]:
        """One dictionary per complete epoch, in order; a last line that was cut off is left out.

        Raises:
            BadRun: the file is damaged.
        """
        path = self.path / METRICS
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        try:
            return [json.loads(line) for line in lines]
        except ValueError as error:
            raise _bad(path, found="a line that is not JSON") from error

    def append_metrics(self, line: Mapping[str, float | int]) -> None:
        """Add one epoch's line; a number that is not finite is stored as null."""
        with full_disk_named(self.path / METRICS), (self.path / METRICS).open("ab") as file:
            file.write(json.dumps({name: _finite(value) for name, value in line.items()}, allow_nan=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def drop_metrics_after(self, epoch: int) -> None:
        """Forget lines of epochs that will be trained again, and a line that was cut off."""
        kept = [line for line in self.metrics() if line["epoch"] <= epoch]
        content = b"".join(json.dumps(line).encode() + b"\n" for line in kept)
        path = self.path / METRICS
        if path.exists() and path.read_bytes() != content:
            write_atomically(path, content)

    def record_environment(self, environment: Mapping[str, Any]) -> None:
        """Add what this process computes with; a run that was resumed has several."""
        path = self.path / _ENVIRONMENT
        before = _read_json(path)["processes"] if path.exists() else []
        write_atomically(path, _json({"schema_version": SCHEMA_VERSION, "processes": [*before, dict(environment)]}))

    def finish(self, weights: Mapping[str, Tensor], result: Mapping[str, Any]) -> None:
        """Write the final weights and only then the mark that the run is done; checkpoints are removed."""
        write_safetensors(self.path / MODEL, weights)
        digest = sha256(self.path / MODEL)
        ended = {name: _finite(value) for name, value in result.items()}
        write_atomically(self.path / DONE, _json(ended | {"model_sha256": digest}))
        self.checkpoints.clear()

    def weights(self) -> dict[str, Tensor]:
        """The final weights.

        Raises:
            BadRun: the run is not done, or its weights are not those it ended with.
        """
        expected = _read_json(self.path / DONE)["model_sha256"]
        path = self.path / MODEL
        if not path.exists() or sha256(path) != expected:
            raise _bad(path, found="no weights, or others than the run ended with")
        return read_safetensors(path)

    def _identity(self) -> dict[str, Any]:
        return {"schema_version": SCHEMA_VERSION, "config": to_json(self.config), "cohort": self.cohort, "start": self.start}


def _json(stored: Mapping[str, Any]) -> bytes:
    return json.dumps(stored, indent=2).encode() + b"\n"


def _read_json(path: Path) -> dict[str, Any]:
    try:
        stored = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise _bad(path.parent, found=f"no {path.name}") from None
    except (OSError, ValueError) as error:
        raise _bad(path, found="a file that is not whole JSON") from error
    if not isinstance(stored, dict):
        raise _bad(path, found="no JSON object")
    return stored


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _difference(stored: Mapping[str, Any], wanted: Mapping[str, Any], place: str = "") -> str:
    for name in [*stored, *(name for name in wanted if name not in stored)]:
        ours, theirs = stored.get(name), wanted.get(name)
        if isinstance(ours, dict) and isinstance(theirs, dict) and ours != theirs:
            return _difference(ours, theirs, f"{place}{name}.")
        if ours != theirs:
            return f"{place}{name} {json.dumps(ours)} where {json.dumps(theirs)} is asked for"
    raise AssertionError("two runs that differ have a setting that differs")


def _bad(path: Path, *, found: str) -> BadRun:
    return BadRun(path, found=found, expected="a whole run directory", remedy="train it again or name another folder")
