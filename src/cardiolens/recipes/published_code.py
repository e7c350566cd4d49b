"""Where the published code (oetu/MMCL-ECG-CMR, oetu/mae) ran something else than the paper says.

Not repeated, since they are faults: a first contrastive epoch at learning rate 0, Adam with L2 decay in place of AdamW,
masked phenotypes counted as zeros. Not measured here, as for `paper`.
"""

from __future__ import annotations

from dataclasses import replace

from cardiolens.recipes import paper, paper_baselines
from cardiolens.training.config import RunConfig


def mmcl() -> RunConfig:
    """As the paper's, but images are always rotated and their saturation moves by up to 0.5."""
    config = paper.mmcl()
    images = replace(config.method.image_augmentation, saturation=0.5, rotation_probability=1.0)
    return replace(config, method=replace(config.method, image_augmentation=images))


def finetune() -> RunConfig:
    """As the paper's, but with 5 epochs of warm-up in place of 20."""
    config = paper.finetune()
    return replace(config, training=replace(config.training, warmup_epochs=5.0))


def finetune_phenotypes() -> RunConfig:
    """As the paper's, but with 5 epochs of warm-up, and a patience that never ends: the slack is given in points of AUC."""
    config = paper.finetune_phenotypes()
    return replace(config, training=replace(config.training, warmup_epochs=5.0, max_delta=0.25))


def byol() -> RunConfig:
    """As the paper's, but at a learning rate of 3e-5 in place of 1e-5."""
    config = paper_baselines.byol()
    return replace(config, training=replace(config.training, base_lr=3e-5))


def barlow_twins() -> RunConfig:
    """As the paper's, but with the weight decay of the published settings file, 1e-4 in place of 1.5e-6."""
    config = paper_baselines.barlow_twins()
    return replace(config, training=replace(config.training, weight_decay=1e-4))
