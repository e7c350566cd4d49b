import numpy as np
import pytest
import torch

from cardiolens.bundles.published_keys import convert_published, our_key
from cardiolens.errors import BadWeights
from cardiolens.nn.ecg_model import EcgModel, EcgModelConfig, HeadConfig
from cardiolens.nn.image_encoder import ImageEncoder, ImageEncoderConfig
from cardiolens.nn.mae_decoder import MaeDecoder, MaeDecoderConfig
from cardiolens.nn.projector import Projector, ProjectorConfig
from cardiolens.nn.vit import SignalEncoder, SignalEncoderConfig


def published_state(golden_file, name: str) -> dict[str, torch.Tensor]:
    """Zeros of the published shapes, each with its own number, so that a swap shows."""
    state = {}
    for number, entry in enumerate(np.load(golden_file)[name]):
        key, shape = str(entry).split(":")
        state[key] = torch.full([int(n) for n in shape.strip("()").split(",") if n.strip()], float(number))
    return state


def test_every_key_of_the_masked_autoencoder_but_its_extra_loss_has_a_place(golden_file):
    state = published_state(golden_file, "mae_keys")
    left = {key.split(".")[0] for key in state if our_key(key) is None}
    assert left <= {"projector", "predictor"}
    ours = convert_published(state)
    assert {key.split(".")[0] for key in ours} == {"ecg_encoder", "decoder"}
    assert len(ours) == sum(our_key(key) is not None for key in state)


def test_values_arrive_under_the_name_of_their_layer(golden_file):
    state = published_state(golden_file, "mae_keys")
    ours = convert_published(state)
    for published, name in {
        "blocks.1.attn.proj.bias": "ecg_encoder.blocks.1.attention.projection.bias",
        "blocks.2.mlp.fc1.weight": "ecg_encoder.blocks.2.mlp.expand.weight",
        "decoder_blocks.1.mlp.fc2.bias": "decoder.blocks.1.mlp.contract.bias",
        "decoder_pos_embed": "decoder.positions",
        "norm.bias": "ecg_encoder.norm.bias",
    }.items():
        assert torch.equal(ours[name], state[published])


def test_the_patch_convolution_becomes_a_linear_layer(published_encoder):
    ours = convert_published(published_encoder)["ecg_encoder.patch_embedding.weight"]
    assert torch.equal(ours, published_encoder["patch_embed.proj.weight"][:, 0, 0])


def test_a_fine_tuned_file_brings_pooling_and_head_and_gets_an_identity_for_the_norm_it_dropped(golden_file):
    ours = convert_published(published_state(golden_file, "finetune_keys"))
    assert ours["heads.published.weight"].shape == (2, 384)
    assert {"ecg_pool.norm.weight", "ecg_pool.attention.in_proj_weight", "ecg_pool.attention.out_proj.bias"} <= ours.keys()
    assert ours["ecg_encoder.norm.weight"].eq(1).all()
    assert ours["ecg_encoder.norm.bias"].eq(0).all()


def test_every_key_of_the_image_encoder_has_a_place(golden_file):
    state = published_state(golden_file, "image_keys")
    ours = convert_published(state)
    assert len(ours) == len(state)
    assert torch.equal(
        ours["image_encoder.resnet.layer2.0.downsample.1.running_var"], state["encoder_imaging.5.0.downsample.1.running_var"]
    )


def test_a_contrastive_checkpoint_brings_both_projectors_and_leaves_its_untrained_head(published_encoder):
    state = {f"encoder_ecg.{key}": value for key, value in published_encoder.items()}
    state["encoder_ecg.fc_norm.weight"] = torch.ones(4)
    state["encoder_ecg.head.weight"] = torch.ones(2, 4)
    for modality in ("ecg", "imaging"):
        state |= {f"projection_head_{modality}.layers.{k}.weight": torch.ones(3, 3) for k in (0, 2)}
    ours = convert_published(state)
    prefixes = {key.split(".")[0] for key in ours}
    assert prefixes == {"ecg_encoder", "ecg_pool", "ecg_projector", "image_projector"}


def test_an_encoder_with_a_missing_layer_is_refused_by_name(published_encoder):
    del published_encoder["blocks.0.mlp.fc2.bias"]
    with pytest.raises(BadWeights, match=r"blocks\.0\.mlp\.contract\.bias"):
        convert_published(published_encoder)


def test_weights_of_another_model_are_refused():
    with pytest.raises(BadWeights, match="none of a known encoder"):
        convert_published({"conv.weight": torch.ones(2)})


def test_converted_files_fit_the_modules_strictly(golden_file):
    projectors = {
        f"projection_head_ecg.layers.0.{kind}": torch.ones(size) for kind, size in (("weight", (512, 384)), ("bias", 512))
    }
    projectors |= {
        f"projection_head_ecg.layers.2.{kind}": torch.ones(size) for kind, size in (("weight", (128, 512)), ("bias", 128))
    }
    autoencoder = convert_published(published_state(golden_file, "mae_keys") | projectors)
    fine_tuned = convert_published(published_state(golden_file, "finetune_keys"))
    image = convert_published(published_state(golden_file, "image_keys"))
    modules = [
        (SignalEncoder(SignalEncoderConfig()), autoencoder, "ecg_encoder."),
        (MaeDecoder(MaeDecoderConfig(), SignalEncoderConfig()), autoencoder, "decoder."),
        (Projector(ProjectorConfig(), 384), autoencoder, "ecg_projector."),
        (EcgModel(EcgModelConfig(heads=(HeadConfig("published", 1, binary=True),))), fine_tuned, ""),
        (ImageEncoder(ImageEncoderConfig()), image, "image_encoder."),
    ]
    for module, state, prefix in modules:
        part = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        module.load_state_dict(part, strict=True)
