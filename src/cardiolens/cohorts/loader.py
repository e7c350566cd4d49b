"""Batches of a cohort on the training device, in an order that follows from the seed and the epoch alone.

Arrays that fit the budget live on the device; larger ones stream from the memory map through a background thread. Both give
the same batches, bit for bit: numbers travel as stored (float16, uint8) and become float32 on the device in either case.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Int

from cardiolens.batch import Batch, Share
from cardiolens.cohorts.gather import Gather, Resident, Streaming, on_device
from cardiolens.cohorts.store import Cohort
from cardiolens.errors import BadOption
from cardiolens.keyed_random import sample_keys

RESIDENT_BYTES = 2 << 30
"""Default budget of one loader. A GPU takes far more: see `device_budget`."""


EVERYTHING = Share()
"""What the only process has of a batch."""


class Loader:
    """Some rows of a cohort, batch by batch.

    `columns` are the targets, in order; `images` adds the MRI picture, `volumes` and `cine` the cohort's other arrays of MRI,
    and each of the three leaves out rows without MRI. The last batch of an epoch may be smaller, or is left out with
    `drop_last`. `keys` of a batch follow from (seed, epoch, row), so neither the batch size nor the place in the batch changes
    what is drawn for a subject. Of every batch it reads the rows that are `share`'s alone, for a training that computes a batch
    in `parts`.

    Raises:
        BadOption: no row is left, fewer than one batch with `drop_last`, a column is absent or no number, or the cohort has no
            volumes or cine.
    """

    def __init__(
        self,
        cohort: Cohort,
        rows: Int[np.ndarray, " row"],
        *,
        batch_size: int,
        seed: int,
        columns: Sequence[str] = (),
        images: bool = False,
        volumes: bool = False,
        cine: bool = False,
        device: torch.device | str = "cpu",
        drop_last: bool = False,
        resident_bytes: int = RESIDENT_BYTES,
        share: Share = EVERYTHING,
        parts: int = 1,
    ) -> None:
        self._share, self._parts = share, parts
        self._seed, self._batch_size, self._drop_last = seed, batch_size, drop_last
        self._device = torch.device(device)
        wanted = {"cmr": images, "cmr_volumes": volumes, "cmr_cine": cine}
        images = any(wanted.values())
        self.rows = _usable(cohort, rows, images=images)
        if batch_size < 1 or len(self) == 0:
            raise BadOption(
                cohort.path,
                found=f"{len(self.rows)} {'subjects with MRI' if images else 'subjects'} for batches of {batch_size}",
                expected="at least one whole batch" if drop_last else "at least one subject",
                remedy="use a smaller batch or a larger cohort",
            )
        arrays = {"ecg": cohort.ecg, "ecg_scale": cohort.ecg_scale}
        arrays |= {name: _stored(cohort, name) for name, asked in wanted.items() if asked}
        self.resident = len(self.rows) * sum(array[0].nbytes for array in arrays.values()) <= resident_bytes
        self._gather: Gather = (Resident if self.resident else Streaming)(arrays, self.rows, self._device)
        self._target = None
        if columns:
            values = torch.from_numpy(cohort.values(columns)[self.rows]).to(torch.float32).to(self._device)
            self._known = torch.isfinite(values)
            self._target = torch.where(self._known, values, 0.0)

    def __len__(self) -> int:
        """Batches per epoch."""
        whole, rest = divmod(len(self.rows), self._batch_size)
        return whole + (rest > 0 and not self._drop_last)

    def with_seed(self, seed: int) -> Loader:
        """The same subjects in the order, and with the keys, of another seed; what lies on the device is shared."""
        other = copy.copy(self)
        other._seed = seed
        return other

    def epoch(self, epoch: int, *, shuffle: bool, start_batch: int = 0) -> Iterator[Batch]:
        """The batches of one epoch from `start_batch` on; without `shuffle` in the order of `rows`.

        Closing the iterator early ends the background thread. What goes wrong in that thread is raised here.
        """
        order = np.arange(len(self.rows))
        if shuffle:
            order = np.random.default_rng((self._seed, epoch)).permutation(order)
        whole = [order[k * self._batch_size : (k + 1) * self._batch_size] for k in range(start_batch, len(self))]
        own = [batch[self._share.places(len(batch), parts=self._parts)] for batch in whole]
        keys = on_device([sample_keys(seed=self._seed, epoch=epoch, rows=self.rows[batch]) for batch in own], self._device)
        places = on_device(own, self._device)
        gathered = self._gather.batches(own)
        try:
            for batch, arrays, *rows in zip(whole, gathered, keys, places, strict=True):
                yield replace(self._batch(arrays, *rows), whole=None if len(rows[0]) == len(batch) else len(batch))
        finally:
            gathered.close()

    def _batch(self, arrays: dict[str, torch.Tensor], keys: torch.Tensor, places: torch.Tensor) -> Batch:
        shown = {name: array.to(torch.float32).div_(255) for name, array in arrays.items() if name.startswith("cmr")}
        return Batch(
            ecg=arrays["ecg"].to(torch.float32),
            ecg_scale=arrays["ecg_scale"],
            keys=keys,
            **shown,
            cmr_known=torch.ones(len(keys), dtype=torch.bool, device=self._device) if "cmr" in shown else None,
            target=None if self._target is None else self._target[places],
            target_known=None if self._target is None else self._known[places],
        )


def device_budget(device: torch.device | str) -> int:
    """Bytes that arrays may take on a device: half of what is free on a GPU, `RESIDENT_BYTES` on a CPU."""
    if torch.device(device).type == "cuda":
        return torch.cuda.mem_get_info(device)[0] // 2
    return RESIDENT_BYTES


def _usable(cohort: Cohort, rows: Int[np.ndarray, " row"], *, images: bool) -> Int[np.ndarray, " usable"]:
    if not images:
        return rows
    return rows[cohort.subjects["has_cmr"].to_numpy(bool)[rows]]


def _stored(cohort: Cohort, name: str) -> np.ndarray:
    array = getattr(cohort, name)
    if array is None:
        raise BadOption(
            cohort.path,
            found=f"no {name}.npy",
            expected="a cohort prepared with it",
            remedy="prepare another cohort that has it",
        )
    return array
