"""The whole path at a size for two CPU cores and a few hundred subjects: a small encoder with patches of half a second
(1 x 250), pictures of 64 pixels. Batches are small because a short training needs many steps: with batches of 64 neither
masked nor contrastive learning leaves its first plateau within a few hundred steps.

No promise about medicine: a demo's test split holds a handful of cases. `benchmarks/` compares the methods at a size that
says something.
"""

from __future__ import annotations

from cardiolens.imaging.augmentation import ImageAugmentationConfig
from cardiolens.methods.contrastive import ContrastiveConfig
from cardiolens.methods.masked_autoencoder import MaskedAutoencoderConfig
from cardiolens.methods.supervised import SupervisedConfig
from cardiolens.nn.image_encoder import ImageEncoderConfig
from cardiolens.nn.mae_decoder import MaeDecoderConfig
from cardiolens.nn.pooling import AttentionPoolConfig
from cardiolens.nn.projector import ProjectorConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.signals.augmentation import EcgAugmentationConfig
from cardiolens.tasks import TASKS
from cardiolens.training.config import DataConfig, KeptWeights, Precision, RunConfig, TrainingConfig

SIZE = {"width": 128, "depth": 2, "heads": 4, "patch": 250}
FINE_TUNING_VIEW = EcgAugmentationConfig(surrogate=0.075, jitter=0.2, rescale=0.25)
LIGHT_VIEW = EcgAugmentationConfig(surrogate=0.05, jitter=0.1, rescale=0.075, probability=0.95, surrogate_probability=1.0)
"""The published code's set named light: in few hundred steps the paper's own strengths leave contrastive learning at chance."""
JOINT_TASKS = ("cad", "af", "dm", "phenotypes")


def mdm() -> RunConfig:
    """Masked data modelling of a small encoder."""
    method = MaskedAutoencoderConfig(encoder=SignalEncoderConfig(**SIZE), decoder=MaeDecoderConfig(width=64, depth=1, heads=4))
    training = TrainingConfig(
        epochs=30,
        batch_size=16,
        base_lr=3e-3,
        warmup_epochs=2.0,
        weight_decay=0.05,
        betas=(0.9, 0.95),
        precision=Precision.BF16,
        keep=KeptWeights.LAST,
        validate_every=5,
    )
    return RunConfig("MDM", method, training)


def mmcl() -> RunConfig:
    """Contrastive learning with pictures of 64 pixels and a narrow ResNet with one block per stage."""
    method = ContrastiveConfig(
        encoder=SignalEncoderConfig(**SIZE, drop_path=0.1, learn_positions=True),
        image_encoder=ImageEncoderConfig(blocks=(1, 1, 1, 1), widths=(16, 32, 64, 128), bottleneck=False),
        projector=ProjectorConfig(hidden=128, width=64),
        augmentation=LIGHT_VIEW,
        image_augmentation=ImageAugmentationConfig(
            size=64, rotation_degrees=15.0, brightness=0.2, contrast=0.2, saturation=0.0, crop_scale=(0.8, 1.0)
        ),
    )
    training = TrainingConfig(
        epochs=20,
        batch_size=32,
        base_lr=1e-3,
        warmup_epochs=3.0,
        weight_decay=1e-4,
        precision=Precision.BF16,
        drop_last=True,
        validate_every=3,
    )
    return RunConfig("MMCL", method, training)


def finetune() -> RunConfig:
    """Fine-tuning on one disease from balanced examples."""
    return RunConfig("fine-tuned", _supervised("cad"), _fine_tuning(), DataConfig(balanced=True))


def finetune_phenotypes() -> RunConfig:
    """Fine-tuning on all 61 phenotypes at once."""
    method = _supervised("phenotypes")
    return RunConfig("fine-tuned", method, _fine_tuning())


def joint() -> RunConfig:
    """One model for three diseases and 61 phenotypes, on every subject with its natural prevalence."""
    method = _supervised(*JOINT_TASKS)
    return RunConfig("joint", method, _fine_tuning())


def _supervised(*tasks: str) -> SupervisedConfig:
    return SupervisedConfig(
        tasks=tuple(TASKS[name] for name in tasks),
        encoder=SignalEncoderConfig(**SIZE, drop_path=0.1, learn_positions=True),
        pooling=AttentionPoolConfig(heads=SIZE["heads"]),
        layer_decay=0.75,
        augmentation=FINE_TUNING_VIEW,
    )


def _fine_tuning() -> TrainingConfig:
    return TrainingConfig(
        epochs=12,
        batch_size=16,
        base_lr=1e-3,
        warmup_epochs=1.0,
        weight_decay=0.1,
        precision=Precision.BF16,
        patience=8.0,
    )
