from dataclasses import replace

import numpy as np
import pytest
import torch
from einops import rearrange
from small_methods import AUTOENCODER, CONTRASTIVE, DUAL_PHASE, SIZE, supervised, supervised_image

from cardiolens.bundles.published_keys import our_key
from cardiolens.bundles.weights import write_safetensors
from cardiolens.errors import BadWeights
from cardiolens.methods.masked_autoencoder import MaskedAutoencoderConfig
from cardiolens.methods.supervised import SupervisedConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.tasks import TASKS
from cardiolens.training.start_weights import load_encoders


@pytest.fixture
def stored(tmp_path):
    """A contrastive run's weights."""
    source = CONTRASTIVE.build(seed=1)
    write_safetensors(tmp_path / "run" / "model.safetensors", source.state_dict())
    return source, tmp_path / "run"


def _encoder(method, name="ecg_encoder"):
    return {key: tensor for key, tensor in method.state_dict().items() if key.startswith(f"{name}.")}


@pytest.mark.parametrize(
    "method",
    [AUTOENCODER, CONTRASTIVE, DUAL_PHASE, supervised("cad"), supervised_image("cad")],
    ids=lambda m: type(m).__name__,
)
def test_the_encoder_is_taken_over_and_everything_else_stays_fresh(stored, method):
    source, path = stored
    target, fresh = method.build(seed=2), method.build(seed=2)
    load_encoders(target, path)
    shared = _encoder(source) | _encoder(source, "image_encoder")
    assert shared.keys() & target.state_dict().keys()
    for key, tensor in target.state_dict().items():
        assert torch.equal(tensor, shared.get(key, fresh.state_dict()[key])), key


def test_a_weight_file_serves_as_well_as_a_folder(stored):
    source, path = stored
    target = AUTOENCODER.build(seed=2)
    load_encoders(target, path / "model.safetensors")
    assert torch.equal(target.ecg_encoder.class_token, source.ecg_encoder.class_token)


def test_an_encoder_of_another_size_is_refused_by_its_first_odd_tensor(stored):
    wider = replace(AUTOENCODER, encoder=SignalEncoderConfig(**(SIZE | {"width": 32})))
    with pytest.raises(BadWeights, match=r"ecg_encoder\.\S+ of shape \(.*\); expected \(.*\)"):
        load_encoders(wider.build(seed=0), stored[1])


def test_an_encoder_of_another_depth_is_refused(stored):
    deeper = replace(AUTOENCODER, encoder=SignalEncoderConfig(**(SIZE | {"depth": 2})))
    with pytest.raises(BadWeights, match=r"no tensor ecg_encoder\.blocks\.1"):
        load_encoders(deeper.build(seed=0), stored[1])


def test_weights_without_a_common_encoder_are_refused(tmp_path):
    write_safetensors(tmp_path / "model.safetensors", _encoder(CONTRASTIVE.build(seed=0), "image_encoder"))
    with pytest.raises(BadWeights, match="found image_encoder; expected ecg_encoder"):
        load_encoders(AUTOENCODER.build(seed=0), tmp_path)


@pytest.mark.parametrize("name", ["", "missing"])
def test_a_folder_without_weights_is_refused(tmp_path, name):
    with pytest.raises(BadWeights, match="expected a finished run, a bundle or a weight file"):
        load_encoders(AUTOENCODER.build(seed=0), tmp_path / name)


def test_a_published_checkpoint_starts_a_method_of_the_published_size(tmp_path, golden_file):
    source = SupervisedConfig((TASKS["cad"],)).build(seed=1).state_dict()
    keys = [entry.split(":")[0] for entry in np.load(golden_file)["finetune_keys"].tolist()]
    published = {key: source[our_key(key)].clone() for key in keys if our_key(key) in source}
    published["patch_embed.proj.weight"] = rearrange(published["patch_embed.proj.weight"], "width patch -> width 1 1 patch")
    torch.save({"model": published, "epoch": 3}, tmp_path / "checkpoint-3.pth")
    target = MaskedAutoencoderConfig().build(seed=2)
    load_encoders(target, tmp_path / "checkpoint-3.pth")
    assert len(published) > 40
    for key, tensor in _encoder(target).items():
        assert torch.equal(tensor, source[key]), key
