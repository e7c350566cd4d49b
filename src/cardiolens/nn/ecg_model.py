"""The model that answers for one ECG: signal encoder, pooling and heads. This is what a bundle holds."""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Float, Int
from torch import Tensor, nn

from cardiolens.nn.heads import HeadConfig, Heads
from cardiolens.nn.pooling import AttentionPoolConfig, PoolingConfig
from cardiolens.nn.vit import SignalEncoder, SignalEncoderConfig


@dataclass(frozen=True)
class EcgModelConfig:
    """The parts of an ECG model."""

    encoder: SignalEncoderConfig = field(default_factory=lambda: SignalEncoderConfig(learn_positions=True))
    """The signal encoder."""
    pooling: PoolingConfig = field(default_factory=AttentionPoolConfig)
    """How tokens become one vector."""
    heads: tuple[HeadConfig, ...] = ()
    """What is predicted from it."""


class EcgModel(nn.Module):
    """ECG to scores by head: log odds of a disease, standardised values of phenotypes."""

    def __init__(self, config: EcgModelConfig) -> None:
        super().__init__()
        self.config = config
        self.ecg_encoder = SignalEncoder(config.encoder)
        self.ecg_pool = config.pooling.build(config.encoder.width)
        self.heads = Heads(config.heads, config.encoder.width)

    def forward(
        self, ecg: Float[Tensor, "batch lead time"], *, keys: Int[Tensor, " batch"] | None = None
    ) -> dict[str, Float[Tensor, "batch output"]]:
        """`keys` are needed in training mode with drop path."""
        return self.heads(self.embed(ecg, keys=keys))

    def embed(
        self, ecg: Float[Tensor, "batch lead time"], *, keys: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch width"]:
        """The pooled and normed vector that the heads read."""
        return self.ecg_pool(self.ecg_encoder(ecg, keys=keys))
