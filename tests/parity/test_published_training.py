"""Masks, losses, learning rates and parameter groups are the published ones."""

import dataclasses

import numpy as np
import pytest
import torch

from cardiolens.bundles.published_keys import our_key
from cardiolens.methods.contrastive import clip_loss
from cardiolens.methods.masked_autoencoder import MaskedAutoencoderConfig, reconstruction_loss
from cardiolens.methods.supervised import SupervisedConfig
from cardiolens.nn.masking import random_visible
from cardiolens.nn.patches import to_patches
from cardiolens.signals.augmentation import EcgAugmentationConfig
from cardiolens.tasks import Task, TaskKind
from cardiolens.training.optimiser import ScheduleConfig, learning_rate


def test_the_mask_hides_the_published_patches(golden):
    visible, hidden = random_visible(torch.from_numpy(golden["mask_noise"]), 0.8)
    assert visible.shape[1] == golden["mae_latent"].shape[1] - 1
    np.testing.assert_array_equal(hidden.numpy(), golden["mae_mask"] == 1)


@pytest.fixture(scope="module")
def reconstructed(golden, converted, encoder_config):
    """The autoencoder with the published weights, and its prediction from the published mask."""
    augmentation = EcgAugmentationConfig(crop=encoder_config.num_samples)
    method = (
        MaskedAutoencoderConfig(encoder=encoder_config, augmentation=augmentation).build(seed=0).requires_grad_(False).eval()
    )
    for part in ("ecg_encoder", "decoder"):
        getattr(method, part).load_state_dict(converted("mae")(part))
    visible, _ = random_visible(torch.from_numpy(golden["mask_noise"]), 0.8)
    latent = method.ecg_encoder.norm(method.ecg_encoder(torch.from_numpy(golden["ecg"]), visible=visible))
    return method.decoder(latent, visible)


def test_the_decoder_predicts_the_published_patches(golden, reconstructed, agrees):
    assert agrees(reconstructed, golden["mae_pred"])


def test_the_reconstruction_loss_is_the_published_one(golden, reconstructed, encoder_config, agrees):
    target = to_patches(torch.from_numpy(golden["ecg"]), patch=encoder_config.patch)
    loss = reconstruction_loss(reconstructed, target, num_leads=encoder_config.num_leads, ncc_weight=0.1)
    assert agrees(loss.total, golden["mae_loss"])


def test_the_contrastive_loss_is_the_published_one(golden, agrees):
    image, ecg = torch.from_numpy(golden["clip_image"]), torch.from_numpy(golden["clip_ecg"])
    assert agrees(clip_loss(image, ecg, temperature=0.1, image_weight=0.75), golden["clip_loss"])


def test_the_learning_rate_follows_the_published_schedule(golden, agrees):
    schedule = ScheduleConfig(base_lr=3.2e-4, epochs=400.0, warmup_epochs=40.0)
    rates = np.array([learning_rate(schedule, epoch) for epoch in golden["lr_epoch"].tolist()])
    assert agrees(rates, golden["lr"])


def test_every_weight_learns_and_decays_as_published(golden, encoder_config):
    task = Task("published", TaskKind.CLASSIFICATION, ("cad",), ("CAD",), ("",), "CAD")
    encoder = dataclasses.replace(encoder_config, learn_positions=True)
    augmentation = EcgAugmentationConfig(crop=encoder.num_samples)
    config = SupervisedConfig((task,), encoder=encoder, augmentation=augmentation, layer_decay=0.5)
    method = config.build(seed=0)
    group_of = {id(parameter): group for group in method.parameter_groups(0.1) for parameter in group.params}
    found = {
        name: (group_of[id(parameter)].lr_scale, group_of[id(parameter)].weight_decay)
        for name, parameter in method.named_parameters()
        if id(parameter) in group_of
    }
    entries = [entry.split("|") for entry in golden["layer_decay"].tolist()]
    assert found == {our_key(key): (float(scale), float(decay)) for key, scale, decay in entries}
