"""Pre-training of the demo's sizes for a few thousand subjects: as in `demo`, but long enough to be compared.

In the demo the contrastive loss has only begun to fall when training ends. What these make of 4,200 synthetic training pairs
stands in `benchmarks/results`, with command, date and machine.
"""

from __future__ import annotations

from dataclasses import replace

from cardiolens.recipes import demo
from cardiolens.training.config import RunConfig

CONTRASTIVE_EPOCHS = 60
"""Of every method that compares ECGs with MRIs."""


def mdm() -> RunConfig:
    """Masked data modelling, 40 epochs."""
    return for_epochs(demo.mdm(), 40)


def mmcl() -> RunConfig:
    """Contrastive learning of ECG and picture, 60 epochs; start it from masked modelling and `demo_baselines.image_simclr`."""
    return for_epochs(demo.mmcl(), CONTRASTIVE_EPOCHS)


def mmcl_without_mdm() -> RunConfig:
    """The ablation: the same from a fresh ECG encoder."""
    return replace(mmcl(), name="MMCL w/o MDM")


def for_epochs(config: RunConfig, epochs: int) -> RunConfig:
    """The same run with another length."""
    return replace(config, training=replace(config.training, epochs=epochs))
