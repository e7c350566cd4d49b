"""Diseases and phenotypes from the MRI's picture at the demo's size: the image branch of `demo.mmcl`, which it may start from.

No promise about medicine, as for `demo`.
"""

from __future__ import annotations

from dataclasses import replace

from cardiolens.methods.supervised_image import SupervisedImageConfig
from cardiolens.recipes import demo
from cardiolens.tasks import TASKS
from cardiolens.training.config import DataConfig, RunConfig


def finetune() -> RunConfig:
    """One disease from balanced examples."""
    return replace(_on("cad"), data=DataConfig(balanced=True))


def finetune_phenotypes() -> RunConfig:
    """All 61 phenotypes at once."""
    return _on("phenotypes")


def joint() -> RunConfig:
    """One model for three diseases and 61 phenotypes, on every subject with its natural prevalence."""
    return _on(*demo.JOINT_TASKS)


def _on(*tasks: str) -> RunConfig:
    branch = demo.mmcl().method
    method = SupervisedImageConfig(
        tasks=tuple(TASKS[name] for name in tasks),
        image_encoder=branch.image_encoder,
        image_augmentation=branch.image_augmentation,
    )
    return RunConfig("CMR", method, demo.joint().training)
