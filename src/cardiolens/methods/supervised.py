"""Fine-tuning on labels: one model with one head per task, trained alone or jointly.

Diseases are learned by two-class cross-entropy, phenotypes by squared error on standardised values. Entries without a
known target take no part; the published code counted them as zeros that were predicted perfectly.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from cardiolens.batch import Batch, StepOutput
from cardiolens.errors import BadOption
from cardiolens.methods.method import Method, MethodConfig, ParameterGroup, Selection, grouped_by_decay, require_same_window
from cardiolens.nn.ecg_model import EcgModel, EcgModelConfig
from cardiolens.nn.heads import HeadConfig
from cardiolens.nn.pooling import AttentionPoolConfig, PoolingConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.signals.augmentation import EcgAugmentationConfig, augment, first_window
from cardiolens.tasks.task import Task, TaskKind


@dataclass(frozen=True)
class SupervisedConfig(MethodConfig):
    """Settings of fine-tuning; the defaults lie in the middle of the paper's search."""

    tasks: tuple[Task, ...]
    """What is predicted: entries of `tasks.TASKS`, or `tasks.column_task` of any label column."""
    task_weights: dict[str, float] = field(default_factory=dict)
    """Weights of tasks in the loss by name; a task that is not named weighs 1."""
    encoder: SignalEncoderConfig = field(default_factory=lambda: SignalEncoderConfig(drop_path=0.1, learn_positions=True))
    """The signal encoder."""
    pooling: PoolingConfig = field(default_factory=AttentionPoolConfig)
    """From tokens to the vector that the heads read."""
    scale_input: bool = False
    """Whether the model also reads the millivolts that cleaning divided the lead groups by; not so in the paper."""
    label_smoothing: float = 0.1
    """Probability taken from the true class and spread over both."""
    layer_decay: float = 0.5
    """Learning rate of a block over that of the next; 1 trains all layers alike."""
    augmentation: EcgAugmentationConfig = field(default_factory=lambda: EcgAugmentationConfig(surrogate=0.075, jitter=0.2))
    """Crop and augmentation in training; validation sees the first window as it is."""

    def __post_init__(self) -> None:
        require_same_window(self.encoder, self.augmentation)
        names = [task.name for task in self.tasks]
        if not names or len(set(names)) < len(names) or not set(self.task_weights) <= set(names):
            raise BadOption(
                "tasks",
                found=f"tasks {', '.join(names) or 'none'} with weights for {', '.join(self.task_weights) or 'none'}",
                expected="at least one task, each once, and weights for these alone",
                remedy="mend tasks or task_weights",
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """The tasks' columns one after the other."""
        return tuple(column for task in self.tasks for column in task.columns)

    @property
    def model(self) -> EcgModelConfig:
        """The model that is trained, one head per task; its state dict is part of the method's."""
        heads = (HeadConfig(t.name, len(t.columns), binary=t.kind is TaskKind.CLASSIFICATION) for t in self.tasks)
        return EcgModelConfig(self.encoder, self.pooling, tuple(heads), self.scale_input)

    def _build(self) -> Supervised:
        return Supervised(self)


class Supervised(Method):
    """Signal encoder, pooling and heads with the tasks' losses.

    Scores, in the order of `config.columns`, are log odds of diseases and standardised values of phenotypes.
    """

    def __init__(self, config: SupervisedConfig) -> None:
        super().__init__()
        self.config = config
        model = EcgModel(config.model)
        self.ecg_encoder, self.ecg_pool, self.heads = model.ecg_encoder, model.ecg_pool, model.heads
        if config.scale_input:
            self.scale_input = model.scale_input
        # The pooling brings its own norm; the encoder's has no part in the answer.
        self.ecg_encoder.norm.requires_grad_(False)
        self.register_buffer("target_mean", torch.zeros(len(config.columns)))
        self.register_buffer("target_sd", torch.ones(len(config.columns)))

    @property
    def selects_by(self) -> Selection:
        """The mean over tasks of AUC or mean r."""
        return Selection("mean_metric", higher_is_better=True)

    def set_target_scale(self, mean: Float[np.ndarray, " output"], sd: Float[np.ndarray, " output"]) -> None:
        """Mean and standard deviation of every column over the training split; those of diseases are not used.

        Raises:
            BadOption: a phenotype's values are not finite or do not vary.
        """
        for i, (column, kind) in enumerate(self._columns_and_kinds()):
            if kind is TaskKind.CLASSIFICATION:
                continue
            if not (np.isfinite(mean[i]) and np.isfinite(sd[i]) and sd[i] > 0):
                raise BadOption(
                    column,
                    found=f"mean {mean[i]:g} and standard deviation {sd[i]:g} in the training split",
                    expected="finite values that vary",
                    remedy="leave this column out or complete its labels",
                )
            self.target_mean[i], self.target_sd[i] = float(mean[i]), float(sd[i])

    def forward(self, batch: Batch) -> StepOutput:
        """The weighted mean of the tasks' losses, each task's loss, and the scores."""
        assert batch.target is not None, "the loader was not asked for targets"
        assert batch.target_known is not None, "the loader was not asked for targets"
        if self.training:
            ecg = augment(batch.ecg, self.config.augmentation, keys=batch.keys)
        else:
            ecg = first_window(batch.ecg, self.config.augmentation.crop)
        pooled = self.ecg_pool(self.ecg_encoder(ecg, keys=batch.keys))
        if self.config.scale_input:
            # The scales are those of the whole recording, whatever was cropped or augmented.
            pooled = self.scale_input(pooled, batch.ecg_scale)
        scores = self.heads(pooled)
        target = (batch.target - self.target_mean) / self.target_sd
        sizes = [len(task.columns) for task in self.config.tasks]
        losses = {
            task.name: self._task_loss(task, scores[task.name], wanted, known)
            for task, wanted, known in zip(
                self.config.tasks, target.split(sizes, dim=1), batch.target_known.split(sizes, dim=1), strict=True
            )
        }
        weights = {name: self.config.task_weights.get(name, 1.0) for name in losses}
        loss = sum(weights[name] * losses[name] for name in losses) / sum(weights.values())
        metrics = {f"{name}_loss": loss.detach() for name, loss in losses.items()} if len(losses) > 1 else {}
        return StepOutput(loss, metrics, torch.cat([scores[name].detach() for name in losses], dim=1))

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

    def validation_metrics(
        self,
        scores: Float[np.ndarray, "subject output"] | None,
        target: Float[np.ndarray, "subject output"] | None,
        known: Bool[np.ndarray, "subject output"] | None,
    ) -> dict[str, float]:
        """Each task's AUC or mean r, and their mean over the tasks whose targets allow one; NaN after divergence."""
        assert scores is not None, "fine-tuning is validated on scores"
        assert target is not None, "fine-tuning is validated on targets"
        assert known is not None, "fine-tuning is validated on targets"
        ends = np.cumsum([len(task.columns) for task in self.config.tasks])
        parts = [slice(end - len(task.columns), end) for task, end in zip(self.config.tasks, ends, strict=True)]
        values = {
            f"{task.name}_{task.metric_name}": task.metric(scores[:, part], target[:, part], known[:, part])
            for task, part in zip(self.config.tasks, parts, strict=True)
        }
        measured = [value for value in values.values() if not np.isnan(value)]
        usable = bool(measured) and bool(np.isfinite(scores[known]).all())
        return values | {"mean_metric": float(np.mean(measured)) if usable else float("nan")}

    def _columns_and_kinds(self) -> list[tuple[str, TaskKind]]:
        return [(column, task.kind) for task in self.config.tasks for column in task.columns]

    def _task_loss(self, task: Task, scores: Tensor, target: Tensor, known: Tensor) -> Tensor:
        if task.kind is TaskKind.CLASSIFICATION:
            smoothing = self.config.label_smoothing
            # A softmax over two logits depends on their difference alone, which is the score.
            smooth = target * (1 - smoothing) + smoothing / 2
            entry_loss = binary_cross_entropy_with_logits(scores, smooth, reduction="none")
        else:
            entry_loss = (scores - target).square()
        return torch.where(known, entry_loss, 0.0).sum() / known.sum().clamp(min=1)

    def _layer(self, name: str) -> int:
        parts = name.split(".")
        if parts[0] != "ecg_encoder" or parts[1] == "norm":
            return self.config.encoder.depth + 1
        return int(parts[2]) + 1 if parts[1] == "blocks" else 0
