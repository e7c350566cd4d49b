import pytest
import torch

from cardiolens.errors import BadOption
from cardiolens.methods.segmentation import SegmentationConfig, dice, soft_dice_loss
from cardiolens.nn.unet import UNetConfig
from cardiolens.synthetic.scans.scan import ScanConfig
from cardiolens.synthetic.scans.source import ScanSource

TINY = SegmentationConfig(unet=UNetConfig(channels=(8, 16, 32), residual_units=1))
SCANS = ScanConfig(pixels=32, pixel_mm=4.0, num_slices=4)


@pytest.fixture(scope="module")
def scans():
    return next(ScanSource(SCANS, seed=3, num_scans=8, batch_scans=8).epoch(0, shuffle=False))


def test_it_learns_eight_scans(scans):
    method = TINY.build(seed=0).train()
    optimiser = torch.optim.AdamW(method.parameters(), lr=1e-2)
    losses = []
    for _ in range(30):
        output = method(scans)
        losses.append(float(output.loss.detach()))
        optimiser.zero_grad()
        output.loss.backward()
        optimiser.step()
    assert losses[-1] < 0.6 * losses[0]


def test_brightness_and_contrast_do_not_change_the_answer(scans):
    method = TINY.build(seed=0).eval()
    with torch.no_grad():
        first, second = method.unet(scans.cmr), method.unet(0.5 * scans.cmr + 0.2)
    torch.testing.assert_close(first, second, rtol=0.02, atol=0.02)


def test_without_neighbours_only_the_middle_slice_counts(scans):
    method = SegmentationConfig(unet=UNetConfig(channels=(8, 16), residual_units=0, neighbours=False)).build(seed=0).eval()
    changed = scans.cmr.clone()
    changed[:, [0, 2]] += 1.0
    with torch.no_grad():
        torch.testing.assert_close(method.unet(scans.cmr), method.unet(changed), rtol=0, atol=0)


def test_the_right_answer_has_no_dice_loss_and_a_disjoint_one_has_it_all():
    mask = torch.tensor([[[0, 1], [2, 3]]])
    right = torch.nn.functional.one_hot(mask, 4).permute(0, 3, 1, 2).float()
    # One is added to both counts, so that an absent structure has a loss.
    assert float(soft_dice_loss(right, mask)) == pytest.approx(0.0)
    assert float(soft_dice_loss(right.roll(1, dims=1), mask)) == pytest.approx(2 / 3)
    assert dice(mask, mask).tolist() == [1.0, 1.0, 1.0]
    assert dice(mask.roll(1, dims=2), mask).tolist() == [0.0, 0.0, 0.0]


def test_kernels_decay_and_norms_do_not():
    groups = TINY.build(seed=0).parameter_groups(0.1)
    assert {group.weight_decay for group in groups} == {0.0, 0.1}
    assert all(parameter.ndim > 1 for group in groups if group.weight_decay for parameter in group.params)


def test_a_dice_weight_beyond_one_is_refused():
    with pytest.raises(BadOption, match="dice_weight"):
        SegmentationConfig(dice_weight=1.5)
