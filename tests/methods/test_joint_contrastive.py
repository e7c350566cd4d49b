import json
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from cardiolens.configs import from_json, to_json
from cardiolens.errors import BadOption
from cardiolens.imaging.augmentation import ImageAugmentationConfig
from cardiolens.methods.contrastive import ContrastiveConfig
from cardiolens.methods.joint_contrastive import JointContrastiveConfig
from cardiolens.methods.masked_autoencoder import MaskedAutoencoderConfig
from cardiolens.methods.method import MethodConfig
from cardiolens.nn.image_encoder import ImageEncoderConfig
from cardiolens.nn.mae_decoder import MaeDecoderConfig
from cardiolens.nn.projector import ProjectorConfig

DECODER = MaeDecoderConfig(width=16, depth=1, heads=2)


@pytest.fixture
def paired(encoder, none):
    return ContrastiveConfig(
        encoder=replace(encoder, learn_positions=True),
        image_encoder=ImageEncoderConfig(blocks=(1, 1, 1, 1), widths=(4, 4, 8, 8), bottleneck=False),
        projector=ProjectorConfig(hidden=16, width=8),
        augmentation=none,
        image_augmentation=ImageAugmentationConfig(size=32, probability=0.0),
    )


@pytest.fixture
def config(paired):
    return JointContrastiveConfig(paired, DECODER)


def test_the_loss_is_the_sum_of_what_the_two_methods_say_with_the_same_weights(config, paired, none, make_batch):
    method = replace(config, masked_weight=0.3).build(seed=0).eval()
    alone = paired.build(seed=1).eval()
    masked = MaskedAutoencoderConfig(paired.encoder, DECODER, augmentation=none).build(seed=1).eval()
    state = method.state_dict()
    alone.load_state_dict({name: tensor for name, tensor in state.items() if not name.startswith("decoder.")})
    masked.load_state_dict({name: state[name] for name in masked.state_dict()})
    batch = make_batch(5)
    output = method(batch)
    assert_close(output.loss, alone(batch).loss + 0.3 * masked(batch).loss)
    assert_close(output.metrics["contrastive_loss"], alone(batch).loss)
    assert_close(output.metrics["masked_loss"], masked(batch).loss)


def test_both_losses_reach_the_one_encoder(config, make_batch):
    batch = make_batch(5)
    gradients = []
    for weight in (0.0, 1.0):
        method = replace(config, masked_weight=weight).build(seed=0).train()
        method(batch).loss.backward()
        gradients.append(method.ecg_encoder.blocks[0].mlp.expand.weight.grad.clone())
        assert (method.ecg_encoder.norm.weight.grad.abs().sum() > 0) == (weight > 0)
    assert gradients[0].abs().max() > 0
    assert (gradients[0] - gradients[1]).abs().max() > 1e-6


def test_every_weight_learns_but_the_decoders_fixed_positions(config):
    method = config.build(seed=0)
    (group,) = method.parameter_groups(0.1)
    left_out = {name for name, p in method.named_parameters() if all(p is not other for other in group.params)}
    assert left_out == {"decoder.positions"}


def test_one_batch_is_fitted(config, make_batch, losses_of_fitting):
    losses = losses_of_fitting(config.build(seed=0), make_batch(4), 60)
    assert losses[-1] < 0.6 * losses[0]


def test_settings_come_back_from_json(config):
    assert from_json(MethodConfig, json.loads(json.dumps(to_json(config))), source="test") == config
    assert config.needs_images


@pytest.mark.parametrize("wrong", [{"hidden_ratio": 1.0}, {"hidden_ratio": 0.0}, {"masked_weight": -1.0}])
def test_settings_out_of_range_are_refused(config, wrong):
    with pytest.raises(BadOption):
        replace(config, **wrong)


def test_the_picture_is_looked_at(config, make_batch):
    method, batch = config.build(seed=0).eval(), make_batch(5)
    other = replace(batch, cmr=torch.flip(batch.cmr, (0,)))
    assert (method(batch).loss - method(other).loss).abs() > 1e-4
    assert_close(method(batch).metrics["masked_loss"], method(other).metrics["masked_loss"])
