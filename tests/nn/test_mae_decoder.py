import pytest
import torch

from cardiolens.nn.mae_decoder import MaeDecoder, MaeDecoderConfig
from cardiolens.nn.vit import SignalEncoderConfig

ENCODER = SignalEncoderConfig(num_leads=3, num_samples=40, patch=10, width=16, depth=1, heads=2)


@pytest.fixture
def decoder():
    torch.manual_seed(0)
    return MaeDecoder(MaeDecoderConfig(width=8, depth=1, heads=2), ENCODER)


def test_every_patch_is_predicted(decoder):
    assert decoder(torch.randn(2, 4, 16), torch.tensor([[0, 5, 7], [1, 2, 3]])).shape == (2, 12, 10)


def test_the_order_of_the_visible_patches_does_not_matter(decoder):
    latent, visible = torch.randn(2, 4, 16), torch.tensor([[0, 5, 7], [1, 2, 3]])
    order = [0, 3, 1, 2]
    shuffled = decoder(latent[:, order], visible[:, [2, 0, 1]])
    torch.testing.assert_close(shuffled, decoder(latent, visible))


def test_a_token_is_put_in_the_place_of_its_patch(decoder):
    for parameter in decoder.blocks.parameters():
        torch.nn.init.zeros_(parameter)
    latent = torch.randn(1, 2, 16)
    here, there = decoder(latent, torch.tensor([[5]])), decoder(latent, torch.tensor([[7]]))
    differ = (here - there).abs().amax(dim=(0, 2)) > 1e-6
    assert differ.nonzero()[:, 0].tolist() == [5, 7]


def test_the_papers_decoder_has_the_published_number_of_weights():
    decoder = MaeDecoder(MaeDecoderConfig(), SignalEncoderConfig())
    assert round(sum(p.numel() for p in decoder.parameters() if p.requires_grad) / 1e6, 3) == 1.705
