import numpy as np
import pytest
import torch

from cardiolens.batch import Batch
from cardiolens.errors import BadOption
from cardiolens.methods.mri_branches import CineConfig, DualPhaseConfig, SliceConfig, StackConfig, ViewEncoder
from cardiolens.nn.image_encoder import ImageEncoderConfig
from cardiolens.nn.volume_encoder import VolumeEncoderConfig

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


@pytest.mark.parametrize("place", range(5))
def test_every_slice_reaches_the_embedding(batch, place):
    encoder = ViewEncoder(StackConfig(8, SMALL)).eval()
    changed = batch.cmr_volumes[:, 0].clone()
    changed[:, place] = 1 - changed[:, place]
    with torch.no_grad():
        assert not np.allclose(encoder(batch.cmr_volumes[:, 0]), encoder(changed), atol=1e-6)


def test_a_slice_has_one_channel():
    with pytest.raises(BadOption, match="one channel"):
        SliceConfig(image_encoder=ImageEncoderConfig(channels=3))
