import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close

from cardiolens.nn.attention import SelfAttention
from cardiolens.nn.members import attend_over_members, is_under_vmap, under_vmap


def test_attention_over_members_is_each_ones_own_attention_forward_and_backward():
    draw = torch.Generator().manual_seed(0)
    ours = [torch.randn(3, 2, 4, 5, 6, generator=draw, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    theirs = [tensor.detach().clone().requires_grad_() for tensor in ours]
    together = torch.vmap(attend_over_members)(*ours)
    alone = torch.stack([scaled_dot_product_attention(*(tensor[member] for tensor in theirs)) for member in range(3)])
    assert_close(together, alone)
    (together**2).sum().backward()
    (alone**2).sum().backward()
    for one, other in zip(ours, theirs, strict=True):
        assert_close(one.grad, other.grad)


def test_whoever_uses_vmap_says_so_and_takes_it_back():
    seen = []

    def failing():
        with under_vmap():
            seen.append(is_under_vmap())
            raise RuntimeError("the end")

    with pytest.raises(RuntimeError, match="the end"):
        failing()
    assert seen == [True]
    assert not is_under_vmap()


def test_outside_of_vmap_nothing_changes():
    layer, tokens = SelfAttention(8, 2), torch.randn(2, 3, 8)
    with under_vmap(), pytest.raises(AssertionError, match=r"outside of torch\.vmap"):
        layer(tokens)
    assert layer(tokens).shape == tokens.shape
