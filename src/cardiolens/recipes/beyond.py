"""What neither paper has, at the first paper's sizes: a loss between ECG segments and cine frames, and both objectives at once.

Not measured here, as for `paper`: these recipes need UK Biobank's pairs, for the cine ones in a cohort that was prepared with
`--cine`. What they make of synthetic hearts at the demo's sizes stands in `benchmarks/results`. The third idea, to give the
model the voltage that cleaning takes away, is a setting of fine-tuning (`--method.scale-input True`).
"""

from __future__ import annotations

from dataclasses import replace

from cardiolens.methods.joint_contrastive import JointContrastiveConfig
from cardiolens.methods.temporal_contrastive import TemporalContrastiveConfig
from cardiolens.recipes import paper
from cardiolens.training.config import RunConfig


def joint() -> RunConfig:
    """Contrastive learning and masked data modelling at once; start it from `paper_baselines.image_simclr`."""
    return RunConfig("MMCL and MDM at once", JointContrastiveConfig(), paper.mmcl().training)


def cine() -> RunConfig:
    """Contrastive learning of ECG and cine as a whole, which `cine_local` is to be held against; start it from `paper.mdm`."""
    return replace(cine_local(), name="MMCL cine", method=TemporalContrastiveConfig(local_weight=0.0))


def cine_local() -> RunConfig:
    """The same with the local loss between the phases of the beat in ECG and cine."""
    return RunConfig("MMCL cine + local", TemporalContrastiveConfig(), paper.mmcl().training)
