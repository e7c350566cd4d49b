import pytest
import torch

from cardiolens.errors import BadOption
from cardiolens.nn.heads import HeadConfig, Heads


def test_a_binary_score_is_yes_minus_no_and_a_value_is_the_output_itself():
    heads = Heads((HeadConfig("disease", 2, binary=True), HeadConfig("volume", 1, binary=False)), 4)
    features = torch.randn(3, 4)
    scores = heads(features)
    no_a, yes_a, no_b, yes_b = heads["disease"](features).T
    torch.testing.assert_close(scores["disease"], torch.stack([yes_a - no_a, yes_b - no_b], dim=1))
    torch.testing.assert_close(scores["volume"], heads["volume"](features))


def test_heads_are_stored_under_their_names():
    heads = Heads((HeadConfig("cad", 1, binary=True), HeadConfig("lv", 6, binary=False)), 4)
    shapes = {name: tuple(tensor.shape) for name, tensor in heads.state_dict().items()}
    assert shapes == {"cad.weight": (2, 4), "cad.bias": (2,), "lv.weight": (6, 4), "lv.bias": (6,)}


def test_fresh_heads_answer_almost_the_same_for_everyone():
    heads = Heads((HeadConfig("lv", 6, binary=False),), 384)
    assert heads(torch.randn(100, 384))["lv"].std() < 0.5


@pytest.mark.parametrize("names", [("cad", "cad"), ("a.b",), ("items",), ("",)])
def test_a_name_that_cannot_be_stored_is_refused(names):
    with pytest.raises(BadOption, match="rename the task or column"):
        Heads(tuple(HeadConfig(name, 1, binary=True) for name in names), 4)
