import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from cardiolens.nn.linear import Linear, linear


@pytest.mark.parametrize(
    "shape",
    [(5,), (3, 5), (2, 3, 5), (1, 3, 5), (16, 3, 5), (1, 301, 5), (3, 40, 5), (0, 3, 5), (3, 0, 5), (3, 1, 5), (2, 3, 4, 5)],
)
def test_the_product_and_its_gradients_are_those_of_pytorch(shape):
    draw = torch.Generator().manual_seed(0)
    weight, bias, features = (torch.randn(size, generator=draw) for size in ((7, 5), (7,), shape))
    ours, theirs = [], []
    for product, results in ((linear, ours), (functional.linear, theirs)):
        leaves = [tensor.clone().requires_grad_() for tensor in (features, weight, bias)]
        output = product(*leaves)
        (output * torch.arange(7.0)).sum().backward()
        results += [output, *(leaf.grad for leaf in leaves)]
    # Sums over 301 tokens are rounded in another order.
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-4)


def test_strided_features_give_the_same_product():
    features = torch.randn(16, 5, 3, generator=torch.Generator().manual_seed(0))
    layer = Linear(5, 2)
    torch.testing.assert_close(layer(features.mT[:, 1:]), functional.linear(features.mT[:, 1:], layer.weight, layer.bias))


def test_the_output_lies_in_memory_as_attention_wants_it():
    assert Linear(8, 6)(torch.randn(16, 5, 8)).is_contiguous()


def test_double_precision_stays_double():
    layer = Linear(5, 2).double()
    assert layer(torch.zeros(16, 3, 5, dtype=torch.float64)).dtype == torch.float64


def test_under_autocast_the_product_is_bf16():
    with torch.autocast("cpu", torch.bfloat16):
        assert Linear(5, 2)(torch.zeros(16, 3, 5)).dtype == torch.bfloat16


def test_an_exported_layer_holds_the_matrix_product():
    exported = torch.export.export(torch.nn.Sequential(Linear(5, 2)), (torch.zeros(16, 3, 5),))
    assert "linear" in exported.graph_module.code
    assert "conv" not in exported.graph_module.code


def test_an_exported_layer_takes_any_batch(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    size = torch.export.Dim("size")
    exported = torch.export.export(torch.nn.Sequential(Linear(5, 2)), (torch.zeros(2, 3, 5),), dynamic_shapes=({0: size},))
    assert exported.module()(torch.zeros(40, 3, 5)).shape == (40, 3, 2)


@pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="this PyTorch does not multiply matrices with MKL")
def test_float32_tokens_take_the_convolution_and_single_vectors_do_not():
    class Recorded(TorchDispatchMode):
        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            names.append(operation.name())
            return operation(*args, **(kwargs or {}))

    taken = []
    for shape in ((16, 3, 5), (16, 5)):
        names: list[str] = []
        with Recorded():
            Linear(5, 2)(torch.zeros(shape))
        taken.append("aten::convolution" in names)
    assert taken == [True, False]


def test_one_sample_on_one_thread_is_as_exact_as_many(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    layer, features = Linear(24, 7), torch.randn(1, 301, 24, generator=torch.Generator().manual_seed(0), requires_grad=True)
    weight, bias = layer.weight, layer.bias
    found, expected = layer(features), torch.nn.functional.linear(features, weight, bias)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    for one, other in zip(
        *(torch.autograd.grad(of.square().sum(), (features, weight, bias)) for of in (found, expected)), strict=True
    ):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-5)
