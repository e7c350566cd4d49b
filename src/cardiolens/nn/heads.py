"""Prediction heads: one linear layer per task over the same features."""

from __future__ import annotations

from dataclasses import dataclass

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from cardiolens.errors import BadOption
from cardiolens.nn.linear import Linear


@dataclass(frozen=True)
class HeadConfig:
    """One head."""

    name: str
    """What it predicts; its place in the state dict."""
    outputs: int
    """Scores that it gives."""
    binary: bool
    """Whether a score is the difference of two logits (yes minus no), as trained by a two-class softmax."""


class Heads(nn.ModuleDict):
    """Features to one tensor of scores per head; `heads[name](features)` gives the raw logits.

    A binary head's logits stand as no, yes, no, yes, … and its score is yes minus no: the log odds.
    """

    def __init__(self, configs: tuple[HeadConfig, ...], width: int) -> None:
        super().__init__()
        self.configs = configs
        for config in configs:
            if not config.name or "." in config.name or hasattr(self, config.name):
                raise BadOption(
                    config.name,
                    found="a head of this name" if config.name in self else "a name that a module cannot have",
                    expected="different names, none empty or with a dot",
                    remedy="rename the task or column",
                )
            self[config.name] = _fresh_linear(width, config.outputs * (2 if config.binary else 1))

    def forward(self, features: Float[Tensor, "batch width"]) -> dict[str, Float[Tensor, "batch output"]]:
        return {config.name: _scores(self[config.name](features).float(), config) for config in self.configs}


def _scores(logits: Float[Tensor, "batch logit"], config: HeadConfig) -> Float[Tensor, "batch output"]:
    if not config.binary:
        return logits
    no, yes = rearrange(logits, "batch (output answer) -> answer batch output", answer=2)
    return yes - no


def _fresh_linear(width: int, outputs: int) -> Linear:
    layer = Linear(width, outputs)
    # Near zero, so that fine-tuning starts from the mean answer and not from noise.
    nn.init.trunc_normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)
    return layer
