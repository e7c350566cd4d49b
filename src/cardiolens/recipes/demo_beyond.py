"""What neither paper has at the demo's sizes: a loss between moments of ECG and cine, and both objectives at once.

Contrastive learning is as long as in `demo_study`. What they make of synthetic hearts stands in `benchmarks/results`. No
promise about medicine, as for `demo`.
"""

from __future__ import annotations

from dataclasses import replace

from cardiolens.methods.joint_contrastive import JointContrastiveConfig
from cardiolens.methods.temporal_contrastive import TemporalContrastiveConfig
from cardiolens.nn.image_encoder import ImageEncoderConfig
from cardiolens.recipes import demo, demo_study
from cardiolens.recipes.demo_dual_phase import LIGHT_MRI_VIEW
from cardiolens.training.config import RunConfig


def joint() -> RunConfig:
    """Contrastive learning and masked data modelling at once; start it from `demo_baselines.image_simclr`."""
    method = JointContrastiveConfig(demo.mmcl().method, demo.mdm().method.decoder)
    return RunConfig("MMCL and MDM at once", method, demo_study.mmcl().training)


def cine() -> RunConfig:
    """Contrastive learning of ECG and cine as a whole, which `cine_local` is to be held against; start it from `demo.mdm`."""
    local = cine_local()
    return replace(local, name="MMCL cine", method=replace(local.method, local_weight=0.0))


def cine_local() -> RunConfig:
    """The same with the local loss between the phases of the beat in ECG and cine."""
    paired = demo.mmcl().method
    method = TemporalContrastiveConfig(
        encoder=paired.encoder,
        frame_encoder=ImageEncoderConfig(channels=1, blocks=(1, 1, 1, 1), widths=(16, 32, 64, 128), bottleneck=False),
        projector=paired.projector,
        augmentation=paired.augmentation,
        mri_augmentation=LIGHT_MRI_VIEW,
    )
    return RunConfig("MMCL cine + local", method, demo_study.mmcl().training)
