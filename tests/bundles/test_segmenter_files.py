import json

import numpy as np
import pytest
import torch

from cardiolens.bundles.segmenter import Segmenter, SegmenterConfig
from cardiolens.bundles.segmenter_files import CONFIG, SCHEMA_VERSION, WEIGHTS, read_segmenter, write_segmenter
from cardiolens.errors import BadBundle, BadImage
from cardiolens.nn.unet import UNet, UNetConfig
from cardiolens.types import CineStack

UNET = UNetConfig(channels=(4, 8), residual_units=0)


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    config = SegmenterConfig("tiny", SCHEMA_VERSION, UNET, 1.5, 32, "nothing", "")
    write_segmenter(tmp_path / "tiny", Segmenter(config, UNet(UNET).eval()), card="# Tiny\n")
    return tmp_path / "tiny"


def test_masks_have_the_size_of_the_stack(folder):
    rng = np.random.default_rng(0)
    cine = CineStack(rng.random((2, 3, 50, 41)), (8.0, 1.2, 1.3), np.array([0.0, 300.0]), "made up")
    masks = read_segmenter(folder).segment(cine)
    assert masks.shape == (2, 3, 50, 41)
    assert masks.max() <= 3


@pytest.mark.parametrize(
    ("frames", "spacing", "message"),
    [
        (np.zeros((1, 3, 32, 32)), (8.0, 1.5, 1.5), "brightness from 0 to 0"),
        (np.full((1, 3, 32, 32), np.nan), (8.0, 1.5, 1.5), "brightness from nan"),
        (np.eye(32)[None, None], (8.0, 0.0, 1.5), "pixels of 0 x 1.5 mm"),
    ],
)
def test_a_stack_that_cannot_be_segmented_is_refused(folder, frames, spacing, message):
    with pytest.raises(BadImage, match=message):
        read_segmenter(folder).segment(CineStack(frames, spacing, np.array([0.0]), "made up"))


def test_the_same_weights_come_back_in_half_precision(folder):
    first, second = read_segmenter(folder), read_segmenter(folder)
    assert all(a.equal(b) for a, b in zip(first.net.parameters(), second.net.parameters(), strict=True))
    assert not first.net.training


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / WEIGHTS).write_bytes((f / WEIGHTS).read_bytes()[:-1] + b"x"), "SHA-256"),
        (lambda f: (f / WEIGHTS).unlink(), "no model.safetensors"),
        (lambda f: (f / CONFIG).unlink(), "no config.json"),
        (lambda f: (f / CONFIG).write_text("["), "no description"),
        (lambda f: _set(f, schema_version=99), "schema version 99"),
        (lambda f: _set(f, surprise=1), "surprise"),
        (lambda f: _set(f, unet=json.loads((f / CONFIG).read_text())["unet"] | {"channels": [4, 12]}), "another network"),
    ],
)
def test_what_was_changed_is_refused(folder, change, message):
    change(folder)
    with pytest.raises(BadBundle, match=message):
        read_segmenter(folder)


def _set(folder, **values):
    stored = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(stored | values))
