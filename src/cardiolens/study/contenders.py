"""Who takes part in a study: one line per method, with what it is pre-trained by at either size, and on what.

To enter a method of one's own: its file in `methods/`, a recipe or two, and a line in `CONTENDERS`. With `beyond` it stands in
the table of what neither paper has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cardiolens.recipes import (
    beyond,
    demo_baselines,
    demo_beyond,
    demo_dual_phase,
    demo_study,
    dual_phase,
    paper,
    paper_baselines,
)
from cardiolens.training.config import RunConfig

Recipe = Callable[[], RunConfig]


@dataclass(frozen=True)
class Pretraining:
    """A run whose encoders others start from."""

    key: str
    """Its name within a study."""
    paper: Recipe
    """At the papers' sizes."""
    demo: Recipe
    """At sizes for two cores."""
    start: tuple[Pretraining, ...] = ()
    """What it starts from itself; a later one's encoders win."""


@dataclass(frozen=True)
class Contender:
    """A row of a table."""

    name: str
    """In Predictions, tables and figures."""
    start: Pretraining | None = None
    """None is trained on labels from fresh weights."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """In which its fine-tuning differs from that of the others."""
    sees_mri: bool = False
    """Whether the MRI's picture is what it answers from, instead of the ECG."""
    beyond: bool = False
    """Whether it is in neither paper."""


MDM = Pretraining("mdm", paper.mdm, demo_study.mdm)
IMAGE_SIMCLR = Pretraining("image_simclr", paper_baselines.image_simclr, demo_baselines.image_simclr)
MMCL = Pretraining("mmcl", paper.mmcl, demo_study.mmcl, (IMAGE_SIMCLR, MDM))
MMCL_WITHOUT_MDM = Pretraining("mmcl_without_mdm", paper.mmcl_without_mdm, demo_study.mmcl_without_mdm, (IMAGE_SIMCLR,))

CONTENDERS: tuple[Contender, ...] = (
    Contender("Supervised"),
    Contender("SimCLR", Pretraining("simclr", paper_baselines.simclr, demo_baselines.simclr)),
    Contender("BYOL", Pretraining("byol", paper_baselines.byol, demo_baselines.byol)),
    Contender("Barlow Twins", Pretraining("barlow_twins", paper_baselines.barlow_twins, demo_baselines.barlow_twins)),
    Contender("CLOCS", Pretraining("clocs", paper_baselines.clocs, demo_baselines.clocs)),
    Contender("MDM", MDM),
    Contender("MMCL w/o MDM", MMCL_WITHOUT_MDM),
    Contender("MMCL", MMCL),
    Contender("CMR supervised", sees_mri=True),
    Contender("CMR SimCLR", IMAGE_SIMCLR, sees_mri=True),
    Contender("CMR of MMCL w/o MDM", MMCL_WITHOUT_MDM, sees_mri=True),
    Contender("CMR of MMCL", MMCL, sees_mri=True),
    Contender("Supervised + voltage", settings={"method.scale_input": True}, beyond=True),
    Contender("MMCL + voltage", MMCL, {"method.scale_input": True}, beyond=True),
    Contender("MMCL and MDM at once", Pretraining("joint", beyond.joint, demo_beyond.joint, (IMAGE_SIMCLR,)), beyond=True),
    Contender("MMCL cine", Pretraining("cine", beyond.cine, demo_beyond.cine, (MDM,)), beyond=True),
    Contender("MMCL cine + local", Pretraining("cine_local", beyond.cine_local, demo_beyond.cine_local, (MDM,)), beyond=True),
)
"""Of the first paper's comparison, and beyond it."""

DUAL_PHASE: tuple[Contender, ...] = (
    Contender("ECG only", MDM),
    Contender("CL 2-D", Pretraining("dual_phase_slice", dual_phase.slice, demo_dual_phase.slice, (MDM,))),
    Contender("CL 2-D + time", Pretraining("dual_phase_cine", dual_phase.cine, demo_dual_phase.cine, (MDM,))),
    Contender("CL 3-D", Pretraining("dual_phase_stack", dual_phase.stack, demo_dual_phase.stack, (MDM,))),
    Contender("TCL", Pretraining("dual_phase_both", dual_phase.dual_phase, demo_dual_phase.dual_phase, (MDM,))),
)
"""Of the second paper. All start from masked modelling, so that they differ in the MRI alone."""
