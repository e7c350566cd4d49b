"""Fine-tuning of the ECG encoder on labels: one model with one head per task, trained alone or jointly."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from cardiolens.batch import Batch
from cardiolens.methods.fine_tuning import FineTuning, FineTuningConfig
from cardiolens.methods.method import MethodConfig, ParameterGroup, grouped_by_decay, require_same_window
from cardiolens.nn.ecg_model import EcgModel, EcgModelConfig
from cardiolens.nn.pooling import AttentionPoolConfig, PoolingConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.signals.augmentation import EcgAugmentationConfig, augment, first_window


@dataclass(frozen=True)
class SupervisedConfig(FineTuningConfig, MethodConfig):
    """Settings of fine-tuning; the defaults lie in the middle of the paper's search."""

    encoder: SignalEncoderConfig = field(default_factory=lambda: SignalEncoderConfig(drop_path=0.1, learn_positions=True))
    """The signal encoder."""
    pooling: PoolingConfig = field(default_factory=AttentionPoolConfig)
    """From tokens to the vector that the heads read."""
    scale_input: bool = False
    """Whether the model also reads the millivolts that cleaning divided the lead groups by; not so in the paper."""
    layer_decay: float = 0.5
    """Learning rate of a block over that of the next; 1 trains all layers alike."""
    augmentation: EcgAugmentationConfig = field(default_factory=lambda: EcgAugmentationConfig(surrogate=0.075, jitter=0.2))
    """Crop and augmentation in training; validation sees the first window as it is."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_same_window(self.encoder, self.augmentation)

    @property
    def model(self) -> EcgModelConfig:
        """The model that is trained, one head per task; its state dict is part of the method's."""
        return EcgModelConfig(self.encoder, self.pooling, self.heads, self.scale_input)

    def answering_model(self) -> EcgModel:
        """Encoder, pooling and heads with fresh weights."""
        return EcgModel(self.model)

    def _build(self) -> Supervised:
        return Supervised(self)


class Supervised(FineTuning):
    """Signal encoder, pooling and heads with the tasks' losses."""

    config: SupervisedConfig

    def __init__(self, config: SupervisedConfig) -> None:
        super().__init__(config)
        model = config.answering_model()
        self.ecg_encoder, self.ecg_pool, self.heads = model.ecg_encoder, model.ecg_pool, model.heads
        if config.scale_input:
            self.scale_input = model.scale_input
        # The pooling brings its own norm; the encoder's has no part in the answer.
        self.ecg_encoder.norm.requires_grad_(False)

    def task_scores(self, batch: Batch) -> dict[str, Float[Tensor, "batch output"]]:
        """Scores of a random window in training, of the first one in validation."""
        if self.training:
            ecg = augment(batch.ecg, self.config.augmentation, keys=batch.keys)
        else:
            ecg = first_window(batch.ecg, self.config.augmentation.crop)
        pooled = self.ecg_pool(self.ecg_encoder(ecg, keys=batch.keys))
        if self.config.scale_input:
            # The scales are those of the whole recording, whatever was cropped or augmented.
            pooled = self.scale_input(pooled, batch.ecg_scale)
        return self.heads(pooled)

    def parameter_groups(self, weight_decay: float) -> list[ParameterGroup]:
        """Groups by depth: the learning rate shrinks by `layer_decay` per layer from the heads to the embedding.

        Pooling, scale input and heads learn at the full rate. Class token, positions, biases and norms do not decay.
        """
        layers: dict[int, list[tuple[str, torch.nn.Parameter]]] = {}
        for name, parameter in self.named_parameters():
            layers.setdefault(self._layer(name), []).append((name, parameter))
        top = self.config.encoder.depth + 1
        never = frozenset({"ecg_encoder.class_token", "ecg_encoder.positions"})
        return [
            group
            for layer, parameters in sorted(layers.items())
            for group in grouped_by_decay(
                parameters,
                weight_decay=weight_decay,
                lr_scale=self.config.layer_decay ** (top - layer),
                name=f"layer_{layer}",
                never=never,
            )
        ]

    def _layer(self, name: str) -> int:
        parts = name.split(".")
        if parts[0] != "ecg_encoder" or parts[1] == "norm":
            return self.config.encoder.depth + 1
        return int(parts[2]) + 1 if parts[1] == "blocks" else 0
