import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from cardiolens.errors import BadOption
from cardiolens.imaging.augmentation import ImageAugmentationConfig, augment_image, jitter_colour, resize_image, warp
from cardiolens.keyed_random import sample_keys

SMALL = ImageAugmentationConfig(size=24)
WHOLE = (0.0, 0.0, 1.0, 1.0)


def pictures(count: int, *, height: int = 24, width: int = 24) -> torch.Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(3))


def keys(count: int, *, epoch: int = 0) -> torch.Tensor:
    return torch.from_numpy(sample_keys(seed=1, epoch=epoch, rows=np.arange(count)))


def warped(cmr: torch.Tensor, size: int, *, flipped: bool = False, degrees: float = 0.0, crop=WHOLE) -> torch.Tensor:
    count = len(cmr)
    radians = torch.full((count,), math.radians(degrees))
    return warp(cmr, size, flipped=torch.full((count,), flipped), radians=radians, crop=torch.tensor([crop] * count))


def test_without_change_the_warp_gives_the_picture_back():
    cmr = pictures(2)
    assert_close(warped(cmr, 24), cmr, rtol=0, atol=1e-5)


def test_a_flip_mirrors_every_pixel_left_to_right():
    cmr = pictures(2)
    assert_close(warped(cmr, 24, flipped=True), cmr.flip(3), rtol=0, atol=1e-5)


def test_a_quarter_turn_goes_counter_clockwise():
    cmr = pictures(2)
    assert_close(warped(cmr, 24, degrees=90), cmr.rot90(1, (2, 3)), rtol=0, atol=1e-5)


def test_the_flip_comes_before_the_rotation():
    cmr = pictures(1)
    assert_close(warped(cmr, 24, flipped=True, degrees=90), cmr.flip(3).rot90(1, (2, 3)), rtol=0, atol=1e-5)


def test_a_crop_shows_its_part_and_comes_after_the_rotation():
    cmr = pictures(1)
    shown = warped(cmr, 21, degrees=90, crop=(3 / 24, 1 / 24, 21 / 24, 21 / 24))
    assert_close(shown, cmr.rot90(1, (2, 3))[:, :, 1:22, 3:24], rtol=0, atol=1e-5)


def test_a_rotation_does_not_stretch_a_picture_that_is_not_square():
    cmr = torch.zeros(1, 1, 20, 40)
    cmr[0, 0, 9:11, 5:35] = 1.0
    turned = warp(
        cmr,
        40,
        flipped=torch.tensor([False]),
        radians=torch.tensor([math.pi / 2]),
        crop=torch.tensor([[0.25, 0.0, 0.5, 1.0]]),
    )
    # The bar is longer than the picture is high, so it fills the view from top to bottom, two of twenty pixels wide.
    assert_close(turned[0, 0, 20].sum(), torch.tensor(4.0), rtol=0, atol=0.1)
    assert turned[0, 0, 2:-2, 19:21].min() > 0.9


def test_what_lies_outside_the_picture_is_black():
    assert warped(torch.ones(1, 3, 24, 24), 24, degrees=45)[0, :, 0, 0].eq(0).all()


def test_every_part_of_the_chain_changes_pictures():
    cmr, k = pictures(16), keys(16)
    still = replace(
        SMALL,
        probability=1.0,
        flip=0.0,
        rotation_degrees=0.0,
        brightness=0.0,
        contrast=0.0,
        saturation=0.0,
        crop_scale=(1.0, 1.0),
        crop_ratio=(1.0, 1.0),
    )
    assert_close(augment_image(cmr, still, keys=k), cmr, rtol=0, atol=1e-5)
    for part in ("flip", "rotation_degrees", "brightness", "contrast", "saturation", "crop_scale"):
        changed = augment_image(cmr, replace(still, **{part: getattr(SMALL, part)}), keys=k)
        assert ((changed - cmr).abs().amax(dim=(1, 2, 3)) > 0.02).sum() > 4, part


def test_a_view_follows_from_its_own_key_whatever_the_batch():
    cmr, k = pictures(6), keys(6)
    together = augment_image(cmr, SMALL, keys=k)
    assert_close(augment_image(cmr[4:5], SMALL, keys=k[4:5]), together[4:5], rtol=0, atol=1e-6)
    assert_close(augment_image(cmr.flip(0), SMALL, keys=k.flip(0)), together.flip(0), rtol=0, atol=1e-6)


def test_the_same_keys_give_the_same_bits_and_another_view_gives_others():
    cmr, k = pictures(4), keys(4)
    one = augment_image(cmr, SMALL, keys=k, view="a")
    assert torch.equal(one, augment_image(cmr, SMALL, keys=k, view="a"))
    assert not torch.equal(one, augment_image(cmr, SMALL, keys=k, view="b"))
    assert not torch.equal(one, augment_image(cmr, SMALL, keys=keys(4, epoch=1), view="a"))


def test_views_stay_in_range_and_in_size():
    views = augment_image(pictures(64, height=30, width=36), replace(SMALL, size=16), keys=keys(64))
    assert views.shape == (64, 3, 16, 16)
    assert views.min() >= 0
    assert views.max() <= 1


def test_the_stated_share_of_pictures_is_only_resized():
    cmr = torch.ones(1, 3, 24, 24).expand(4000, -1, -1, -1) * 0.5
    views = augment_image(cmr, SMALL, keys=keys(4000))
    left = (views == 0.5).all(dim=(1, 2, 3)).float().mean().item()
    assert left == pytest.approx(0.05, abs=0.015)


def test_crops_have_the_area_and_ratio_that_were_asked_for():
    count = 4000
    columns = torch.linspace(-1, 1, 24).expand(count, 1, 24, 24)
    cmr = torch.cat([columns, columns.transpose(2, 3), torch.zeros(count, 1, 24, 24)], dim=1) / 2 + 0.5
    still = replace(SMALL, probability=1.0, flip=0.0, rotation_degrees=0.0, brightness=0.0, contrast=0.0, saturation=0.0)
    views = augment_image(cmr, still, keys=keys(count))
    inner = views[:, :, 8, 16] - views[:, :, 16, 8]
    reference = cmr[0, :, 8, 16] - cmr[0, :, 16, 8]
    width, height = inner[:, 0] / reference[0], inner[:, 1] / reference[1]
    area, ratio = (width * height).numpy(), (width / height).numpy()
    assert area.min() > 0.599
    assert area.max() < 1.001
    assert ratio.min() > 0.749
    assert ratio.max() < 1.334
    assert np.log(ratio).mean() == pytest.approx(0, abs=0.02)
    assert (width.max() - 1).abs() < 0.01


def test_colour_jitter_agrees_with_the_definition_of_torchvision():
    cmr = pictures(3)
    brightness, contrast, saturation = (
        torch.tensor([0.5, 1.4, 1.0]),
        torch.tensor([1.5, 0.6, 1.0]),
        torch.tensor([0.8, 1.25, 1.0]),
    )
    expected = []
    for picture, b, c, s in zip(
        cmr.double().numpy(), *(f.double().numpy() for f in (brightness, contrast, saturation)), strict=True
    ):
        x = np.clip(picture * b, 0, 1)
        x = np.clip(c * x + (1 - c) * np.tensordot([0.2989, 0.587, 0.114], x, 1).mean(), 0, 1)
        expected.append(np.clip(s * x + (1 - s) * np.tensordot([0.2989, 0.587, 0.114], x, 1), 0, 1))
    found = jitter_colour(cmr, brightness=brightness, contrast=contrast, saturation=saturation)
    assert_close(found.double(), torch.tensor(np.stack(expected)), rtol=0, atol=1e-6)
    assert_close(found[2], cmr[2], rtol=0, atol=1e-6)


def test_resizing_keeps_the_whole_picture_and_its_mean():
    cmr = pictures(2, height=60, width=60)
    assert resize_image(cmr, 60) is cmr
    small = resize_image(cmr, 20)
    assert_close(small, torch.nn.functional.avg_pool2d(cmr, 3), rtol=0, atol=1e-6)
    assert resize_image(cmr, 24).shape == (2, 3, 24, 24)


def test_a_training_view_is_as_smooth_as_a_validation_view_of_the_same_size():
    checkers = torch.zeros(1, 3, 48, 48)
    checkers[:, :, ::2, ::2] = checkers[:, :, 1::2, 1::2] = 1.0
    assert warped(checkers, 24, crop=(0.1, 0.1, 0.7, 0.7)).std() < 0.01


@pytest.mark.parametrize("wrong", [{"flip": 1.5}, {"crop_scale": (0.9, 0.6)}, {"brightness": -0.1}, {"size": 0}])
def test_a_setting_outside_its_range_is_refused_by_name(wrong):
    with pytest.raises(BadOption, match=next(iter(wrong))):
        ImageAugmentationConfig(**wrong)
