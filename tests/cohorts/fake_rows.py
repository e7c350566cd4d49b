"""Rows that cost nothing to make, for tests of everything around the making."""

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cardiolens.cohorts.build import build_cohort
from cardiolens.cohorts.manifest import CohortSettings
from cardiolens.cohorts.rows import RowMaker, SubjectRow
from cardiolens.errors import BadRecording
from cardiolens.parallel import Workers
from cardiolens.privacy import keyed_hash

KEY = b"test"


@dataclass(frozen=True)
class FakeRows(RowMaker):
    refused: tuple[int, ...] = ()
    with_mri: bool = True
    visits: int = 1
    waits_at: int | None = None
    """Whoever should make this row waits until it is killed."""
    fails_at: int | None = None
    """Making this row raises what no input causes."""
    killed_at: int | None = None
    """The process that should make this row is killed."""
    pids: Path | None = None
    """Where every process that makes rows leaves its number."""
    lost: tuple[int, ...] = ()
    """Rows whose MRI cannot be used."""
    split: str | None = None
    ranks: Mapping[int, int] = field(default_factory=dict)
    """Rank in the set of cad, by row; -1 for all others where there are any."""
    hash_key: bytes | None = None

    def subject(self, index):
        return keyed_hash(f"fake-{index // self.visits}", key=KEY)

    def visit(self, index):
        return index % self.visits

    def make(self, index):
        if self.pids:
            (self.pids / str(os.getpid())).touch()
        if index == self.fails_at:
            raise ZeroDivisionError
        if index == self.killed_at:
            os.kill(os.getpid(), signal.SIGKILL)
        while index == self.waits_at:
            time.sleep(1)
        if index in self.refused:
            raise BadRecording("1234567_20205_2_0.xml", found="a flat lead", expected="12 leads", remedy="leave it out")
        random = np.random.default_rng(index)
        return SubjectRow(
            self.subject(index),
            random.normal(size=(12, 10)).astype(np.float16),
            random.uniform(0.1, 1, 3).astype(np.float32),
            random.integers(0, 256, (3, 4, 4), dtype=np.uint8) if self.with_mri and index % 3 else None,
            {"age_years": random.uniform(40, 80), "cad": float(index % 5 == 0), "lvm_g": np.nan if index % 4 else float(index)},
            {"sex": "FM"[index % 2]},
            self.visit(index),
            lost={"mri": "1234567_20209_2_0.zip: found no pictures"} if index in self.lost else {},
            split=self.split,
            ranks={"cad": self.ranks.get(index, -1)} if self.ranks else {},
        )


def fake_settings(seed=0):
    return CohortSettings({"kind": "fake", "seed": seed}, num_samples=10)


def fake_cohort(out, *, num_rows=80, seed=0, processes=1, scheduler=None, **options):
    return build_cohort(
        out, fake_settings(seed), FakeRows(**options), num_rows=num_rows, split_key=KEY, workers=Workers(processes, scheduler)
    )


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
