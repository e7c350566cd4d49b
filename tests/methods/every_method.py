"""Every method at a size that trains in a moment, and a batch that all of them read.

Whatever stands in `METHODS` is overfitted, compared between one process and two, embedded in parts or refused, compiled, and
recorded on a GPU.
"""

from dataclasses import replace

import numpy as np
import torch

from cardiolens.batch import Batch
from cardiolens.imaging.augmentation import ImageAugmentationConfig
from cardiolens.keyed_random import sample_keys
from cardiolens.methods.barlow_twins import BarlowTwinsConfig
from cardiolens.methods.byol import BatchNormMlpConfig, ByolConfig
from cardiolens.methods.clocs import ClocsConfig
from cardiolens.methods.contrastive import ContrastiveConfig
from cardiolens.methods.image_simclr import ImageSimclrConfig
from cardiolens.methods.joint_contrastive import JointContrastiveConfig
from cardiolens.methods.masked_autoencoder import MaskedAutoencoderConfig
from cardiolens.methods.mri_branches import CineConfig, DualPhaseConfig, MriBranchConfig, SliceConfig, StackConfig
from cardiolens.methods.mri_contrastive import MriContrastiveConfig
from cardiolens.methods.segmentation import SegmentationConfig
from cardiolens.methods.simclr import SimclrConfig
from cardiolens.methods.supervised import SupervisedConfig
from cardiolens.methods.supervised_image import SupervisedImageConfig
from cardiolens.methods.temporal_contrastive import TemporalContrastiveConfig
from cardiolens.nn.image_encoder import ImageEncoderConfig
from cardiolens.nn.mae_decoder import MaeDecoderConfig
from cardiolens.nn.pooling import AttentionPoolConfig
from cardiolens.nn.projector import ProjectorConfig
from cardiolens.nn.unet import UNetConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.nn.volume_encoder import VolumeEncoderConfig
from cardiolens.signals.augmentation import EcgAugmentationConfig
from cardiolens.signals.contrastive_views import ContrastiveViewsConfig
from cardiolens.tasks import Task, TaskKind

SIZES = {"num_leads": 3, "num_samples": 40, "patch": 10, "width": 16, "depth": 2, "heads": 2}
LEARNED = SignalEncoderConfig(**SIZES, learn_positions=True, drop_path=0.3)
STRONG = EcgAugmentationConfig(crop=40, surrogate_probability=1.0)
HALF = replace(LEARNED, num_samples=30)
IMAGES = ImageEncoderConfig(blocks=(1, 1, 1, 1), widths=(4, 4, 8, 8), bottleneck=False)
VIEWS = ContrastiveViewsConfig(STRONG, spectral_window=16)
DECODER = MaeDecoderConfig(width=16, depth=1, heads=2)
SMALL = ProjectorConfig(hidden=16, width=8)
MLP = BatchNormMlpConfig(hidden=16, width=8)
PICTURE = ImageAugmentationConfig(size=32)
TASKS = (
    Task("cad", TaskKind.CLASSIFICATION, ("cad",), ("CAD",), ("",), "CAD"),
    Task("volumes", TaskKind.REGRESSION, ("a_ml", "b_ml"), ("A", "B"), ("mL", "mL"), "volumes"),
)
PAIRED = ContrastiveConfig(
    encoder=LEARNED, image_encoder=IMAGES, projector=SMALL, augmentation=STRONG, image_augmentation=PICTURE
)
FRAME = replace(IMAGES, channels=1)
VOLUMES = VolumeEncoderConfig(blocks=(1, 1, 1, 1), widths=(4, 4, 8, 8), bottleneck=False)


def _against(branch: MriBranchConfig) -> MriContrastiveConfig:
    return MriContrastiveConfig(branch, encoder=LEARNED, projector=SMALL, augmentation=STRONG)


METHODS = {
    "masked": MaskedAutoencoderConfig(SignalEncoderConfig(**SIZES), DECODER, augmentation=STRONG),
    "contrastive": PAIRED,
    "slice": _against(SliceConfig(16, FRAME)),
    "cine": _against(CineConfig(16, VOLUMES)),
    "stack": _against(StackConfig(16, VOLUMES)),
    "dual phase": _against(DualPhaseConfig(16, VOLUMES)),
    "joint": JointContrastiveConfig(PAIRED, DECODER),
    "temporal": TemporalContrastiveConfig(
        encoder=LEARNED, frame_encoder=FRAME, projector=SMALL, augmentation=STRONG
    ),
    "simclr": SimclrConfig(encoder=LEARNED, projector=SMALL, views=VIEWS),
    "image simclr": ImageSimclrConfig(IMAGES, SMALL, image_augmentation=replace(PICTURE, probability=1.0)),
    "byol": ByolConfig(encoder=LEARNED, projector=MLP, predictor_hidden=16, views=VIEWS),
    "barlow twins": BarlowTwinsConfig(encoder=LEARNED, projector=MLP, views=VIEWS),
    "clocs": ClocsConfig(
        encoder=HALF, projector=SMALL,
        views=ContrastiveViewsConfig(replace(STRONG, crop=30), spectral_window=16),
    ),
    "supervised": SupervisedConfig(TASKS, encoder=LEARNED, pooling=AttentionPoolConfig(heads=2), augmentation=STRONG),
    "supervised image": SupervisedImageConfig(TASKS, image_encoder=IMAGES, image_augmentation=PICTURE),
    "segmentation": SegmentationConfig(UNetConfig(channels=(8, 16), residual_units=1)),
}  # fmt: skip
ROWS = 6


def six_subjects() -> Batch:
    """Subjects who differ much, of whom the first half has other labels known than the second."""
    draw = torch.Generator().manual_seed(3)
    known = torch.tensor([[1, 1, 1], [1, 1, 1], [1, 0, 1], [0, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=torch.bool)
    scale = torch.logspace(-1, 1, ROWS)[:, None, None]
    ecg = scale * torch.randn(ROWS, 3, 60, generator=draw).cumsum(dim=2)
    cmr = torch.rand(ROWS, 3, 32, 32, generator=draw)
    return Batch(
        ecg=ecg,
        ecg_scale=torch.ones(ROWS, 3),
        keys=torch.from_numpy(sample_keys(seed=0, epoch=0, rows=np.arange(ROWS))),
        cmr=cmr,
        cmr_known=torch.ones(ROWS, dtype=torch.bool),
        cmr_mask=(4 * cmr[:, 1]).long(),
        cmr_cine=torch.rand(ROWS, 4, 32, 32, generator=draw),
        cmr_volumes=torch.rand(ROWS, 2, 5, 32, 32, generator=draw),
        target=torch.where(known, torch.rand(ROWS, 3, generator=draw).round(), 0.0),
        target_known=known,
    )
