import json

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
    for config in (CONFIG, EcgModelConfig(ENCODER, MeanPoolConfig())):
        assert from_json(EcgModelConfig, json.loads(json.dumps(to_json(config))), source="a test") == config
