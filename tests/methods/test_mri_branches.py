import pytest
import torch

from cardiolens.batch import Batch
from cardiolens.errors import BadOption
from cardiolens.methods.mri_branches import CineConfig, DualPhaseConfig, SliceConfig, StackConfig, ViewEncoder
from cardiolens.nn.image_encoder import ImageEncoderConfig
from cardiolens.nn.volume_encoder import VolumeEncoderConfig

PICTURES = ImageEncoderConfig(channels=1, blocks=(1, 1, 1, 1), widths=(4, 4, 8, 8), bottleneck=False)
SMALL = VolumeEncoderConfig(blocks=(1, 1, 1, 1), widths=(4, 4, 8, 8), bottleneck=False)


@pytest.fixture
def batch():
    draw = torch.Generator().manual_seed(0)
    nothing = torch.zeros(2, 12, 10)
    volumes, cine = torch.rand(2, 2, 5, 32, 32, generator=draw), torch.rand(2, 4, 32, 32, generator=draw)
    return Batch(ecg=nothing, ecg_scale=torch.ones(2, 3), keys=torch.arange(2), cmr_volumes=volumes, cmr_cine=cine)


def test_each_branch_reads_its_part_of_the_mri(batch):
    middle = SliceConfig(image_encoder=ImageEncoderConfig(channels=1)).read(batch)
    assert torch.equal(middle[:, 0, 0], batch.cmr_volumes[:, 0, 2])
    assert torch.equal(StackConfig().read(batch)[:, 0], batch.cmr_volumes[:, 0])
    assert torch.equal(DualPhaseConfig().read(batch), batch.cmr_volumes)
    assert torch.equal(CineConfig().read(batch)[:, 0], batch.cmr_cine)


@pytest.mark.parametrize("branch", [CineConfig(8, SMALL), StackConfig(8, SMALL), DualPhaseConfig(8, SMALL)])
def test_every_slice_and_every_phase_reaches_the_embedding(batch, branch):
    encoder = ViewEncoder(branch).eval()
    for view in branch.read(batch).unbind(dim=1):
        for place in range(view.shape[1]):
            changed = view.clone()
            changed[:, place] = 1 - changed[:, place]
            with torch.no_grad():
                assert ((encoder(changed) - encoder(view)).abs().amax(dim=1) > 1e-3).all(), place


@pytest.mark.parametrize("branch", [SliceConfig(8, PICTURES), CineConfig(8, SMALL), StackConfig(8, SMALL)])
def test_a_view_ends_in_its_latent_vector(batch, branch):
    assert ViewEncoder(branch)(branch.read(batch)[:, 0]).shape == (2, 8)


def test_a_slice_has_one_channel():
    with pytest.raises(BadOption, match="one channel"):
        SliceConfig(image_encoder=ImageEncoderConfig(channels=3))
