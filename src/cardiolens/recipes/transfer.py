"""Does MRI teach the ECG? Supervised, MDM and MMCL on a few thousand synthetic pairs: the demo's sizes, trained longer.

`benchmarks/transfer.py` runs it over five seeds and measures on 10,000 other hearts; its results stand in
`benchmarks/results/` with command, date and machine. All three methods are fine-tuned alike, jointly on all tasks,
each at the learning rate that validation prefers for it.
"""

from __future__ import annotations

from dataclasses import replace

from cardiolens.recipes import demo
from cardiolens.training.config import RunConfig

SEEDS = (0, 101, 202, 303, 404)
LEARNING_RATES = (1e-3, 3e-4)
"""Of fine-tuning; validation chooses one per method, since pre-trained weights want smaller steps than fresh ones."""
SUBJECTS, COHORT_SEED = 3000, 1
TEST_SUBJECTS, TEST_SEED = 10_000, 1000


def mdm() -> RunConfig:
    """Masked data modelling, 20 epochs."""
    return _longer(demo.mdm(), epochs=20)


def mmcl() -> RunConfig:
    """Contrastive learning, 24 epochs."""
    return _longer(demo.mmcl(), epochs=24)


def joint() -> RunConfig:
    """Fine-tuning on three diseases and 61 phenotypes at once, 6 epochs, the best of them by validation."""
    return _longer(demo.joint(), epochs=6)


def _longer(config: RunConfig, *, epochs: int) -> RunConfig:
    return replace(config, training=replace(config.training, epochs=epochs, warmup_epochs=epochs / 10))
