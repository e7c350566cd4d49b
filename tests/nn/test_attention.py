import pytest
import torch
from einops import rearrange
from torch import nn

from cardiolens.nn.attention import QueryAttention, SelfAttention


def test_query_attention_is_pytorchs_multihead_attention():
    ours, theirs = QueryAttention(8, 2), nn.MultiheadAttention(8, 2, batch_first=True)
    nn.init.normal_(theirs.in_proj_bias)
    ours.load_state_dict(theirs.state_dict())
    queries, tokens = torch.randn(3, 2, 8), torch.randn(3, 5, 8)
    torch.testing.assert_close(ours(queries, tokens), theirs(queries, tokens, tokens, need_weights=False)[0])


def test_self_attention_is_a_softmax_over_scaled_products_of_each_head():
    attention = SelfAttention(8, 2)
    tokens = torch.randn(3, 5, 8)
    per_head = []
    for head in range(2):
        query, key, value = (part[..., 4 * head : 4 * head + 4] for part in attention.qkv(tokens).chunk(3, dim=-1))
        per_head.append(torch.softmax(query @ key.mT / 4**0.5, dim=-1) @ value)
    mixed = rearrange(torch.stack(per_head), "head batch token depth -> batch token (head depth)")
    torch.testing.assert_close(attention(tokens), attention.projection(mixed))


def test_attention_under_autocast_stays_near_float32():
    attention, tokens = SelfAttention(16, 2), torch.randn(2, 5, 16)
    with torch.autocast("cpu", torch.bfloat16):
        rough = attention(tokens)
    torch.testing.assert_close(rough.float(), attention(tokens), atol=0.03, rtol=0.03)


@pytest.mark.parametrize("build", [SelfAttention, QueryAttention])
def test_heads_that_do_not_divide_the_width_are_refused(build):
    with pytest.raises(ValueError, match="not 10 by 3"):
        build(10, 3)
