"""The shipped segmenter, or another, taught further on a user's own labelled stacks.

Every fifth stack (at least one) is held out and measures; no stack is in both parts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from cardiolens.bundles.segmenter import Segmenter
from cardiolens.cohorts.labelled_stacks import AS_IT_IS, LabelledStacks, SliceVariation, num_labelled_slices
from cardiolens.errors import BadOption
from cardiolens.methods.segmentation import SegmentationConfig
from cardiolens.nn.unet import UNet
from cardiolens.progress import QUIET, Progress
from cardiolens.training.config import KeptWeights, RunConfig, TrainingConfig
from cardiolens.training.environment import describe_environment
from cardiolens.training.loop import fit
from cardiolens.training.run import Run
from cardiolens.training.train import CPU
from cardiolens.types import CineStack

VARIATION = SliceVariation()
HELD_OUT_EVERY = 5


def finetune(start: Segmenter, *, seed: int = 0, epochs: int = 20, batch_size: int = 16) -> RunConfig:
    """Ten times gentler than training from nothing; the epoch that does best on the held-out stacks is kept."""
    training = TrainingConfig(
        epochs=epochs,
        batch_size=batch_size,
        base_lr=2.5e-4,
        warmup_epochs=1.0,
        weight_decay=1e-4,
        clip_norm=2.0,
        seed=seed,
        keep=KeptWeights.BEST,
        checkpoint_every_seconds=120.0,
    )
    return RunConfig("segmenter_finetune", SegmentationConfig(unet=start.config.unet), training)


def finetune_segmenter(
    config: RunConfig, start: Segmenter, stacks: Sequence[CineStack], out: Path, *, progress: Progress = QUIET
) -> tuple[Run, Segmenter]:
    """The finished run at `out`, begun, resumed or returned at once, and the segmenter that came out of it.

    `stacks` carry masks; phases without any label are left out.

    Raises:
        BadOption: fewer than two stacks, or fewer slices than a batch.
        BadImage: a stack without labels.
        BadRun: `out` holds a run of other settings or other stacks.
        NoSpace: the disk is full.
        KeyboardInterrupt: Ctrl-C; call again to go on.
    """
    if len(stacks) < 2:
        raise BadOption("stacks", found=f"{len(stacks)}", expected="two or more", remedy="one is held out to measure by")
    held_out = stacks[::HELD_OUT_EVERY]
    taught = [stack for number, stack in enumerate(stacks) if number % HELD_OUT_EVERY]
    training = config.training
    names = hashlib.sha256(b"".join(np.ascontiguousarray(stack.frames).tobytes() for stack in stacks)).hexdigest()
    run = Run.start_or_resume(out, config, cohort=f"stacks {names[:16]}", start=start.config.weights_sha256)
    if not run.is_done:
        shape = {"pixel_mm": start.config.pixel_mm, "pixels": start.config.pixels, "seed": training.seed}
        source = LabelledStacks(taught, batch_size=training.batch_size, variation=VARIATION, **shape)
        batch_size = min(training.batch_size, num_labelled_slices(held_out))
        validation = LabelledStacks(held_out, batch_size=batch_size, variation=AS_IT_IS, **shape)
        method = config.method.build(seed=training.seed)
        method.unet.load_state_dict(start.net.state_dict())
        run.record_environment(describe_environment(CPU))
        result = fit(method, source, validation, training, run, progress=progress)
        run.finish(method.state_dict(), asdict(result))
    run.checkpoints.clear()
    net = UNet(start.config.unet)
    net.load_state_dict({name.removeprefix("unet."): tensor for name, tensor in run.weights().items()})
    taught_on = f"{start.config.training}; then {len(taught)} labelled stacks of the user, seed {training.seed}"
    return run, Segmenter(replace(start.config, training=taught_on, weights_sha256=""), net.eval())


def finetuned_card(run: Run, taught: Segmenter) -> str:
    """The model card: what it was taught on, and its overlap on the stacks that were held out."""
    best = max(run.metrics(), key=lambda line: line["select_dice"])
    rows = "\n".join(f"| {name} | {best[f'select_dice_{key}']:.3f} |" for name, key in _STRUCTURES)
    return _CARD.format(training=taught.config.training, rows=rows)


_STRUCTURES = (("LV cavity", "lv"), ("myocardium", "myocardium"), ("RV cavity", "rv"))
_CARD = """# Short-axis segmenter, fine-tuned

Research use only; not a medical device. Taught on: {training}.

Dice overlap on the user's stacks that were held out, which also chose the epoch:

| structure | Dice |
|---|---|
{rows}
"""
