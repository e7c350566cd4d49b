import json

import torch
from torch.testing import assert_close

from cardiolens.configs import from_json, to_json
from cardiolens.nn.heads import HeadConfig
from cardiolens.nn.image_encoder import ImageEncoderConfig
from cardiolens.nn.image_model import ImageModel, ImageModelConfig

ENCODER = ImageEncoderConfig(blocks=(1, 1, 1, 1), widths=(4, 4, 8, 8), bottleneck=False)
HEADS = (HeadConfig("cad", 1, binary=True), HeadConfig("lv", 6, binary=False))
CONFIG = ImageModelConfig(ENCODER, HEADS, size=32)


def test_every_head_reads_the_embedding_of_the_picture():
    model = ImageModel(CONFIG).eval()
    cmr = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    scores = model(cmr)
    assert {name: tuple(score.shape) for name, score in scores.items()} == {"cad": (3, 1), "lv": (3, 6)}
    assert_close(scores["lv"], model.heads["lv"](model.image_encoder(cmr)))


def test_its_settings_survive_json():
    assert from_json(ImageModelConfig, json.loads(json.dumps(to_json(CONFIG))), source="a test") == CONFIG
