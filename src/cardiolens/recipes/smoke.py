"""The smallest sizes that still run every part: for the test suite, seconds on one core, no promise about results."""

from __future__ import annotations

from dataclasses import replace

from cardiolens.recipes import demo
from cardiolens.training.config import RunConfig


def mdm() -> RunConfig:
    """Two epochs of masked data modelling."""
    return _short(demo.mdm())


def mmcl() -> RunConfig:
    """Two epochs of contrastive learning."""
    return _short(demo.mmcl())


def finetune() -> RunConfig:
    """Two epochs of fine-tuning on one disease."""
    return _short(demo.finetune())


def joint() -> RunConfig:
    """Two epochs of fine-tuning on all tasks at once."""
    return _short(demo.joint())


def _short(config: RunConfig) -> RunConfig:
    return replace(config, training=replace(config.training, epochs=2, warmup_epochs=1.0, batch_size=16))
