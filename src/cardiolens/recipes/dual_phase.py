"""The five models of Alvarez-Florez et al. (arXiv 2602.12883): how much of the MRI must an ECG be shown?

Batch 64, 200 epochs, 3-D ResNet-50, 768-d latent, 128-d projection and the losses are the paper's. Optimiser, weight decay,
warm-up, patience and the mirroring of images are the defaults of its published code (dual-phase-contrastive-learning@e5cfb9d),
whose temperature is 0.07 by default and whose image encoders were trained on labels before and then frozen. Not known: the
learning rate that was run (the code's default is 1e-3; here the first paper's, since the image encoders learn from fresh
weights), the temperature that was run (here the first paper's, 0.1), and the ECG encoder's exact size, here the first paper's
with its views; start it from `paper.mdm`.

Not measured here: these recipes need UK Biobank's pairs, in a cohort that was prepared with volumes and cine. The paper's
dual-phase model gains 9.2 % on functional phenotypes and 0.7 % on outcomes; the group's first report, on 63,448 subjects,
gives it a mean R2 of 0.605 over CMR features.
"""

from __future__ import annotations

from cardiolens.methods.mri_branches import CineConfig, DualPhaseConfig, MriBranchConfig, SliceConfig, StackConfig
from cardiolens.methods.mri_contrastive import MriContrastiveConfig
from cardiolens.methods.supervised import SupervisedConfig
from cardiolens.tasks import TASKS
from cardiolens.training.config import Precision, RunConfig, TrainingConfig


def ecg_only() -> RunConfig:
    """Model 1: phenotypes of both ventricles from the ECG and labels alone; with `--start-from`, the others' last step."""
    method = SupervisedConfig(tasks=(TASKS["lv"], TASKS["rv"]), label_smoothing=0.0)
    return RunConfig("ECG only", method, _training(epochs=100, lr=1e-4))


def slice() -> RunConfig:
    """Model 2: contrastive learning with the mid-ventricular slice at end-diastole."""
    return _contrastive("2D", SliceConfig())


def cine() -> RunConfig:
    """Model 3: contrastive learning with the mid-ventricular slice over the whole beat."""
    return _contrastive("2D + time", CineConfig())


def stack() -> RunConfig:
    """Model 4: contrastive learning with all slices at end-diastole."""
    return _contrastive("3D", StackConfig())


def dual_phase() -> RunConfig:
    """Model 5: triplet contrastive learning with all slices at end-diastole and at end-systole; the paper's best."""
    return _contrastive("dual-phase", DualPhaseConfig())


def _contrastive(name: str, branch: MriBranchConfig) -> RunConfig:
    return RunConfig(name, MriContrastiveConfig(branch), _training(epochs=200, lr=1e-4, drop_last=True))


def _training(*, epochs: int, lr: float, drop_last: bool = False) -> TrainingConfig:
    return TrainingConfig(
        epochs=epochs,
        batch_size=64,
        base_lr=lr,
        warmup_epochs=40.0,
        weight_decay=0.005,
        betas=(0.9, 0.95),
        precision=Precision.BF16,
        drop_last=drop_last,
        patience=15.0,
        seed=42,
    )
