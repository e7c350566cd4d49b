"""The unimodal baselines through the one loop: trained, stopped, killed, resumed, and fine-tuning from what they leave."""

import signal

import pytest
import torch
from small_methods import CONTRASTIVE, SIZE, run_config, supervised

from cardiolens.cohorts.loader import Loader
from cardiolens.imaging.augmentation import ImageAugmentationConfig
from cardiolens.methods.barlow_twins import BarlowTwinsConfig
from cardiolens.methods.byol import BatchNormMlpConfig, ByolConfig
from cardiolens.methods.clocs import ClocsConfig
from cardiolens.methods.image_simclr import ImageSimclrConfig
from cardiolens.methods.simclr import SimclrConfig
from cardiolens.nn.projector import ProjectorConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.training.config import Precision
from cardiolens.training.start_weights import load_encoders
from cardiolens.training.train import train

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")

ENCODER = SignalEncoderConfig(**SIZE, drop_path=0.1, learn_positions=True)
PROJECTOR = ProjectorConfig(hidden=8, width=8)
MLP = BatchNormMlpConfig(hidden=8, width=8)
SIMCLR = SimclrConfig(encoder=ENCODER, projector=PROJECTOR)
BYOL = ByolConfig(encoder=ENCODER, projector=MLP, predictor_hidden=8, momentum=0.9)
IMAGE_SIMCLR = ImageSimclrConfig(
    image_encoder=CONTRASTIVE.image_encoder,
    projector=PROJECTOR,
    image_augmentation=ImageAugmentationConfig(size=64, probability=1.0),
)
ON_ECGS = (SIMCLR, BYOL, BarlowTwinsConfig(encoder=ENCODER, projector=MLP), ClocsConfig(encoder=ENCODER, projector=PROJECTOR))


class Killed(BaseException):
    """The process is gone before it could do anything about it."""


def _at_batch(monkeypatch, number, happens):
    epoch_of, handed_out = Loader.epoch, []

    def watched(self, *arguments, **settings):
        for batch in epoch_of(self, *arguments, **settings):
            handed_out.append(True)
            if len(handed_out) == number:
                happens()
            yield batch

    monkeypatch.setattr(Loader, "epoch", watched)


def _kill():
    raise Killed


def _run_config(method, **changes):
    # The cohort's last batch would hold one ECG, of which there are no batch statistics.
    return run_config(method, drop_last=True, **changes)


def _name(config):
    return type(config).__name__


@pytest.fixture(scope="module")
def byol(tiny_cohort, tmp_path_factory):
    return train(_run_config(BYOL), tiny_cohort, tmp_path_factory.mktemp("runs") / "byol")


def test_byol_leaves_its_ranks_and_a_target_that_followed(tiny_cohort, byol):
    line = byol.metrics()[-1]
    assert line["train_rank"] >= 1
    assert {"train_embedding_rank", "select_rank", "select_embedding_rank", "select_loss"} <= line.keys()
    weights, fresh = byol.weights(), BYOL.build(seed=byol.config.training.seed).state_dict()
    name = "ecg_encoder.blocks.0.attention.qkv.weight"
    to_target, to_online = (weights[key] - fresh[key] for key in (f"target.{name}", name))
    assert 0 < to_target.norm() < to_online.norm()


@pytest.mark.parametrize("precision", list(Precision))
def test_simclr_trains_for_an_epoch(tiny_cohort, tmp_path, precision):
    run = train(_run_config(SIMCLR, epochs=1, precision=precision), tiny_cohort, tmp_path / "simclr")
    assert run.is_done
    assert {"train_loss", "train_top1", "select_loss", "select_top1"} <= run.metrics()[0].keys()


@pytest.mark.parametrize("number", [1, 3, 5, 8])
def test_byol_stopped_anywhere_ends_with_the_same_file(tiny_cohort, tmp_path, monkeypatch, byol, number):
    with monkeypatch.context() as patch:
        _at_batch(patch, number, lambda: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            train(byol.config, tiny_cohort, tmp_path / "stopped")
    resumed = train(byol.config, tiny_cohort, tmp_path / "stopped")
    assert (resumed.path / "model.safetensors").read_bytes() == (byol.path / "model.safetensors").read_bytes()
    assert resumed.metrics()[-1]["train_rank"] == byol.metrics()[-1]["train_rank"]


def test_byol_killed_again_and_again_ends_with_the_same_weights(tiny_cohort, tmp_path, monkeypatch, byol):
    config = _run_config(BYOL, checkpoint_every_steps=2)
    for number in (4, 5, 3):
        with monkeypatch.context() as patch:
            _at_batch(patch, number, _kill)
            with pytest.raises(Killed):
                train(config, tiny_cohort, tmp_path / "killed")
    resumed = train(config, tiny_cohort, tmp_path / "killed")
    assert (resumed.path / "model.safetensors").read_bytes() == (byol.path / "model.safetensors").read_bytes()


def test_the_target_follows_once_per_step_of_the_optimiser_however_many_parts_it_has(tiny_cohort, tmp_path, monkeypatch):
    from cardiolens.methods.byol import Byol

    seen, follow = [], Byol.after_step
    monkeypatch.setattr(Byol, "after_step", lambda self, progress: seen.append(progress) or follow(self, progress))
    run = train(_run_config(BYOL, accumulation=2), tiny_cohort, tmp_path / "byol")
    steps = run.metrics()[-1]["step"]
    assert seen == pytest.approx([step / steps for step in range(steps)])


@pytest.mark.parametrize("method", ON_ECGS, ids=_name)
def test_fine_tuning_starts_from_the_encoder_of_each(method, tiny_cohort, tmp_path):
    run = train(_run_config(method, epochs=1), tiny_cohort, tmp_path / "baseline")
    tuned = supervised("cad").build(seed=9)
    load_encoders(tuned, run.path)
    weights = run.weights()
    for name, tensor in tuned.ecg_encoder.state_dict().items():
        assert torch.equal(tensor, weights[f"ecg_encoder.{name}"]), name


def test_multimodal_learning_starts_from_the_image_encoder(tiny_cohort, tmp_path):
    run = train(_run_config(IMAGE_SIMCLR, epochs=1), tiny_cohort, tmp_path / "image")
    paired = CONTRASTIVE.build(seed=9)
    fresh = {name: tensor.clone() for name, tensor in paired.ecg_encoder.state_dict().items()}
    load_encoders(paired, run.path)
    weights = run.weights()
    for name, tensor in paired.image_encoder.state_dict().items():
        assert torch.equal(tensor, weights[f"image_encoder.{name}"]), name
    assert all(torch.equal(tensor, fresh[name]) for name, tensor in paired.ecg_encoder.state_dict().items())


def test_byol_goes_on_from_another_encoder_with_its_target(tiny_cohort, byol, tmp_path):
    config = _run_config(BYOL, epochs=1, base_lr=1e-9, seed=11)
    run = train(config, tiny_cohort, tmp_path / "on", start_from=byol.path)
    name = "ecg_encoder.blocks.0.attention.qkv.weight"
    for key in (name, f"target.{name}"):
        torch.testing.assert_close(run.weights()[key], byol.weights()[name], atol=1e-6, rtol=0)
