"""The unimodal baselines at the demo's sizes, with small projectors: any of those on ECGs can take the place of `demo.mdm`.

No promise about medicine, as for `demo`. Views are light and no branch is dropped: with the published flips and SpecAugment
SimCLR and CLOCS are still at chance when so short a training ends.
"""

from __future__ import annotations

from dataclasses import replace

from cardiolens.methods.barlow_twins import BarlowTwinsConfig
from cardiolens.methods.byol import BatchNormMlpConfig, ByolConfig
from cardiolens.methods.clocs import ClocsConfig
from cardiolens.methods.image_simclr import ImageSimclrConfig
from cardiolens.methods.method import MethodConfig
from cardiolens.methods.simclr import SimclrConfig
from cardiolens.nn.projector import ProjectorConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.recipes import demo
from cardiolens.signals.contrastive_views import ContrastiveViewsConfig
from cardiolens.training.config import KeptWeights, RunConfig

ENCODER = SignalEncoderConfig(**demo.SIZE, learn_positions=True)
PROJECTOR = ProjectorConfig(hidden=128, width=64)
LIGHT_VIEWS = ContrastiveViewsConfig(
    replace(demo.LIGHT_VIEW, probability=1.0), time_flip=0.0, sign_flip=0.0, spectral_share=0.0
)
"""Two crops, changed as in the demo's multimodal learning."""


def simclr() -> RunConfig:
    """SimCLR on ECGs with a small encoder."""
    return _run("SimCLR", SimclrConfig(encoder=ENCODER, projector=PROJECTOR, views=LIGHT_VIEWS))


def image_simclr() -> RunConfig:
    """SimCLR on pictures of 64 pixels: the image encoder that `demo.mmcl` can start from."""
    paired = demo.mmcl().method
    method = ImageSimclrConfig(
        image_encoder=paired.image_encoder,
        projector=PROJECTOR,
        image_augmentation=replace(paired.image_augmentation, probability=1.0),
    )
    return _run("image SimCLR", method)


def byol() -> RunConfig:
    """BYOL on ECGs with a small encoder and a target that follows within a hundred steps; the last weights are kept."""
    method = ByolConfig(
        encoder=ENCODER,
        projector=BatchNormMlpConfig(hidden=256, width=64),
        predictor_hidden=256,
        momentum=0.99,
        views=LIGHT_VIEWS,
    )
    config = _run("BYOL", method)
    return replace(config, training=replace(config.training, keep=KeptWeights.LAST))


def barlow_twins() -> RunConfig:
    """Barlow Twins on ECGs with a small encoder and 256 correlated numbers."""
    method = BarlowTwinsConfig(encoder=ENCODER, projector=BatchNormMlpConfig(hidden=256, width=256), views=LIGHT_VIEWS)
    return _run("Barlow Twins", method)


def clocs() -> RunConfig:
    """CLOCS on the halves of ECGs with a small encoder."""
    return _run("CLOCS", ClocsConfig(encoder=ENCODER, projector=PROJECTOR, views=LIGHT_VIEWS))


def _run(name: str, method: MethodConfig) -> RunConfig:
    return RunConfig(name, method, replace(demo.mmcl().training, batch_size=16))
