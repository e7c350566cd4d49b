from dataclasses import replace

import pytest

from cardiolens.methods.segmentation import SegmentationConfig
from cardiolens.nn.unet import UNetConfig
from cardiolens.recipes.segmenter import VALIDATION_SEED, segmenter, segmenter_of, train_segmenter
from cardiolens.synthetic.scans.scan import ScanConfig


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr("cardiolens.recipes.segmenter.VALIDATION_SCANS", 6)
    config = segmenter(seed=1, epochs=2)
    method = SegmentationConfig(unet=UNetConfig(channels=(4, 8), residual_units=0))
    return replace(config, method=method, training=replace(config.training, batch_size=12))


SCANS = ScanConfig(pixels=32, pixel_mm=4.0, num_slices=4)


def test_a_run_ends_with_a_network_that_segments(tiny, tmp_path):
    run = train_segmenter(tiny, tmp_path / "run", scans=SCANS, scans_per_epoch=12)
    assert run.is_done
    assert len(run.metrics()) == 2
    assert 0 <= run.metrics()[-1]["select_dice"] <= 1
    assert segmenter_of(run).net.config == tiny.method.unet
    assert train_segmenter(tiny, tmp_path / "run", scans=SCANS, scans_per_epoch=12).weights()


def test_a_run_that_was_interrupted_ends_with_the_same_weights(tiny, tmp_path, monkeypatch):
    whole = train_segmenter(tiny, tmp_path / "whole", scans=SCANS, scans_per_epoch=12)
    calls = iter([False, False, True])
    with monkeypatch.context() as patch:
        patch.setattr("cardiolens.training.interruption.Interruption.requested", lambda self: next(calls, False))
        patch.setattr("cardiolens.training.interruption.Interruption.act", _stop)
        with pytest.raises(KeyboardInterrupt):
            train_segmenter(tiny, tmp_path / "halved", scans=SCANS, scans_per_epoch=12)
    halved = train_segmenter(tiny, tmp_path / "halved", scans=SCANS, scans_per_epoch=12)
    weights = halved.weights()
    assert all(tensor.equal(weights[name]) for name, tensor in whole.weights().items())


def _stop(self):
    raise KeyboardInterrupt


def test_no_training_seed_is_the_validation_seed():
    assert VALIDATION_SEED not in range(100)
