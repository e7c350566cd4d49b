"""Every setting of the paper (Turgut et al., arXiv 2308.05764); where it is silent, the published code's.

Not measured here: these recipes need UK Biobank's 28,030 training pairs. What the paper reports on its test split of 6,007:
AUC 73.00 (CAD), 74.11 (AF), 75.56 (DM); mean r 0.63 (LV), 0.65 (RV), 0.61 (WT), 0.37 (Ecc), 0.38 (Err).
"""

from __future__ import annotations

from cardiolens.methods.contrastive import ContrastiveConfig
from cardiolens.methods.masked_autoencoder import MaskedAutoencoderConfig
from cardiolens.methods.supervised import SupervisedConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.tasks import TASKS
from cardiolens.training.config import DataConfig, KeptWeights, Precision, RunConfig, TrainingConfig

FINE_TUNING_SEEDS = (0, 101, 202, 303, 404)
FINE_TUNING_SEARCH = {
    "training.batch_size": (8, 16, 32),
    "method.layer_decay": (0.5, 0.75),
    "method.encoder.drop_path": (0.0, 0.1, 0.2),
    "method.label_smoothing": (0.0, 0.1, 0.2),
    "training.weight_decay": (0.0, 0.1, 0.2),
    "training.base_lr": (1e-6, 3e-6, 1e-5, 3e-5),
}
"""The paper's grid. Its learning rates are per four examples: multiply by the batch size over 4 (`scaled_lr`)."""

CONTRASTIVE_RATES = (3e-5, 1e-4, 3e-4, 1e-3)
"""The paper's search of contrastive learning; they are the learning rates themselves."""


def scaled_lr(base: float, *, batch_size: int) -> float:
    """The learning rate itself from the published `blr`: times batch / 4 (not / 256, as its help text says)."""
    return base * batch_size / 4


def mdm() -> RunConfig:
    """Masked data modelling (section III.A): 400 epochs, batch 128, learning rate 3.2e-4, the last epoch's weights."""
    training = TrainingConfig(
        epochs=400,
        batch_size=128,
        base_lr=scaled_lr(1e-5, batch_size=128),
        warmup_epochs=40.0,
        weight_decay=0.15,
        betas=(0.9, 0.95),
        precision=Precision.BF16,
        keep=KeptWeights.LAST,
    )
    return RunConfig("MDM", MaskedAutoencoderConfig(), training)


def mmcl() -> RunConfig:
    """Multimodal contrastive learning (III.B) from MDM's encoder: 300 epochs, batch 256, learning rate 1e-4, AdamW."""
    return RunConfig("MMCL", ContrastiveConfig(), _contrastive_training(1e-4))


def mmcl_without_mdm() -> RunConfig:
    """The ablation: contrastive learning from a fresh ECG encoder, at the learning rate the published runs used for it."""
    return RunConfig("MMCL w/o MDM", ContrastiveConfig(), _contrastive_training(3e-4))


def finetune() -> RunConfig:
    """Fine-tuning on one disease (III.C): balanced training set, 400 epochs with 5 % warm-up, early stopping on AUC."""
    return RunConfig(
        "MMCL fine-tuned",
        SupervisedConfig(tasks=(TASKS["cad"],)),
        _fine_tuning(batch_size=16, blr=3e-6),
        DataConfig(balanced=True),
    )


def finetune_phenotypes() -> RunConfig:
    """Fine-tuning on the left ventricle's phenotypes at the values the published runs ended with; no balancing."""
    encoder = SignalEncoderConfig(drop_path=0.2, learn_positions=True)
    return RunConfig(
        "MMCL fine-tuned",
        SupervisedConfig(tasks=(TASKS["lv"],), encoder=encoder),
        _fine_tuning(batch_size=8, blr=3e-6, weight_decay=0.2),
    )


def supervised() -> RunConfig:
    """The baseline: the same model trained on labels from fresh weights, at ten times the rate, as published."""
    return RunConfig(
        "Supervised",
        SupervisedConfig(tasks=(TASKS["cad"],)),
        _fine_tuning(batch_size=16, blr=3e-5),
        DataConfig(balanced=True),
    )


def _contrastive_training(lr: float) -> TrainingConfig:
    return TrainingConfig(epochs=300, batch_size=256, base_lr=lr, warmup_epochs=30.0, weight_decay=1e-4, seed=2022)


def _fine_tuning(*, batch_size: int, blr: float, weight_decay: float = 0.1) -> TrainingConfig:
    return TrainingConfig(
        epochs=400,
        batch_size=batch_size,
        base_lr=scaled_lr(blr, batch_size=batch_size),
        warmup_epochs=20.0,
        weight_decay=weight_decay,
        patience=25.0,
        max_delta=0.0025,
    )
