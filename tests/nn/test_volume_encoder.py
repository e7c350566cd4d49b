import pytest
import torch
from torch.testing import assert_close

from cardiolens.nn.volume_encoder import VolumeEncoder, VolumeEncoderConfig

TINY = VolumeEncoderConfig(blocks=(1, 1, 1, 1), widths=(4, 4, 8, 8), bottleneck=False)


def volumes(depth: int, size: int = 32) -> torch.Tensor:
    return torch.rand(2, depth, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("bottleneck", [False, True])
@pytest.mark.parametrize("depth", [1, 12])
def test_slices_stay_as_many_while_rows_and_columns_shrink_32_fold(bottleneck, depth):
    config = VolumeEncoderConfig(blocks=(1, 1, 1, 1), widths=(4, 4, 8, 8), bottleneck=bottleneck)
    encoder = VolumeEncoder(config).eval()
    assert encoder.local(volumes(depth, 64)).shape == (2, config.features, depth, 2, 2)
    assert config.features == (32 if bottleneck else 8)


def test_the_embedding_is_the_mean_of_the_last_feature_map():
    encoder, mri = VolumeEncoder(TINY).eval(), volumes(5)
    assert_close(encoder(mri), encoder.local(mri).mean(dim=(2, 3, 4)))
    assert_close(encoder(mri), encoder.resnet(mri[:, None]))


@pytest.mark.parametrize("place", range(6))
def test_every_picture_of_a_stack_reaches_the_embedding(place):
    encoder, mri = VolumeEncoder(TINY).eval(), volumes(6)
    changed = mri.clone()
    changed[:, place] = 1 - changed[:, place]
    with torch.no_grad():
        assert ((encoder(changed) - encoder(mri)).abs().amax(dim=1) > 1e-3).all()


def test_the_order_of_the_pictures_matters():
    encoder, mri = VolumeEncoder(TINY).eval(), volumes(6)
    with torch.no_grad():
        assert not torch.allclose(encoder(mri.flip(1)), encoder(mri), atol=1e-3)


def test_the_defaults_make_a_resnet_50():
    assert (VolumeEncoderConfig().features, sum(VolumeEncoderConfig().blocks)) == (2048, 16)


def test_other_than_four_stages_are_refused():
    with pytest.raises(ValueError, match="four stages, not 3 and 4"):
        VolumeEncoderConfig(blocks=(1, 1, 1))
