"""The stages of the paper at its sizes, on made-up tensors of the right shapes: no cohort is needed to say what they cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from cardiolens.batch import Batch
from cardiolens.keyed_random import sample_keys
from cardiolens.methods.fine_tuning import FineTuning
from cardiolens.methods.method import Method
from cardiolens.recipes import paper
from cardiolens.training.config import RunConfig

_RECIPES = {"mdm": paper.mdm, "mmcl": paper.mmcl, "finetune": paper.finetune_phenotypes}
STAGES = tuple(_RECIPES)
_ON_A_CPU = {"mdm": 32, "mmcl": 8, "finetune": 32}
"""Smaller batches than the paper's: a step of a few seconds."""
_SAMPLES, _PIXELS = 5000, 210


@dataclass(frozen=True, eq=False)
class Stage:
    """One stage, ready to step."""

    name: str
    config: RunConfig
    method: Method
    batch: Batch


def make_stage(name: str, device: torch.device, *, batch_size: int | None = None) -> Stage:
    """`name` is one of `STAGES`; without `batch_size` the paper's on a GPU and a smaller one on a CPU."""
    config = _RECIPES[name]()
    count = batch_size or (config.training.batch_size if device.type == "cuda" else _ON_A_CPU[name])
    method = config.method.build(seed=0).to(device)
    draw = torch.Generator().manual_seed(0)
    images = config.method.needs_images
    outputs = len(config.method.columns)
    if isinstance(method, FineTuning):
        method.set_target_scale(np.zeros(outputs), np.ones(outputs))
    batch = Batch(
        ecg=torch.randn(count, 12, _SAMPLES, generator=draw),
        ecg_scale=torch.full((count, 3), 0.1),
        keys=torch.from_numpy(sample_keys(seed=0, epoch=0, rows=np.arange(count))),
        cmr=torch.rand(count, 3, _PIXELS, _PIXELS, generator=draw) if images else None,
        cmr_known=torch.ones(count, dtype=torch.bool) if images else None,
        target=torch.randn(count, outputs, generator=draw) if outputs else None,
        target_known=torch.ones(count, outputs, dtype=torch.bool) if outputs else None,
    )
    return Stage(name, config, method, batch.to(device))
