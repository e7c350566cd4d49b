"""The projector that takes an embedding to the space where ECG and MRI are compared."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import relu

from cardiolens.nn.linear import Linear


@dataclass(frozen=True)
class ProjectorConfig:
    """Sizes of a projector; the defaults are the paper's."""

    hidden: int = 512
    """Width of the hidden layer."""
    width: int = 128
    """Width of the common space."""


class Projector(nn.Module):
    """Linear, ReLU, linear, both with bias and without batch norm; acts on the last axis."""

    def __init__(self, config: ProjectorConfig, features: int) -> None:
        super().__init__()
        self.expand = Linear(features, config.hidden)
        self.project = Linear(config.hidden, config.width)

    def forward(self, features: Float[Tensor, "*batch feature"]) -> Float[Tensor, "*batch projection"]:
        return self.project(relu(self.expand(features)))
