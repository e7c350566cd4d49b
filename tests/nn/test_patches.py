import torch

from cardiolens.nn.patches import from_patches, to_patches


def test_patches_are_numbered_lead_by_lead_then_in_time():
    ecg = torch.arange(2 * 3 * 8.0).reshape(2, 3, 8)
    patches = to_patches(ecg, patch=2)
    assert patches.shape == (2, 12, 2)
    torch.testing.assert_close(patches[1, 4 * 2 + 3], ecg[1, 2, 6:8])


def test_joining_patches_undoes_the_cut():
    ecg = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(from_patches(to_patches(ecg, patch=4), num_leads=3), ecg)
