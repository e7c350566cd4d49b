import pytest
import torch
from torch import nn

from cardiolens.nn.pooling import AttentionPoolConfig, MeanPoolConfig

POOLINGS = [MeanPoolConfig(), AttentionPoolConfig(heads=2)]


@pytest.fixture
def tokens():
    return torch.randn(3, 6, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("config", POOLINGS, ids=["mean", "attention"])
def test_the_class_token_takes_no_part(config, tokens):
    pool = config.build(8)
    changed = tokens.clone()
    changed[:, 0] += 1
    torch.testing.assert_close(pool(changed), pool(tokens))


@pytest.mark.parametrize("config", POOLINGS, ids=["mean", "attention"])
def test_the_order_of_patches_does_not_matter(config, tokens):
    pool = config.build(8)
    torch.testing.assert_close(pool(tokens[:, [0, 3, 1, 2, 5, 4]]), pool(tokens))


def test_the_mean_is_normed_once(tokens):
    pool = MeanPoolConfig().build(8)
    nn.init.normal_(pool.norm.weight)
    torch.testing.assert_close(pool(tokens), pool.norm(tokens[:, 1:].mean(dim=1)))


def test_attention_asks_with_the_mean_and_is_normed_twice(tokens):
    pool = AttentionPoolConfig(heads=2).build(8)
    nn.init.normal_(pool.norm.weight)
    mixed = pool.attention(tokens[:, 1:].mean(dim=1, keepdim=True), tokens[:, 1:])[:, 0]
    torch.testing.assert_close(pool(tokens), pool.norm(pool.norm(mixed)))
