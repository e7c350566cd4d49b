import pytest
import torch

from cardiolens.nn.masking import num_visible, random_visible


def test_the_share_of_visible_patches_is_cut_down_to_a_whole_number():
    assert num_visible(300, 0.8) == 59


def test_every_patch_is_either_visible_or_hidden():
    noise = torch.rand(3, 10, generator=torch.Generator().manual_seed(0))
    visible, hidden = random_visible(noise, 0.7)
    assert visible.shape == (3, 3)
    for sample in range(3):
        assert set(visible[sample].tolist()) == set((~hidden[sample]).nonzero()[:, 0].tolist())


def test_the_least_noise_stays_visible_in_its_order():
    visible, _ = random_visible(torch.tensor([[0.4, 0.1, 0.9, 0.2]]), 0.5)
    assert visible.tolist() == [[1, 3]]


@pytest.mark.parametrize("ratio", [1.0, 0.9, -0.5])
def test_a_ratio_that_leaves_nothing_or_more_than_all_is_refused(ratio):
    with pytest.raises(ValueError, match="expected a ratio"):
        random_visible(torch.rand(2, 4), ratio)
