import numpy as np
import pytest
import torch

from cardiolens.keyed_random import sample_keys
from cardiolens.nn.vit import SignalEncoder, SignalEncoderConfig

CONFIG = SignalEncoderConfig(num_leads=3, num_samples=40, patch=10, width=16, depth=2, heads=2)


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return SignalEncoder(CONFIG)


@pytest.fixture
def ecg():
    return torch.randn(4, 3, 40, generator=torch.Generator().manual_seed(1))


def test_the_output_has_one_token_per_patch_and_the_class_token(encoder, ecg):
    assert encoder(ecg).shape == (4, 13, 16)


def test_the_papers_encoder_has_the_published_number_of_weights():
    encoder = SignalEncoder(SignalEncoderConfig())
    trained = sum(p.numel() for p in encoder.parameters() if p.requires_grad)
    assert (round(trained / 1e6, 3), encoder.positions.numel()) == (5.363, 115_584)


def test_hidden_patches_do_not_reach_the_encoder(encoder, ecg):
    visible = torch.tensor([[5, 0]]).expand(4, -1)
    changed = ecg + 1
    changed[:, 1, 10:20] -= 1
    changed[:, 0, :10] -= 1
    torch.testing.assert_close(encoder(changed, visible=visible), encoder(ecg, visible=visible))
    changed[:, 0, 0] += 1
    assert not torch.allclose(encoder(changed, visible=visible), encoder(ecg, visible=visible))


def test_seeing_all_patches_in_another_order_reorders_the_tokens_alone(encoder, ecg):
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0)).expand(4, -1)
    some = encoder(ecg, visible=order)
    whole = encoder(ecg)
    torch.testing.assert_close(some[:, 1:], whole[:, 1:][:, order[0]])
    torch.testing.assert_close(some[:, 0], whole[:, 0])


def test_a_samples_tokens_do_not_depend_on_its_batch(ecg):
    torch.manual_seed(0)
    encoder = SignalEncoder(SignalEncoderConfig(3, 40, 10, 16, 2, 2, drop_path=0.5))
    keys = torch.from_numpy(sample_keys(seed=0, epoch=0, rows=np.arange(4)))
    together = encoder(ecg, keys=keys)
    alone = torch.cat([encoder(ecg[i : i + 1], keys=keys[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(together, alone)


def test_positions_are_trained_only_where_asked(ecg):
    fixed, learned = (SignalEncoder(SignalEncoderConfig(3, 40, 10, 16, 2, 2, learn_positions=learn)) for learn in (False, True))
    for encoder in (fixed, learned):
        encoder(ecg).sum().backward()
    assert fixed.positions.grad is None
    assert learned.positions.grad.abs().sum() > 0
    assert fixed.state_dict().keys() == learned.state_dict().keys()


@pytest.mark.parametrize(("shape", "found"), [((4, 3, 50), "3 of 50"), ((4, 2, 40), "2 of 40")])
def test_an_ecg_of_another_size_is_refused(encoder, shape, found):
    with pytest.raises(ValueError, match=f"expects 3 leads of 40 samples, not {found}"):
        encoder(torch.zeros(shape))


def test_patches_that_do_not_fill_the_window_are_refused():
    with pytest.raises(ValueError, match="45 samples cannot be cut into patches of 10"):
        SignalEncoderConfig(num_samples=45, patch=10)
