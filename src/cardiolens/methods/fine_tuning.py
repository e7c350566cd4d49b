"""What all fine-tuning on labels has in common, whatever it looks at: tasks, their losses, their scales, their numbers.

Diseases are learned by two-class cross-entropy, phenotypes by squared error on standardised values. Entries without a
known target take no part; the published code counted them as zeros that were predicted perfectly.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from cardiolens.batch import Batch, StepOutput
from cardiolens.errors import BadOption
from cardiolens.methods.global_batch import mean_over_known
from cardiolens.methods.method import Method, Selection
from cardiolens.nn.ecg_model import EcgModel
from cardiolens.nn.heads import HeadConfig
from cardiolens.nn.image_model import ImageModel
from cardiolens.tasks.task import Task, TaskKind


@dataclass(frozen=True)
class FineTuningConfig(ABC):
    """What is predicted, and how its losses are weighed; inherited by the settings of methods that learn labels."""

    tasks: tuple[Task, ...]
    """What is predicted: entries of `tasks.TASKS`, or `tasks.column_task` of any label column."""
    task_weights: dict[str, float] = field(default_factory=dict)
    """Weights of tasks in the loss by name; a task that is not named weighs 1."""
    label_smoothing: float = 0.1
    """Probability taken from the true class and spread over both."""

    def __post_init__(self) -> None:
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
    def heads(self) -> tuple[HeadConfig, ...]:
        """One head per task."""
        return tuple(HeadConfig(t.name, len(t.columns), binary=t.kind is TaskKind.CLASSIFICATION) for t in self.tasks)

    @abstractmethod
    def answering_model(self) -> EcgModel | ImageModel:
        """The model that answers, without what served its training; its state dict is part of the method's."""


class FineTuning(Method, ABC):
    """Heads with the tasks' losses, over whatever a subclass makes features of.

    Scores, in the order of `config.columns`, are log odds of diseases and standardised values of phenotypes.
    """

    config: FineTuningConfig

    def __init__(self, config: FineTuningConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("target_mean", torch.zeros(len(config.columns)))
        self.register_buffer("target_sd", torch.ones(len(config.columns)))

    @abstractmethod
    def task_scores(self, batch: Batch) -> dict[str, Float[Tensor, "batch output"]]:
        """Scores by task: of a random view in training mode, of one fixed view in evaluation mode."""

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
        scores = self.task_scores(batch)
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
        return mean_over_known(entry_loss, known)
