"""What methods that embed whole ECGs are built on: signal encoder, pooling, projector, and how they are trained.

Pre-training methods differ in what an ECG's projection is compared with; this is what they share. Masked modelling, which
looks at single patches, and fine-tuning, which has heads, are not among them.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable

from jaxtyping import Float, Int
from torch import Tensor, nn

from cardiolens.methods.method import Method, ParameterGroup, Selection
from cardiolens.nn.pooling import PoolingConfig
from cardiolens.nn.vit import SignalEncoder, SignalEncoderConfig


class EcgEmbedding(Method, ABC):
    """The modules that take an ECG to a projection, selected by the loss and trained as one group."""

    def __init__(self, encoder: SignalEncoderConfig, pooling: PoolingConfig, projector: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.ecg_encoder = SignalEncoder(encoder)
        # The pooling brings its own norm; the encoder's stays as loaded, for those who use it later.
        self.ecg_encoder.norm.requires_grad_(False)
        self.ecg_pool = pooling.build(encoder.width)
        self.ecg_projector = projector(encoder.width)

    @property
    def selects_by(self) -> Selection:
        """The loss on the views of validation."""
        return Selection("loss", higher_is_better=False)

    def parameter_groups(self, weight_decay: float) -> list[ParameterGroup]:
        """One group: as published, all weights decay alike, biases and norms included."""
        trained = tuple(parameter for parameter in self.parameters() if parameter.requires_grad)
        return [ParameterGroup(trained, 1.0, weight_decay, "all")]

    def embed_ecg(
        self, ecg: Float[Tensor, "batch lead time"], *, keys: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch width"]:
        """ECG windows to embeddings, before the projector; `keys` are needed in training mode with drop path."""
        return self.ecg_pool(self.ecg_encoder(ecg, keys=keys))

    def project_ecg(
        self, ecg: Float[Tensor, "batch lead time"], *, keys: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch projection"]:
        """ECG windows to the space where they are compared; not normalised."""
        return self.ecg_projector(self.embed_ecg(ecg, keys=keys)).float()
