"""The paper's unimodal pre-training baselines (Turgut et al., arXiv 2308.05764), and where MMCL's image encoder starts from.

The paper gives temperature or momentum, learning rate and weight decay of each; where it is silent, the published code's
values stand: batch, length and warm-up are those of multimodal learning. As in `paper`, AdamW takes the place of the code's
Adam with L2 decay. Where batch norm needs more than one ECG, an epoch's last, smaller batch is left out, so that no cohort's
size stops a run. Each is followed by `paper.finetune`. Not measured here, for the same want of 28,030 training ECGs.
What the paper reports (AUC for CAD, AF and DM) stands in `evaluation.published`.
"""

from __future__ import annotations

from cardiolens.methods.barlow_twins import BarlowTwinsConfig
from cardiolens.methods.byol import ByolConfig
from cardiolens.methods.clocs import ClocsConfig
from cardiolens.methods.image_simclr import ImageSimclrConfig
from cardiolens.methods.simclr import SimclrConfig
from cardiolens.recipes import paper
from cardiolens.signals.augmentation import EcgAugmentationConfig
from cardiolens.signals.contrastive_views import ContrastiveViewsConfig
from cardiolens.training.config import KeptWeights, RunConfig, TrainingConfig

SEED = 2022
HEAVY_VIEW = EcgAugmentationConfig(surrogate=0.125, surrogate_probability=1.0, jitter=0.4, rescale=0.65)
"""The published code's set named heavy, which its runs of CLOCS used."""


def simclr() -> RunConfig:
    """SimCLR on ECGs: temperature 0.1, learning rate 3e-3, weight decay 1e-4; the projector is multimodal learning's."""
    return RunConfig("SimCLR", SimclrConfig(), _training(lr=3e-3))


def image_simclr() -> RunConfig:
    """SimCLR on pictures: 500 epochs at 1e-4, as the published run; images are rotated and saturated as the paper says.

    The published code rotates every picture and moves saturation by up to 0.5 (`published_code.mmcl` has both), and it shows
    whole pictures here and cropped ones to multimodal learning, which is not repeated.
    """
    training = TrainingConfig(epochs=500, batch_size=256, base_lr=1e-4, warmup_epochs=50.0, weight_decay=1e-4, seed=SEED)
    return RunConfig("image SimCLR", ImageSimclrConfig(), training)


def byol() -> RunConfig:
    """BYOL on ECGs: momentum 0.9996, learning rate 1e-5 (the published run: 3e-5, `published_code.byol`), weight decay 1e-4.

    The last weights are kept, for the lowest loss is a collapse's. The published target shares its last attention block with
    the online network, which is not repeated.
    """
    return RunConfig("BYOL", ByolConfig(), _training(lr=1e-5, drop_last=True, keep=KeptWeights.LAST))


def barlow_twins() -> RunConfig:
    """Barlow Twins on ECGs: learning rate 3e-5, weight decay 1.5e-6 (the published settings file: 1e-4,
    `published_code.barlow_twins`)."""
    return RunConfig("Barlow Twins", BarlowTwinsConfig(), _training(lr=3e-5, weight_decay=1.5e-6, drop_last=True))


def clocs() -> RunConfig:
    """CLOCS on ECGs: temperature 0.1, learning rate 3e-4, weight decay 1e-4.

    The paper names neither batch nor strength: 768 and the heavy set are the published run's.
    """
    return RunConfig("CLOCS", ClocsConfig(views=ContrastiveViewsConfig(HEAVY_VIEW)), _training(lr=3e-4, batch_size=768))


def _training(
    *,
    lr: float,
    weight_decay: float = 1e-4,
    batch_size: int = 256,
    drop_last: bool = False,
    keep: KeptWeights = KeptWeights.BEST,
) -> TrainingConfig:
    length = paper.mmcl().training
    return TrainingConfig(
        epochs=length.epochs,
        batch_size=batch_size,
        base_lr=lr,
        warmup_epochs=length.warmup_epochs,
        weight_decay=weight_decay,
        drop_last=drop_last,
        seed=SEED,
        keep=keep,
    )
