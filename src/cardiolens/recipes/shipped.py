"""The bundle that ships: one full-size ECG encoder with light heads for three diseases and 61 phenotypes.

A named deviation (`joint_heads` in PAPER.md): the paper fine-tunes one model per task on balanced examples; this is one model
for all tasks, fine-tuned jointly on every subject. Trained on synthetic hearts by `scripts/train_shipped_bundle.py`, in the
order mdm, mmcl, joint. The image branch is reduced (64 pixels, one block per stage): it teaches and is not shipped. Results
stand in the bundle's own MODEL_CARD.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cardiolens.cohorts.prepare_synthetic import generator_modules
from cardiolens.configs import to_json
from cardiolens.methods.contrastive import ContrastiveConfig
from cardiolens.methods.supervised import SupervisedConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.recipes import demo, paper
from cardiolens.tasks import TASKS
from cardiolens.training.config import Precision, RunConfig, TrainingConfig

SUBJECTS = 6000
SEED = 1
"""The cohort: `cardiolens prepare synthetic --subjects 6000 --seed 1`."""
BANK_HEARTS = 256
"""Hearts that come along to compare with."""


def mdm() -> RunConfig:
    """The paper's masked autoencoder, shorter and at a higher learning rate."""
    config = paper.mdm()
    training = replace(
        config.training, epochs=5, warmup_epochs=0.5, batch_size=16, base_lr=1.5e-3, weight_decay=0.05, validate_every=2
    )
    return replace(config, training=training)


def mmcl() -> RunConfig:
    """Contrastive learning of the full-size ECG encoder against the demo's small image branch and its light views: in so
    few steps the paper's own augmentation stays at chance."""
    small = demo.mmcl().method
    method = ContrastiveConfig(
        encoder=SignalEncoderConfig(drop_path=0.1, learn_positions=True),
        image_encoder=small.image_encoder,
        projector=small.projector,
        augmentation=small.augmentation,
        image_augmentation=small.image_augmentation,
    )
    training = TrainingConfig(
        epochs=8,
        batch_size=32,
        base_lr=7e-4,
        warmup_epochs=0.5,
        weight_decay=1e-4,
        precision=Precision.BF16,
        drop_last=True,
        validate_every=1,
    )
    return RunConfig("MMCL", method, training)


def joint() -> RunConfig:
    """All tasks at once, each with the same weight, on every subject with its natural prevalence. The model reads the voltage
    that cleaning divides by (`voltage_scales` in PAPER.md), which earned most of all deviations."""
    method = SupervisedConfig(
        tasks=tuple(TASKS[name] for name in demo.JOINT_TASKS),
        encoder=SignalEncoderConfig(drop_path=0.1, learn_positions=True),
        label_smoothing=0.0,
        layer_decay=0.75,
        scale_input=True,
        augmentation=demo.FINE_TUNING_VIEW,
    )
    training = TrainingConfig(
        epochs=6,
        batch_size=16,
        base_lr=5e-4,
        warmup_epochs=0.5,
        weight_decay=0.1,
        precision=Precision.BF16,
        patience=4.0,
    )
    return RunConfig("joint", method, training)


def sources() -> dict[str, Any]:
    """What the shipped bundle must have been made from: the arguments of `bundles.provenance.provenance` and `outdated`."""
    steps = [to_json(step) for step in (mdm(), mmcl(), joint())]
    return {"modules": generator_modules(), "recipe": {"subjects": SUBJECTS, "seed": SEED, "steps": steps}}
