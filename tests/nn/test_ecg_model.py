import json
from dataclasses import replace

import pytest
import torch

from cardiolens.configs import from_json, to_json
from cardiolens.nn.ecg_model import EcgModel, EcgModelConfig
from cardiolens.nn.heads import HeadConfig
from cardiolens.nn.pooling import MeanPoolConfig
from cardiolens.nn.vit import SignalEncoderConfig

ENCODER = SignalEncoderConfig(num_leads=3, num_samples=40, patch=10, width=12, depth=1, heads=6, learn_positions=True)
CONFIG = EcgModelConfig(ENCODER, heads=(HeadConfig("cad", 1, binary=True), HeadConfig("lv", 6, binary=False)))


def test_every_head_reads_the_same_embedding():
    model = EcgModel(CONFIG).eval()
    ecg = torch.randn(2, 3, 40)
    embedding = model.embed(ecg)
    assert embedding.shape == (2, 12)
    torch.testing.assert_close(model(ecg), model.heads(embedding))
    assert {name: tuple(scores.shape) for name, scores in model(ecg).items()} == {"cad": (2, 1), "lv": (2, 6)}


def test_the_parts_of_the_state_dict_have_the_names_that_weights_travel_under():
    assert {key.split(".")[0] for key in EcgModel(CONFIG).state_dict()} == {"ecg_encoder", "ecg_pool", "heads"}


def test_the_configuration_survives_json():
    for config in (CONFIG, EcgModelConfig(ENCODER, MeanPoolConfig()), replace(CONFIG, scale_input=True)):
        assert from_json(EcgModelConfig, json.loads(json.dumps(to_json(config))), source="a test") == config


def test_a_stored_model_from_before_scales_were_read_is_one_that_does_not_read_them():
    stored = to_json(CONFIG)
    del stored["scale_input"]
    assert from_json(EcgModelConfig, stored, source="a test") == CONFIG


def test_scales_are_ignored_unless_the_model_reads_them():
    model = EcgModel(CONFIG).eval()
    ecg = torch.randn(2, 3, 40)
    assert torch.equal(model.embed(ecg), model.embed(ecg, scale_mv=torch.rand(2, 3)))


def test_a_model_that_reads_scales_answers_otherwise_for_another_voltage_and_refuses_to_guess_it():
    torch.manual_seed(0)
    model = EcgModel(replace(CONFIG, scale_input=True)).eval()
    torch.nn.init.normal_(model.scale_input.output.weight)
    ecg, scale_mv = torch.randn(2, 3, 40), torch.full((2, 3), 0.1)
    assert not torch.allclose(model(ecg, scale_mv=scale_mv)["lv"], model(ecg, scale_mv=2 * scale_mv)["lv"])
    with pytest.raises(ValueError, match="reads the scales"):
        model(ecg)
