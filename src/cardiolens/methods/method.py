"""What a training objective is: modules and a loss on a batch. One loop trains them all.

The names of a method's attributes are the names under which its weights are stored and handed on: `ecg_encoder`,
`image_encoder`, `ecg_pool`, `ecg_projector`, `image_projector`, `decoder`, `heads`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from cardiolens.batch import Batch, StepOutput
from cardiolens.configs import Kinds
from cardiolens.errors import BadOption
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.signals.augmentation import EcgAugmentationConfig


@dataclass(frozen=True)
class ParameterGroup:
    """Weights that share a learning rate and a weight decay."""

    params: tuple[nn.Parameter, ...]
    lr_scale: float
    """The group's learning rate over the schedule's."""
    weight_decay: float
    name: str


@dataclass(frozen=True)
class Selection:
    """Which validation number chooses the checkpoint."""

    metric: str
    """`loss`, a key of `StepOutput.metrics` or of `Method.validation_metrics`."""
    higher_is_better: bool


@dataclass(frozen=True)
class MethodConfig(Kinds, ABC):
    """Settings of one method, stored by the name of their class."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Label columns that the method's targets are made of, in order; none for a method without labels."""
        return ()

    @property
    def needs_images(self) -> bool:
        """Whether it reads the MRI's picture of three phases, which every subject must then have."""
        return False

    @property
    def needs_volumes(self) -> bool:
        """Whether it reads the end-diastolic and end-systolic volumes."""
        return False

    @property
    def needs_cine(self) -> bool:
        """Whether it reads the moving middle slice."""
        return False

    def build(self, *, seed: int) -> Method:
        """The method with fresh weights on the CPU; they follow from `seed`, and the global generator is left alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self._build()

    @abstractmethod
    def _build(self) -> Method:
        """The method with fresh weights from the global generator, as PyTorch's layers draw them."""


class Method(nn.Module, ABC):
    """Modules and a loss. In training mode a step augments; in evaluation mode it looks at one fixed view."""

    @property
    @abstractmethod
    def selects_by(self) -> Selection:
        """Which validation number chooses the checkpoint."""

    @abstractmethod
    def forward(self, batch: Batch) -> StepOutput:
        """One step's loss and metrics. All randomness follows from `batch.keys`."""

    @abstractmethod
    def parameter_groups(self, weight_decay: float) -> list[ParameterGroup]:
        """Every weight that is trained, once."""

    def after_step(self, progress: float) -> None:
        """What follows a step of the optimiser; `progress` is the share of the training, 0 to below 1, that lay before it."""

    def validation_metrics(
        self,
        scores: Float[np.ndarray, "subject output"] | None,
        target: Float[np.ndarray, "subject output"] | None,
        known: Bool[np.ndarray, "subject output"] | None,
    ) -> dict[str, float]:
        """Numbers over a whole validation split beyond the means of loss and metrics; from `StepOutput.scores`."""
        return {}


class ComparingMethod(Method, ABC):
    """A method whose loss looks at embeddings alone, so a batch may be embedded in parts and still be compared as a whole."""

    def forward(self, batch: Batch) -> StepOutput:
        """One step's loss and metrics."""
        return self.compare(self.embed(batch))

    @abstractmethod
    def embed(self, batch: Batch) -> tuple[Float[Tensor, "batch projection"], ...]:
        """What is compared, each with one row per subject, which follows from the subject alone."""

    @abstractmethod
    def compare(self, embeddings: tuple[Float[Tensor, "batch projection"], ...]) -> StepOutput:
        """Loss and metrics of what `embed` gave, in its order; draws nothing."""


def grouped_by_decay(
    parameters: Iterable[tuple[str, nn.Parameter]],
    *,
    weight_decay: float,
    lr_scale: float = 1.0,
    name: str = "all",
    never: frozenset[str] = frozenset(),
) -> list[ParameterGroup]:
    """At most two groups of the trainable ones among named parameters: `name`/decay and `name`/no_decay.

    Biases, norms (all that has one axis) and the parameters named in `never` do not decay.
    """
    trained = [(key, parameter) for key, parameter in parameters if parameter.requires_grad]
    free = tuple(parameter for key, parameter in trained if parameter.ndim <= 1 or key in never)
    decayed = tuple(parameter for key, parameter in trained if not (parameter.ndim <= 1 or key in never))
    groups = [
        ParameterGroup(decayed, lr_scale, weight_decay, f"{name}/decay"),
        ParameterGroup(free, lr_scale, 0.0, f"{name}/no_decay"),
    ]
    return [group for group in groups if group.params]


def require_same_window(encoder: SignalEncoderConfig, augmentation: EcgAugmentationConfig) -> None:
    """Refuse an encoder that reads another length than the augmentation cuts.

    Raises:
        BadOption: the lengths differ.
    """
    if encoder.num_samples != augmentation.crop:
        raise BadOption(
            "augmentation.crop",
            found=f"{augmentation.crop} samples",
            expected=f"the {encoder.num_samples} samples that the encoder reads",
            remedy="set encoder.num_samples and augmentation.crop alike",
        )
