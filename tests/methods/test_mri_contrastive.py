import math
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from cardiolens.imaging.volume_augmentation import VolumeAugmentationConfig
from cardiolens.methods.mri_branches import CineConfig, DualPhaseConfig, SliceConfig, StackConfig
from cardiolens.methods.mri_contrastive import MriContrastiveConfig, pairwise_clip_loss
from cardiolens.nn.image_encoder import ImageEncoderConfig
from cardiolens.nn.projector import ProjectorConfig
from cardiolens.nn.volume_encoder import VolumeEncoderConfig

VOLUMES = VolumeEncoderConfig(blocks=(1, 1, 1, 1), widths=(4, 4, 8, 8), bottleneck=False)
PICTURES = ImageEncoderConfig(channels=1, blocks=(1, 1, 1, 1), widths=(4, 4, 8, 8), bottleneck=False)
BRANCHES = {
    "slice": SliceConfig(16, PICTURES), "cine": CineConfig(16, VOLUMES), "stack": StackConfig(16, VOLUMES),
    "dual_phase": DualPhaseConfig(16, VOLUMES),
}  # fmt: skip


@pytest.fixture
def batch(make_batch):
    draw = torch.Generator().manual_seed(5)
    return replace(
        make_batch(6),
        cmr_volumes=torch.rand(6, 2, 5, 32, 32, generator=draw),
        cmr_cine=torch.rand(6, 4, 32, 32, generator=draw),
    )


@pytest.fixture
def method(encoder, none):
    def build(branch):
        config = MriContrastiveConfig(
            branch, encoder=encoder, projector=ProjectorConfig(hidden=16, width=8), augmentation=none,
            mri_augmentation=VolumeAugmentationConfig(probability=0.0),
        )  # fmt: skip
        return config.build(seed=0)

    return build


def test_the_triplet_loss_is_the_mean_of_three_symmetric_clip_losses():
    draw = torch.Generator().manual_seed(1)
    ecg, ed, es = (torch.randn(5, 7, generator=draw) for _ in range(3))

    def directed(anchors, others):
        total = 0.0
        for i in range(5):
            cosines = [float(torch.nn.functional.cosine_similarity(anchors[i], others[j], dim=0)) / 0.1 for j in range(5)]
            total += math.log(sum(math.exp(value) for value in cosines)) - cosines[i]
        return total / 5

    expected = sum((directed(a, b) + directed(b, a)) / 2 for a, b in ((ecg, ed), (ecg, es), (ed, es))) / 3
    assert pairwise_clip_loss([ecg, ed, es], temperature=0.1).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("branch", BRANCHES.values(), ids=BRANCHES)
def test_a_batch_can_be_learned_by_heart(branch, batch, method, losses_of_fitting):
    losses = losses_of_fitting(method(branch), batch, 25)
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize("branch", BRANCHES.values(), ids=BRANCHES)
def test_the_same_keys_give_the_same_loss_and_validation_draws_nothing(branch, batch, method):
    built = method(branch).eval()
    with torch.no_grad():
        assert_close(built(batch).loss, built(batch).loss, rtol=0, atol=0)


def test_the_method_says_what_it_reads():
    needs = {
        name: (c.needs_images, c.needs_volumes, c.needs_cine) for name, b in BRANCHES.items() for c in [MriContrastiveConfig(b)]
    }
    assert needs["cine"] == (False, False, True)
    assert needs["slice"] == needs["stack"] == needs["dual_phase"] == (False, True, False)
