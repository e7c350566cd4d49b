import pytest
import torch

from cardiolens.nn.image_encoder import ImageEncoder, ImageEncoderConfig

TINY = ImageEncoderConfig(blocks=(1, 1, 1, 1), widths=(4, 4, 8, 8), bottleneck=False)


@pytest.fixture
def cmr():
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def test_the_embedding_is_the_mean_of_the_last_feature_map(cmr):
    encoder = ImageEncoder(TINY).eval()
    torch.testing.assert_close(encoder(cmr), encoder.local(cmr).mean(dim=(2, 3)))
    torch.testing.assert_close(encoder(cmr), encoder.resnet(cmr))


def test_a_cell_of_the_feature_map_covers_32_pixels(cmr):
    assert ImageEncoder(TINY).local(cmr).shape == (2, 8, 2, 2)


@pytest.mark.parametrize(("bottleneck", "features"), [(False, 8), (True, 32)])
def test_the_configuration_knows_the_number_of_features(cmr, bottleneck, features):
    config = ImageEncoderConfig(blocks=(1, 1, 1, 1), widths=(4, 4, 8, 8), bottleneck=bottleneck)
    assert ImageEncoder(config)(cmr).shape == (2, features)
    assert config.features == features


def test_other_than_four_stages_are_refused():
    with pytest.raises(ValueError, match="four stages, not 3 and 4"):
        ImageEncoderConfig(blocks=(1, 1, 1))
