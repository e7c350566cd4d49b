"""Loss and metrics of many steps, summed on the device and fetched once: a step never waits for a number."""

from __future__ import annotations

import torch
from torch import Tensor

from cardiolens.batch import StepOutput


class Totals:
    """Sums over examples of the loss and the metrics."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._sums: Tensor | None = None
        self.num_examples = 0

    def add(self, output: StepOutput, *, num_examples: int) -> None:
        """Take in one step over `num_examples` examples."""
        values = {"loss": output.loss} | output.metrics
        stacked = torch.stack([value.detach().double() for value in values.values()]) * num_examples
        assert self._sums is None or tuple(values) == self._names, f"metrics changed from {self._names} to {tuple(values)}"
        self._names = tuple(values)
        self._sums = stacked if self._sums is None else self._sums.add_(stacked)
        self.num_examples += num_examples

    def means(self) -> dict[str, float]:
        """Mean per example of each number; waits for the device."""
        if self._sums is None:
            return {}
        return dict(zip(self._names, (self._sums / self.num_examples).tolist(), strict=True))

    def state(self) -> dict[str, object]:
        """What a checkpoint keeps."""
        return {"names": list(self._names), "sums": self._sums, "num_examples": self.num_examples}

    @classmethod
    def from_state(cls, state: dict[str, object], device: torch.device) -> Totals:
        """Go on from what `state` gave."""
        totals = cls()
        totals._names, totals.num_examples = tuple(state["names"]), state["num_examples"]
        totals._sums = None if state["sums"] is None else state["sums"].to(device)
        return totals
