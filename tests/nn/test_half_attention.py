import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from cardiolens.nn.half_attention import attend_in_halves


def _error(found, exact):
    return ((found.double() - exact).norm() / exact.norm()).item()


@pytest.mark.parametrize(("samples", "queries", "tokens"), [(1, 301, 301), (3, 7, 7), (5, 1, 300), (2, 400, 3)])
@pytest.mark.parametrize("spread", [1.0, 3.0])
def test_values_and_gradients_are_attentions_but_for_rounding(samples, queries, tokens, spread):
    torch.manual_seed(0)
    shapes = ((samples, 6, queries, 16), (samples, 6, tokens, 16), (samples, 6, tokens, 16))
    halves = [(spread**0.5 * torch.randn(shape)).bfloat16().requires_grad_() for shape in shapes]
    doubles = [tensor.detach().double().requires_grad_() for tensor in halves]
    mixed, exact = attend_in_halves(*halves), scaled_dot_product_attention(*doubles)
    gradient = torch.randn(exact.shape).bfloat16()
    mixed.backward(gradient)
    exact.backward(gradient.double())
    # One rounding to bf16 of such numbers is off by 0.0017.
    assert _error(mixed, exact) < 0.004
    for half, double in zip(halves, doubles, strict=True):
        assert _error(half.grad, double.grad) < 0.008


def test_a_batch_in_parts_is_a_batch_at_once(monkeypatch):
    query, key, value = (torch.randn(5, 2, 9, 4).bfloat16() for _ in range(3))
    whole = attend_in_halves(query, key, value)
    for name in ("_WEIGHTS_AT_ONCE", "_WEIGHTS_AT_ONCE_FOR_THREADS"):
        monkeypatch.setattr(f"cardiolens.nn.half_attention.{name}", 1)
    assert torch.equal(attend_in_halves(query, key, value), whole)
