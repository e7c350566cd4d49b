"""The real methods at sizes that train in a moment."""

from cardiolens.imaging.augmentation import ImageAugmentationConfig
from cardiolens.methods.contrastive import ContrastiveConfig
from cardiolens.methods.masked_autoencoder import MaskedAutoencoderConfig
from cardiolens.methods.mri_branches import DualPhaseConfig
from cardiolens.methods.mri_contrastive import MriContrastiveConfig
from cardiolens.methods.supervised import SupervisedConfig
from cardiolens.methods.supervised_image import SupervisedImageConfig
from cardiolens.nn.image_encoder import ImageEncoderConfig
from cardiolens.nn.mae_decoder import MaeDecoderConfig
from cardiolens.nn.pooling import AttentionPoolConfig
from cardiolens.nn.projector import ProjectorConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.nn.volume_encoder import VolumeEncoderConfig
from cardiolens.tasks import TASKS
from cardiolens.training.config import DataConfig, RunConfig, TrainingConfig

SIZE = {"patch": 500, "width": 16, "depth": 1, "heads": 2}
AUTOENCODER = MaskedAutoencoderConfig(encoder=SignalEncoderConfig(**SIZE), decoder=MaeDecoderConfig(width=16, depth=1, heads=2))
CONTRASTIVE = ContrastiveConfig(
    encoder=SignalEncoderConfig(**SIZE, drop_path=0.1, learn_positions=True),
    image_encoder=ImageEncoderConfig(blocks=(1, 1, 1, 1), widths=(4, 8, 8, 8), bottleneck=False),
    projector=ProjectorConfig(hidden=8, width=8),
    image_augmentation=ImageAugmentationConfig(size=64),
)


DUAL_PHASE = MriContrastiveConfig(
    DualPhaseConfig(8, VolumeEncoderConfig(blocks=(1, 1, 1, 1), widths=(4, 4, 8, 8), bottleneck=False)),
    encoder=CONTRASTIVE.encoder,
    projector=ProjectorConfig(hidden=8, width=8),
)


def supervised(*tasks: str) -> SupervisedConfig:
    encoder = SignalEncoderConfig(**SIZE, drop_path=0.1, learn_positions=True)
    return SupervisedConfig(tuple(TASKS[name] for name in tasks), encoder=encoder, pooling=AttentionPoolConfig(heads=2))


def supervised_image(*tasks: str) -> SupervisedImageConfig:
    return SupervisedImageConfig(
        tuple(TASKS[name] for name in tasks),
        image_encoder=CONTRASTIVE.image_encoder,
        image_augmentation=CONTRASTIVE.image_augmentation,
    )


def run_config(method, *, data: DataConfig | None = None, **changes) -> RunConfig:
    settings = {"epochs": 2, "batch_size": 8, "base_lr": 1e-3, "warmup_epochs": 1.0, "seed": 3} | changes
    return RunConfig(type(method).__name__, method, TrainingConfig(**settings), data or DataConfig())
