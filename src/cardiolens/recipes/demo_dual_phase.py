"""The second paper's image branches at the demo's size: its ECG encoder, and ResNets with one narrow block per stage.

For a cohort of synthetic hearts with volumes and cines: `prepare_synthetic(..., with_volumes=True, with_cine=True, grid=GRID)`,
or, four times as large, `cardiolens prepare synthetic --volumes --cine`. Fine-tune from any of them with `demo.finetune`,
`demo.finetune_phenotypes` or `demo.joint`. No promise about medicine, as for `demo`.
"""

from __future__ import annotations

from dataclasses import replace

from cardiolens.imaging.volume_augmentation import VolumeAugmentationConfig
from cardiolens.imaging.volumes import VolumeConfig
from cardiolens.methods.mri_branches import CineConfig, DualPhaseConfig, MriBranchConfig, SliceConfig, StackConfig
from cardiolens.methods.mri_contrastive import MriContrastiveConfig
from cardiolens.nn.image_encoder import ImageEncoderConfig
from cardiolens.nn.projector import ProjectorConfig
from cardiolens.nn.volume_encoder import VolumeEncoderConfig
from cardiolens.recipes import demo
from cardiolens.training.config import Precision, RunConfig

GRID = VolumeConfig(slices=10, phases=10, size=48)
"""Of the cohort's volumes and cines; any other grid serves as well."""
LATENT = 128
VOLUME_ENCODER = VolumeEncoderConfig(blocks=(1, 1, 1, 1), widths=(8, 16, 32, 64), bottleneck=False)
LIGHT_MRI_VIEW = VolumeAugmentationConfig(
    probability=0.95, rotation_degrees=15.0, crop_scale=(0.8, 1.0), brightness=0.2, contrast=0.2
)


def slice() -> RunConfig:
    """Contrastive learning with the middle slice at end-diastole."""
    encoder = ImageEncoderConfig(channels=1, blocks=(1, 1, 1, 1), widths=(16, 32, 64, 128), bottleneck=False)
    return _contrastive("2D", SliceConfig(LATENT, encoder))


def cine() -> RunConfig:
    """Contrastive learning with the middle slice over the beat."""
    return _contrastive("2D + time", CineConfig(LATENT, VOLUME_ENCODER))


def stack() -> RunConfig:
    """Contrastive learning with all slices at end-diastole."""
    return _contrastive("3D", StackConfig(LATENT, VOLUME_ENCODER))


def dual_phase() -> RunConfig:
    """Triplet contrastive learning with all slices at end-diastole and at end-systole."""
    return _contrastive("dual-phase", DualPhaseConfig(LATENT, VOLUME_ENCODER))


def _contrastive(name: str, branch: MriBranchConfig) -> RunConfig:
    pictures = demo.mmcl()
    method = MriContrastiveConfig(
        branch,
        encoder=pictures.method.encoder,
        projector=ProjectorConfig(hidden=128, width=64),
        augmentation=pictures.method.augmentation,
        mri_augmentation=LIGHT_MRI_VIEW,
    )
    # Convolutions of volumes are no faster in bf16 on the processors that the demo is for.
    return RunConfig(name, method, replace(pictures.training, precision=Precision.FP32))
