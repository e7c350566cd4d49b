"""Our networks with the published weights give the published numbers."""

import pytest
import torch

from cardiolens.nn.ecg_model import EcgModel, EcgModelConfig
from cardiolens.nn.heads import HeadConfig
from cardiolens.nn.image_encoder import ImageEncoder, ImageEncoderConfig
from cardiolens.nn.masking import random_visible
from cardiolens.nn.pooling import AttentionPoolConfig, MeanPoolConfig
from cardiolens.nn.positions import sine_cosine_positions
from cardiolens.nn.vit import SignalEncoder


@pytest.fixture(scope="module")
def encoder(converted, encoder_config):
    encoder = SignalEncoder(encoder_config)
    encoder.load_state_dict(converted("mae")("ecg_encoder"))
    return encoder.requires_grad_(False).eval()


@pytest.fixture(scope="module")
def ecg(golden):
    return torch.from_numpy(golden["ecg"])


@pytest.mark.parametrize("table", ["pos_embed", "decoder_pos_embed"])
def test_positions_are_the_published_ones(golden, encoder_config, agrees, table):
    positions = sine_cosine_positions(
        num_leads=encoder_config.num_leads, num_segments=encoder_config.num_segments, width=golden[table].shape[1]
    )
    assert agrees(positions[0], golden[table])


def test_a_fresh_encoder_starts_at_the_published_positions(golden, encoder_config, agrees):
    assert agrees(SignalEncoder(encoder_config).positions[0], golden["pos_embed"])


def test_the_encoder_over_all_patches_gives_the_published_tokens(golden, encoder, ecg, agrees):
    expected = golden["mae_encoder_all"]
    assert agrees(encoder.norm(encoder(ecg))[:, : expected.shape[1]], expected)


def test_the_encoder_over_visible_patches_gives_the_published_latent(golden, encoder, ecg, agrees):
    visible, _ = random_visible(torch.from_numpy(golden["mask_noise"]), 0.8)
    assert agrees(encoder.norm(encoder(ecg, visible=visible)), golden["mae_latent"])


def test_the_contrastive_embedding_is_the_published_one(golden, converted, encoder, ecg, agrees):
    pool = MeanPoolConfig().build(encoder.config.width)
    pool.norm.load_state_dict(converted("finetune")("ecg_pool.norm"))
    assert agrees(pool(encoder(ecg)), golden["mmcl_embedding"])


@pytest.mark.parametrize(("array", "norm_passes"), [("finetune_features", 1), ("finetune_logits", 2)])
def test_the_fine_tuned_model_gives_the_published_numbers(
    golden, published, converted, encoder_config, ecg, agrees, array, norm_passes
):
    pooling = AttentionPoolConfig(norm_passes=norm_passes)
    outputs = published("finetune")["head.weight"].shape[0] // 2
    heads = (HeadConfig("published", outputs, binary=True),)
    model = EcgModel(EcgModelConfig(encoder_config, pooling, heads)).eval()
    model.load_state_dict(_whole(converted("finetune")))
    features = model.embed(ecg)
    assert agrees(features if array == "finetune_features" else model.heads["published"](features), golden[array])


def test_the_disease_score_is_the_difference_of_the_published_logits(golden, converted, encoder_config, ecg, agrees):
    model = EcgModel(EcgModelConfig(encoder_config, heads=(HeadConfig("published", 1, binary=True),))).eval()
    model.load_state_dict(_whole(converted("finetune")))
    no, yes = golden["finetune_logits"].T
    assert agrees(model(ecg)["published"][:, 0], yes - no)


def test_the_image_encoder_gives_the_published_embedding(golden, converted, agrees):
    encoder = ImageEncoder(ImageEncoderConfig()).eval().requires_grad_(False)
    encoder.load_state_dict(converted("image")("image_encoder"))
    assert agrees(encoder(torch.from_numpy(golden["image"]).float()), golden["image_embedding"], share=1e-4)


def _whole(part_of):
    parts = ("ecg_encoder", "ecg_pool", "heads")
    return {f"{part}.{key}": tensor for part in parts for key, tensor in part_of(part).items()}
