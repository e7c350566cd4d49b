"""When to stop, and which epoch was best, from one validation number per epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """What one validation means."""

    improved: bool
    """It is the best so far."""
    stop: bool
    """Patience has run out."""


class EarlyStopping:
    """Counts validations in a row that fall more than `max_delta` behind the best; stops when they exceed `patience`.

    As in the published fine-tuning: a validation within `max_delta` of the best sets the count back to zero, so a slow
    decline that stays close to the best never stops a run. NaN (a split without a single positive) says nothing: it
    neither counts nor improves.
    """

    def __init__(self, *, patience: float, max_delta: float, higher_is_better: bool) -> None:
        self._patience, self._max_delta = patience, max_delta
        self._sign = 1.0 if higher_is_better else -1.0
        self.best = math.nan
        self.count = 0

    def update(self, value: float) -> Verdict:
        """Take in one validation."""
        if math.isnan(value):
            return Verdict(improved=False, stop=False)
        gain = math.inf if math.isnan(self.best) else self._sign * (value - self.best)
        self.count = 0 if gain >= -self._max_delta else self.count + 1
        if gain > 0:
            self.best = value
        return Verdict(improved=gain > 0, stop=self.count > self._patience)

    def state(self) -> dict[str, float | int]:
        """What a checkpoint keeps."""
        return {"best": self.best, "count": self.count}

    def load_state(self, state: dict[str, float | int]) -> None:
        """Go on from what `state` gave."""
        self.best, self.count = float(state["best"]), int(state["count"])
