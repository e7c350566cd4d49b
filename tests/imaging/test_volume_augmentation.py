from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from cardiolens.errors import BadOption
from cardiolens.imaging.volume_augmentation import VolumeAugmentationConfig, augment_volumes
from cardiolens.keyed_random import sample_keys

STILL = VolumeAugmentationConfig(flip=0.0)
STRONG = VolumeAugmentationConfig(
    probability=0.9, flip=0.5, rotation_degrees=30.0, crop_scale=(0.5, 1.0), brightness=0.5, contrast=0.5
)


def hearts(count: int, *, size: int = 16) -> torch.Tensor:
    return torch.rand(count, 2, 3, size, size, generator=torch.Generator().manual_seed(3))


def keys(count: int, *, epoch: int = 0) -> torch.Tensor:
    return torch.from_numpy(sample_keys(seed=1, epoch=epoch, rows=np.arange(count)))


def test_all_slices_and_both_phases_of_a_heart_are_changed_alike():
    alike = hearts(8)[:, :1, :1].expand(-1, 2, 3, -1, -1)
    changed = augment_volumes(alike, STRONG, keys=keys(8))
    assert_close(changed, changed[:, :1, :1].expand_as(changed), rtol=0, atol=0)
    assert ((changed - alike).abs().amax(dim=(1, 2, 3, 4)) > 0.1).sum() >= 6


def test_every_slice_stays_in_its_place():
    marked = torch.arange(6.0).reshape(1, 2, 3, 1, 1).expand(4, -1, -1, 16, 16) / 10
    assert_close(augment_volumes(marked, replace(STILL, flip=1.0), keys=keys(4)), marked, rtol=0, atol=1e-6)


def test_a_mirror_is_left_to_right_and_nothing_else():
    mri = hearts(6)
    assert_close(augment_volumes(mri, replace(STILL, flip=1.0), keys=keys(6)), mri.flip(4), rtol=0, atol=1e-5)
    assert_close(augment_volumes(mri, STILL, keys=keys(6)), mri, rtol=0, atol=1e-5)


@pytest.mark.parametrize("part", ["flip", "rotation_degrees", "crop_scale", "brightness", "contrast"])
def test_every_part_changes_hearts(part):
    mri = hearts(16)
    changed = augment_volumes(mri, replace(STILL, **{part: getattr(STRONG, part)}), keys=keys(16))
    assert ((changed - mri).abs().amax(dim=(1, 2, 3, 4)) > 0.02).sum() > 4


def test_a_crop_keeps_the_aspect_and_the_area_that_was_asked_for():
    count = 500
    ramp = torch.linspace(0, 1, 32)
    columns, rows = ramp.expand(32, 32), ramp[:, None].expand(32, 32)
    mri = torch.stack([columns, rows])[None, :, None].expand(count, -1, -1, -1, -1)
    changed = augment_volumes(mri, replace(STILL, crop_scale=(0.5, 0.8)), keys=keys(count))[:, :, 0]
    width = (changed[:, 0, 16, 24] - changed[:, 0, 16, 8]) / (ramp[24] - ramp[8])
    height = (changed[:, 1, 24, 16] - changed[:, 1, 8, 16]) / (ramp[24] - ramp[8])
    assert_close(width, height, rtol=0, atol=0.02)
    area = width * height
    assert area.min() > 0.49
    assert area.max() < 0.81
    assert area.std() > 0.05


def test_contrast_is_about_the_mean_of_the_whole_heart():
    mri = hearts(4) / 2 + 0.25
    changed = augment_volumes(mri, replace(STILL, contrast=0.3), keys=keys(4))
    assert_close(changed.mean(dim=(1, 2, 3, 4)), mri.mean(dim=(1, 2, 3, 4)), rtol=0, atol=1e-3)
    spread = changed.mean(dim=(3, 4)).std(dim=(1, 2)) / mri.mean(dim=(3, 4)).std(dim=(1, 2))
    assert_close(spread, changed[:, 0, 0].std(dim=(1, 2)) / mri[:, 0, 0].std(dim=(1, 2)), rtol=0, atol=1e-2)


def test_a_view_follows_from_its_own_key_whatever_the_batch():
    mri, k = hearts(6), keys(6)
    together = augment_volumes(mri, STRONG, keys=k)
    assert_close(augment_volumes(mri[4:5], STRONG, keys=k[4:5]), together[4:5], rtol=0, atol=1e-6)
    assert torch.equal(together, augment_volumes(mri, STRONG, keys=k))
    assert not torch.equal(together, augment_volumes(mri, STRONG, keys=keys(6, epoch=1)))
    assert not torch.equal(together, augment_volumes(mri, STRONG, keys=k, view="b"))


def test_views_stay_in_range_and_the_stated_share_stays_as_it_is():
    mri = hearts(400, size=8)
    changed = augment_volumes(mri, replace(STRONG, probability=0.7), keys=keys(400))
    assert changed.shape == mri.shape
    assert changed.min() >= 0
    assert changed.max() <= 1
    left = (changed == mri).all(dim=4).all(dim=3).all(dim=2).all(dim=1).float().mean().item()
    assert left == pytest.approx(0.3, abs=0.08)


@pytest.mark.parametrize(
    "wrong", [{"probability": -0.1}, {"flip": 1.5}, {"rotation_degrees": 181.0}, {"crop_scale": (0.9, 0.6)}, {"contrast": 2.0}]
)
def test_a_setting_outside_its_range_is_refused_by_name(wrong):
    with pytest.raises(BadOption, match=next(iter(wrong))):
        VolumeAugmentationConfig(**wrong)
