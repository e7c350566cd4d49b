from dataclasses import replace

import numpy as np
import pytest
import torch

from cardiolens.bundles.segmenter import Segmenter, SegmenterConfig
from cardiolens.errors import BadOption
from cardiolens.nn.unet import UNet, UNetConfig
from cardiolens.recipes.segmenter_finetune import finetune, finetune_segmenter
from cardiolens.synthetic.scans.scan import ScanConfig, draw_scan
from cardiolens.types import CineStack

SCANS = ScanConfig(pixels=32, pixel_mm=4.0, num_slices=4)


@pytest.fixture
def start() -> Segmenter:
    torch.manual_seed(0)
    unet = UNetConfig(channels=(8, 16), residual_units=0)
    config = SegmenterConfig("tiny", 1, unet, pixel_mm=4.0, pixels=32, training="nothing", weights_sha256="0" * 64)
    return Segmenter(config, UNet(unet).eval())


@pytest.fixture
def stacks() -> list[CineStack]:
    scans = [draw_scan(seed=3, index=index, config=SCANS) for index in range(6)]
    return [
        CineStack(scan.frames[None], (scan.spacing_mm, 4.0, 4.0), np.zeros(1), f"stack {k}", masks=scan.masks[None])
        for k, scan in enumerate(scans)
    ]


def test_a_users_stacks_teach_the_segmenter_and_the_run_can_be_asked_for_again(tmp_path, start, stacks):
    config = finetune(start, epochs=20, batch_size=4)
    config = replace(config, training=replace(config.training, base_lr=5e-2))
    run, taught = finetune_segmenter(config, start, stacks, tmp_path / "run")
    dice = [line["select_dice"] for line in run.metrics()]
    assert max(dice) > dice[0]
    assert "4 labelled stacks of the user" in taught.config.training
    changed = [not torch.equal(a, b) for a, b in zip(start.net.parameters(), taught.net.parameters(), strict=True)]
    assert all(changed)
    _, again = finetune_segmenter(config, start, stacks, tmp_path / "run")
    assert all(torch.equal(a, b) for a, b in zip(taught.net.parameters(), again.net.parameters(), strict=True))


def test_one_stack_cannot_teach_and_measure(tmp_path, start, stacks):
    with pytest.raises(BadOption, match="found 1; expected two or more"):
        finetune_segmenter(finetune(start), start, stacks[:1], tmp_path / "run")
