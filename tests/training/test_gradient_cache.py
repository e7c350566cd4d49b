"""Embedding a batch in parts against embedding it at once, in float64, where only mistakes make a difference."""

from dataclasses import fields, replace

import pytest
import torch
from every_method import METHODS, six_subjects
from torch import nn
from torch.testing import assert_close

from cardiolens.errors import BadOption
from cardiolens.methods.method import ComparingMethod
from cardiolens.training import gradient_cache
from cardiolens.training.config import Precision

COMPARING = [name for name, config in METHODS.items() if isinstance(config.build(seed=0), ComparingMethod)]


@pytest.fixture(autouse=True)
def _in_float64(monkeypatch):
    # Methods leave bf16 by `float()`, which here would lose half of the digits.
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    monkeypatch.setattr(torch, "lerp", lambda start, end, weight: start + weight * (end - start))


def _method(name):
    method = METHODS[name].build(seed=0).double().train()
    for module in method.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
    return method


def _six():
    six = six_subjects()
    tensors = {f.name: tensor for f in fields(six) if isinstance(tensor := getattr(six, f.name), torch.Tensor)}
    return replace(six, **{name: tensor.double() for name, tensor in tensors.items() if tensor.is_floating_point()})


def _gradients(method):
    return {name: parameter.grad for name, parameter in method.named_parameters() if parameter.grad is not None}


def test_the_methods_that_compare_embeddings_alone_are_known():
    assert {"contrastive", "simclr", "image simclr", "clocs", "slice", "cine", "stack", "dual phase"} <= set(COMPARING)


@pytest.mark.parametrize("parts", [2, 4, 6])
@pytest.mark.parametrize("name", COMPARING)
def test_a_batch_embedded_in_parts_has_the_loss_and_the_gradients_of_the_whole(name, parts):
    at_once, in_parts, batch = _method(name), _method(name), _six()
    output = at_once(batch)
    (output.loss * 0.5).backward()
    cached = gradient_cache.backward(in_parts, batch, parts=parts, weight=0.5, precision=Precision.FP32)
    assert_close(cached.loss, output.loss, rtol=1e-12, atol=1e-12)
    assert_close(cached.metrics, output.metrics)
    expected = _gradients(at_once)
    assert max(float(gradient.abs().max()) for gradient in expected.values()) > 1e-4
    assert_close(_gradients(in_parts), expected, rtol=1e-10, atol=1e-10)


def test_the_backward_pass_keeps_a_part_at_a_time():
    def most_kept(backward):
        kept, most = [0], [0]

        def pack(tensor):
            kept[0] += tensor.numel()
            most[0] = max(most[0], kept[0])
            return Kept(tensor, kept)

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda packed: packed.tensor):
            backward()
        return most[0]

    class Kept:
        def __init__(self, tensor, counter):
            self.tensor, self.counter = tensor, counter

        def __del__(self):
            self.counter[0] -= self.tensor.numel()

    at_once, in_parts, batch = _method("contrastive"), _method("contrastive"), _six()
    whole = most_kept(lambda: at_once(batch).loss.backward())
    part = most_kept(lambda: gradient_cache.backward(in_parts, batch, parts=6, weight=1.0, precision=Precision.FP32))
    assert part < 0.5 * whole


def test_batch_norm_takes_note_of_every_part_once():
    method = METHODS["contrastive"].build(seed=0).double().train()
    norm = method.image_encoder.resnet.bn1
    gradient_cache.backward(method, _six(), parts=3, weight=1.0, precision=Precision.FP32)
    assert norm.num_batches_tracked == 3
    assert norm.track_running_stats


@pytest.mark.parametrize("name", sorted(set(METHODS) - set(COMPARING)))
def test_a_method_that_looks_at_more_than_embeddings_is_refused(name):
    method = METHODS[name].build(seed=0)
    with pytest.raises(BadOption, match=r"training\.cached_parts: found 2 for .* use training\.accumulation"):
        gradient_cache.require_comparing(method, parts=2)
    gradient_cache.require_comparing(method, parts=1)
