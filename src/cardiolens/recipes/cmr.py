"""What the MRI itself tells (Turgut et al., arXiv 2308.05764): its picture of three phases through a ResNet-50.

The reference in the paper's tables, and what its contrastive learning does for the image branch. Neither the paper nor its code
says how these were trained: the image's view, learning rates and weight decay are those of contrastive learning, length and
early stopping those of the ECG's fine-tuning. Not measured here, as for `paper`. What the paper reports from fresh weights: AUC
71.88 (CAD), 73.11 (AF), 74.24 (DM); mean r 0.84 (LV), 0.85 (RV), 0.78 (WT), 0.64 (Ecc), 0.66 (Err).
"""

from __future__ import annotations

from dataclasses import replace

from cardiolens.methods.supervised_image import SupervisedImageConfig
from cardiolens.recipes import paper
from cardiolens.tasks import TASKS
from cardiolens.training.config import DataConfig, Precision, RunConfig, TrainingConfig


def supervised() -> RunConfig:
    """The paper's "CMR supervised" on one disease: a ResNet-50 from fresh weights on balanced examples."""
    return RunConfig("CMR supervised", _on("cad"), _training(3e-4), DataConfig(balanced=True))


def supervised_phenotypes() -> RunConfig:
    """The paper's "CMR supervised" on the left ventricle's phenotypes."""
    return RunConfig("CMR supervised", _on("lv"), _training(3e-4))


def finetune() -> RunConfig:
    """The image branch after contrastive learning on one disease (Table V); start it from `paper.mmcl`."""
    return RunConfig("CMR after MMCL", _on("cad"), _training(1e-4), DataConfig(balanced=True))


def finetune_phenotypes() -> RunConfig:
    """The image branch after contrastive learning on the left ventricle's phenotypes; start it from `paper.mmcl`."""
    return RunConfig("CMR after MMCL", _on("lv"), _training(1e-4))


def _on(task: str) -> SupervisedImageConfig:
    return SupervisedImageConfig(tasks=(TASKS[task],))


def _training(lr: float) -> TrainingConfig:
    return replace(paper.finetune().training, batch_size=32, base_lr=lr, weight_decay=1e-4, precision=Precision.BF16)
