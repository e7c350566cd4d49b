"""What one training run is: its method, its training settings, its training examples.

The three are frozen, stored as JSON in the run's folder and overridden field by field on the command line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from cardiolens.configs import LATER
from cardiolens.errors import BadOption
from cardiolens.methods.method import MethodConfig


class Precision(StrEnum):
    """In what numbers matrix products are computed; weights and optimiser are always float32."""

    FP32 = "fp32"
    BF16 = "bf16"


class KeptWeights(StrEnum):
    """Which weights a run leaves behind."""

    BEST = "best"
    """Those of the epoch that validation liked best; the last ones where nothing was validated."""
    LAST = "last"
    """Those of the last epoch."""


@dataclass(frozen=True)
class TrainingConfig:
    """How a method is trained: AdamW, linear warm-up and cosine decay per iteration, early stopping."""

    epochs: int
    """Passes over the training examples."""
    batch_size: int
    """Examples per optimiser step, of all processes together."""
    base_lr: float
    """The highest learning rate itself: the published code's `blr` x batch / 4, already multiplied out."""
    warmup_epochs: float = 0.0
    """Epochs, also fractions, in which the learning rate rises from 0 to `base_lr`."""
    min_lr: float = 0.0
    """The learning rate at the end of the last epoch."""
    weight_decay: float = 0.0
    """Decoupled; the method says which of its weights decay."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Adam's decay rates of the first and second moment."""
    accumulation: int = 1
    """Parts that a batch is computed in, to save memory; a contrastive loss compares within a part."""
    cached_parts: int = field(default=1, metadata=LATER)
    """Parts that a contrastive loss embeds a batch in, to save memory for one more forward pass; it compares the whole batch
    (`gradient_cache`). Every process has so many parts of its share."""
    sync_batch_norm: bool = field(default=False, metadata=LATER)
    """Several GPUs normalise by the statistics of the whole batch (PyTorch's SyncBatchNorm), not each by those of its share."""
    clip_norm: float = math.inf
    """Longest gradient, over all weights together; inf does not clip."""
    precision: Precision = Precision.FP32
    """bf16 is about twice as fast where the processor has it."""
    compiled: bool = field(default=False, metadata=LATER)
    """Compute full batches as one compiled graph (`compiled_step`), equal but for rounding; compiling takes a minute or two.
    Where no compiler is found they are computed as ever."""
    cuda_graphs: bool = field(default=True, metadata=LATER)
    """On a GPU, record a step's kernels once and replay them (`captured_step`); elsewhere it changes nothing."""
    drop_last: bool = False
    """Leave out the last, smaller batch of an epoch."""
    seed: int = 0
    """Weight initialisation, order of examples and all augmentation follow from it."""
    validate_every: int = 1
    """Epochs between validations; the last epoch is always validated."""
    patience: float = math.inf
    """Validations without success before stopping early; inf trains to the end."""
    max_delta: float = 0.0
    """How far below the best a validation may fall and still count as success, in the metric's own unit."""
    keep: KeptWeights = KeptWeights.BEST
    """Which weights the run leaves behind."""
    checkpoint_every_steps: int = 10_000
    """A killed run loses at most so many steps."""
    checkpoint_every_seconds: float = 300.0
    """And at most so much time. When a checkpoint is written never changes a result."""

    def __post_init__(self) -> None:
        _require(self.epochs >= 1, "epochs", self.epochs, "1 or more")
        _require(self.batch_size >= 1, "batch_size", self.batch_size, "1 or more")
        _require(0 < self.base_lr < math.inf, "base_lr", self.base_lr, "a positive learning rate")
        _require(0 <= self.min_lr <= self.base_lr, "min_lr", self.min_lr, f"0 to base_lr, {self.base_lr:g}")
        _require(0 <= self.warmup_epochs <= self.epochs, "warmup_epochs", self.warmup_epochs, f"0 to epochs, {self.epochs}")
        _require(0 <= self.weight_decay < math.inf, "weight_decay", self.weight_decay, "0 or more")
        _require(all(0 <= beta < 1 for beta in self.betas), "betas", self.betas, "two numbers from 0 to below 1")
        parts = f"1 to batch_size, {self.batch_size}"
        _require(1 <= self.accumulation <= self.batch_size, "accumulation", self.accumulation, parts)
        _require(1 <= self.cached_parts <= self.batch_size, "cached_parts", self.cached_parts, parts)
        alone = not self.sync_batch_norm or self.cached_parts == 1
        _require(alone, "sync_batch_norm", f"true with cached_parts {self.cached_parts}", "one of the two")
        alone = not self.compiled or self.cached_parts == 1
        _require(alone, "compiled", f"true with cached_parts {self.cached_parts}", "one of the two")
        _require(self.clip_norm > 0, "clip_norm", self.clip_norm, "a positive length or inf")
        _require(self.validate_every >= 1, "validate_every", self.validate_every, "1 or more")
        _require(self.patience >= 0, "patience", self.patience, "0 or more, or inf")
        _require(self.max_delta >= 0, "max_delta", self.max_delta, "0 or more")
        _require(self.checkpoint_every_steps >= 1, "checkpoint_every_steps", self.checkpoint_every_steps, "1 or more")
        _require(self.checkpoint_every_seconds >= 0, "checkpoint_every_seconds", self.checkpoint_every_seconds, "0 or more")


@dataclass(frozen=True)
class DataConfig:
    """Which subjects of the training split a method sees. What it reads of them, labels and MRI, is the method's own choice."""

    balanced: bool = False
    """Train on all positives of the one label column and as many negatives, as stored with the cohort; other splits stay as
    they are."""
    balance_seed: int = 0
    """0 takes the negatives, and the subjects of a share, that were drawn for the cohort; any other number draws anew, to see
    what the draw matters."""
    share: float = 1.0
    """Part of the training set to use, balanced or not, a smaller one within a larger: experiments with few labels."""

    def __post_init__(self) -> None:
        _require(0 < self.share <= 1, "share", self.share, "above 0 and at most 1", room="data")


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides a run's result, besides the cohort and the weights it starts from."""

    name: str
    """What tables and figures call it."""
    method: MethodConfig
    """What is trained, on which labels."""
    training: TrainingConfig
    """How it is trained."""
    data: DataConfig = field(default_factory=DataConfig)
    """On whom."""

    def __post_init__(self) -> None:
        columns = self.method.columns
        alone = len(columns) == 1 or not self.data.balanced
        _require(alone, "balanced", f"a method of {len(columns)} label columns", "exactly one to balance by", room="data")


def _require(holds: bool, name: str, found: object, expected: str, *, room: str = "training") -> None:
    if not holds:
        raise BadOption(f"{room}.{name}", found=str(found), expected=expected, remedy="change this setting")
