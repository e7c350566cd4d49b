from dataclasses import replace

import pytest
import torch
from every_method import METHODS as EVERY
from every_method import six_subjects
from torch import nn

from cardiolens.errors import BadOption
from cardiolens.methods import METHODS
from cardiolens.methods.masked_autoencoder import MaskedAutoencoderConfig
from cardiolens.methods.method import grouped_by_decay, require_same_window

LEAST = {"byol": -4.0}
"""The smallest loss that a method can have, where it is not zero."""


def test_every_file_on_the_shelf_is_one_method_and_is_tried():
    tried = {type(config) for config in EVERY.values()}
    assert set(METHODS.values()) == tried, "a line in tests/methods/every_method.py has it overfitted and shared by processes"
    assert all(config.__module__ == f"cardiolens.methods.{name}" for name, config in METHODS.items())
    assert METHODS["masked_autoencoder"] is MaskedAutoencoderConfig


@pytest.mark.parametrize("name", EVERY)
def test_a_batch_can_be_learned_by_heart(name, losses_of_fitting):
    batch = six_subjects()
    even = replace(batch, ecg=batch.ecg / batch.ecg.std(dim=(1, 2), keepdim=True))
    losses = losses_of_fitting(EVERY[name].build(seed=0), even, 40)
    assert losses[-1] - LEAST.get(name, 0.0) < 0.6 * (losses[0] - LEAST.get(name, 0.0))


def test_fresh_weights_follow_from_the_seed_and_leave_the_global_generator_alone(encoder, none):
    config = MaskedAutoencoderConfig(encoder=encoder, augmentation=none)
    state = torch.get_rng_state()
    first, again, other = (config.build(seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["ecg_encoder.patch_embedding.weight"], other["ecg_encoder.patch_embedding.weight"])


def test_matrices_decay_and_vectors_named_ones_and_frozen_ones_do_not():
    module = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4), nn.Linear(4, 5))
    module[1].requires_grad_(False)
    decayed, free = grouped_by_decay(
        module.named_parameters(), weight_decay=0.2, lr_scale=0.5, name="all", never=frozenset({"2.weight"})
    )
    assert [tuple(p.shape) for p in decayed.params] == [(3, 2)]
    assert [tuple(p.shape) for p in free.params] == [(3,), (5, 4), (5,)]
    assert (decayed.name, decayed.weight_decay, decayed.lr_scale) == ("all/decay", 0.2, 0.5)
    assert (free.name, free.weight_decay, free.lr_scale) == ("all/no_decay", 0.0, 0.5)


def test_an_encoder_that_reads_another_length_than_the_crop_is_refused(encoder, none):
    require_same_window(encoder, none)
    with pytest.raises(BadOption, match="found 2500 samples; expected the 40 samples"):
        MaskedAutoencoderConfig(encoder=encoder)
