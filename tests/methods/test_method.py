import pytest
import torch
from torch import nn

from cardiolens.errors import BadOption
from cardiolens.methods import METHODS
from cardiolens.methods.barlow_twins import BarlowTwinsConfig
from cardiolens.methods.byol import ByolConfig
from cardiolens.methods.clocs import ClocsConfig
from cardiolens.methods.contrastive import ContrastiveConfig
from cardiolens.methods.image_simclr import ImageSimclrConfig
from cardiolens.methods.joint_contrastive import JointContrastiveConfig
from cardiolens.methods.masked_autoencoder import MaskedAutoencoderConfig
from cardiolens.methods.method import grouped_by_decay, require_same_window
from cardiolens.methods.mri_contrastive import MriContrastiveConfig
from cardiolens.methods.segmentation import SegmentationConfig
from cardiolens.methods.simclr import SimclrConfig
from cardiolens.methods.supervised import SupervisedConfig
from cardiolens.methods.supervised_image import SupervisedImageConfig
from cardiolens.methods.temporal_contrastive import TemporalContrastiveConfig


def test_every_file_on_the_shelf_brings_one_method():
    assert {
        "barlow_twins": BarlowTwinsConfig,
        "byol": ByolConfig,
        "clocs": ClocsConfig,
        "contrastive": ContrastiveConfig,
        "image_simclr": ImageSimclrConfig,
        "joint_contrastive": JointContrastiveConfig,
        "masked_autoencoder": MaskedAutoencoderConfig,
        "mri_contrastive": MriContrastiveConfig,
        "segmentation": SegmentationConfig,
        "simclr": SimclrConfig,
        "supervised": SupervisedConfig,
        "supervised_image": SupervisedImageConfig,
        "temporal_contrastive": TemporalContrastiveConfig,
    } == METHODS


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
