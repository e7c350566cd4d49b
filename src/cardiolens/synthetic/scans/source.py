"""Endless scans as a training loop wants them: batches of slices with their neighbours, each drawn once.

Takes the place of a cohort's loader. Nothing is stored: scan k of epoch e follows from the seed, so a run that stops and
resumes sees the same scans.
"""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import torch

from cardiolens.batch import Batch
from cardiolens.errors import BadOption
from cardiolens.imaging.stack_grid import with_neighbours
from cardiolens.synthetic.scans.scan import ScanConfig, draw_scan

_MOST_SCANS = 1 << 40


class ScanSource:
    """`num_scans` scans per epoch, `batch_scans` at a time, each giving `num_slices` - 2 slices with both neighbours.

    At either end of a stack the outermost slice is its own neighbour, as it is in a real stack.
    """

    def __init__(self, config: ScanConfig, *, seed: int, num_scans: int, batch_scans: int) -> None:
        if batch_scans < 1 or num_scans < batch_scans:
            raise BadOption(
                "scans",
                found=f"{num_scans} scans in batches of {batch_scans}",
                expected="at least one whole batch",
                remedy="draw more scans or make smaller batches",
            )
        self._config, self._seed = config, seed
        self._num_scans, self._batch_scans = num_scans, batch_scans

    def __len__(self) -> int:
        """Batches per epoch."""
        return self._num_scans // self._batch_scans

    def epoch(self, epoch: int, *, shuffle: bool, start_batch: int = 0) -> Generator[Batch, None, None]:
        """The batches of one epoch from `start_batch` on. With `shuffle` every epoch has scans of its own; without, all
        have those of epoch 0."""
        first = (epoch if shuffle else 0) * len(self) * self._batch_scans
        assert first < _MOST_SCANS
        for number in range(start_batch, len(self)):
            begin = first + number * self._batch_scans
            yield self._batch(range(begin, begin + self._batch_scans))

    def _batch(self, indices: range) -> Batch:
        scans = [draw_scan(seed=self._seed, index=index, config=self._config) for index in indices]
        frames = torch.from_numpy(np.concatenate([with_neighbours(scan.frames, scan.targets) for scan in scans]))
        masks = torch.from_numpy(np.concatenate([scan.masks[scan.targets.start : scan.targets.stop] for scan in scans])).long()
        rows = len(frames)
        keys = torch.arange(indices.start * (1 << 8), indices.start * (1 << 8) + rows)
        return Batch(ecg=torch.zeros(rows, 0, 0), ecg_scale=torch.zeros(rows, 0), keys=keys, cmr=frames, cmr_mask=masks)
