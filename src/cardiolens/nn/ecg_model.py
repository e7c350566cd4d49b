"""The model that answers for one ECG: signal encoder, pooling, voltage where asked for, and heads. A bundle holds this."""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Float, Int
from torch import Tensor, nn

from cardiolens.nn.heads import HeadConfig, Heads
from cardiolens.nn.pooling import AttentionPoolConfig, PoolingConfig
from cardiolens.nn.scale_input import ScaleInput
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
    scale_input: bool = False
    """Whether the model also reads the millivolts that cleaning divided the lead groups by; not so in the paper."""


class EcgModel(nn.Module):
    """ECG to scores by head: log odds of a disease, standardised values of phenotypes."""

    def __init__(self, config: EcgModelConfig) -> None:
        super().__init__()
        self.config = config
        self.ecg_encoder = SignalEncoder(config.encoder)
        self.ecg_pool = config.pooling.build(config.encoder.width)
        self.heads = Heads(config.heads, config.encoder.width)
        if config.scale_input:
            # Last, so that the other weights are drawn alike with and without it.
            self.scale_input = ScaleInput(config.encoder.width)

    def forward(
        self,
        ecg: Float[Tensor, "batch lead time"],
        *,
        scale_mv: Float[Tensor, "batch group"] | None = None,
        keys: Int[Tensor, " batch"] | None = None,
    ) -> dict[str, Float[Tensor, "batch output"]]:
        """`keys` are needed in training mode with drop path, `scale_mv` by a model with `scale_input`; others ignore it.

        Raises:
            ValueError: the model reads scales and got none.
        """
        return self.heads(self.embed(ecg, scale_mv=scale_mv, keys=keys))

    def embed(
        self,
        ecg: Float[Tensor, "batch lead time"],
        *,
        scale_mv: Float[Tensor, "batch group"] | None = None,
        keys: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch width"]:
        """The pooled and normed vector that the heads read, with the voltage in it where the model reads scales."""
        pooled = self.ecg_pool(self.ecg_encoder(ecg, keys=keys))
        if not self.config.scale_input:
            return pooled
        if scale_mv is None:
            raise ValueError("this model also reads the scales that cleaning divided the lead groups by; found none")
        return self.scale_input(pooled, scale_mv)
