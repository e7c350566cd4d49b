import numpy as np
import pytest
import torch

from cardiolens.keyed_random import sample_keys
from cardiolens.nn.transformer import Block, draw_transformer_weights, rising_drop_path


@pytest.fixture
def keys():
    return torch.from_numpy(sample_keys(seed=0, epoch=0, rows=np.arange(400)))


def test_a_block_adds_attention_and_mlp_of_the_normed_tokens():
    block, tokens = Block(8, 2, mlp_ratio=2.0), torch.randn(2, 3, 8)
    middle = tokens + block.attention(block.norm1(tokens))
    torch.testing.assert_close(block(tokens), middle + block.mlp(block.norm2(middle)))


def test_drop_path_drops_whole_branches_of_a_sample_as_often_as_asked(keys):
    block = Block(8, 2, mlp_ratio=2.0, drop_path=0.25, stream="x")
    torch.nn.init.zeros_(block.mlp.contract.weight)
    torch.nn.init.zeros_(block.mlp.contract.bias)
    tokens = torch.randn(1, 3, 8).expand(400, -1, -1)
    added = block(tokens, keys=keys) - tokens
    dropped = (added == 0).all(dim=(1, 2))
    assert dropped.float().mean().item() == pytest.approx(0.25, abs=0.08)
    whole = block.attention(block.norm1(tokens)) / 0.75
    torch.testing.assert_close(added[~dropped], whole[~dropped])


def test_attention_and_mlp_of_different_blocks_are_dropped_independently(keys):
    first, second = (Block(8, 2, mlp_ratio=2.0, drop_path=0.5, stream=str(i)) for i in range(2))
    second.load_state_dict(first.state_dict())
    tokens = torch.randn(1, 3, 8).expand(400, -1, -1)
    assert len(first(tokens, keys=keys).unique(dim=0)) == 4
    assert not torch.equal(first(tokens, keys=keys), second(tokens, keys=keys))


def test_nothing_is_dropped_outside_training(keys):
    block = Block(8, 2, mlp_ratio=2.0, drop_path=0.5).eval()
    tokens = torch.randn(1, 3, 8).expand(400, -1, -1)
    assert len(block(tokens, keys=keys).unique(dim=0)) == 1


def test_drop_path_without_keys_is_refused():
    with pytest.raises(ValueError, match="needs the batch's keys"):
        Block(8, 2, mlp_ratio=2.0, drop_path=0.5)(torch.randn(2, 3, 8))


def test_drop_path_rises_evenly_over_the_blocks():
    assert rising_drop_path(0.1, 3) == pytest.approx([0, 0.05, 0.1])
    assert rising_drop_path(0.1, 1) == [0]


def test_fresh_weights_have_xavier_spread_and_no_bias():
    block = Block(64, 2, mlp_ratio=4.0)
    draw_transformer_weights(block)
    most = (6 / (64 + 256)) ** 0.5
    assert 0.95 * most < block.mlp.expand.weight.abs().max() <= most
    assert not block.mlp.expand.bias.any()
