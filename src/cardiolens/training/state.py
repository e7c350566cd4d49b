"""Everything that decides how a half-done training goes on, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from cardiolens.methods.method import Method
from cardiolens.training.config import TrainingConfig
from cardiolens.training.early_stopping import EarlyStopping
from cardiolens.training.generators import generator_states, load_generator_states
from cardiolens.training.optimiser import build_optimiser
from cardiolens.training.totals import Totals


@dataclass(frozen=True)
class Best:
    """The weights that validation liked best so far."""

    epoch: int
    """Epochs that were complete then."""
    value: float
    """The number that selects."""
    weights: dict[str, Tensor]


class TrainingState:
    """Weights, optimiser, position, sums of the epoch, early stopping and the best weights of one training.

    The learning rate follows from the position; the order of examples and their augmentation from seed, epoch and row.
    """

    def __init__(self, method: Method, config: TrainingConfig) -> None:
        self.method = method
        self.device = next(method.parameters()).device
        self.optimiser = build_optimiser(method.parameter_groups(config.weight_decay), betas=config.betas)
        self.early_stopping = EarlyStopping(
            patience=config.patience, max_delta=config.max_delta, higher_is_better=method.selects_by.higher_is_better
        )
        self.epoch = 0
        """Epochs complete, validation included."""
        self.step_in_epoch = 0
        self.step = 0
        self.totals = Totals()
        self.best: Best | None = None
        self.stopped = False
        """Early stopping has spoken."""

    def remember_best(self, *, epoch: int, value: float) -> None:
        """Copy the weights as they are now."""
        weights = {name: tensor.detach().clone() for name, tensor in self.method.state_dict().items()}
        self.best = Best(epoch, value, weights)

    def to_checkpoint(self) -> dict[str, Any]:
        """Plain containers and tensors."""
        best = self.best
        return {
            "epoch": self.epoch,
            "step_in_epoch": self.step_in_epoch,
            "step": self.step,
            "stopped": self.stopped,
            "method": dict(self.method.state_dict()),
            "optimiser": self.optimiser.state_dict(),
            "totals": self.totals.state(),
            "early_stopping": self.early_stopping.state(),
            "best": None if best is None else {"epoch": best.epoch, "value": best.value, "weights": best.weights},
            "generators": generator_states(self.device),
        }

    def load_checkpoint(self, stored: dict[str, Any]) -> None:
        """Go on from what `to_checkpoint` gave, on this or on another kind of device."""
        self.epoch, self.step_in_epoch, self.step = stored["epoch"], stored["step_in_epoch"], stored["step"]
        self.stopped = stored["stopped"]
        self.method.load_state_dict(stored["method"])
        self.optimiser.load_state_dict(stored["optimiser"])
        self.totals = Totals.from_state(stored["totals"], self.device)
        self.early_stopping.load_state(stored["early_stopping"])
        if (best := stored["best"]) is not None:
            weights = {name: tensor.to(self.device) for name, tensor in best["weights"].items()}
            self.best = Best(best["epoch"], best["value"], weights)
        load_generator_states(stored["generators"], self.device)
