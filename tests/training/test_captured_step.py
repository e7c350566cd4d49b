"""Recorded steps against steps that are computed anew. Without a GPU a recording is played by computing."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from every_method import METHODS, ROWS, six_subjects
from torch.testing import assert_close

from cardiolens.batch import StepOutput
from cardiolens.errors import BadOption
from cardiolens.keyed_random import sample_keys
from cardiolens.training.captured_step import CapturedStep
from cardiolens.training.config import Precision, TrainingConfig
from cardiolens.training.ensemble import Ensemble
from cardiolens.training.step_forward import StepForward, is_recorded, kind_of_step
from cardiolens.training.validation import autocast

CPU = torch.device("cpu")


def play_by_computing(compute):
    """What a GPU does, without one: new numbers appear where the first ones lie."""
    results = [result.clone() for result in compute()]

    def replay():
        for result, new in zip(results, compute(), strict=True):
            result.copy_(new)

    return results, replay


def _batches(*, device="cpu", epochs=3):
    return [
        replace(six_subjects(), keys=torch.from_numpy(sample_keys(seed=1, epoch=epoch, rows=np.arange(ROWS)))).to(
            torch.device(device)
        )
        for epoch in range(epochs)
    ]


def _trained(methods, forward, shown, *, weight=1.0, precision=Precision.FP32, parts=1):
    """Losses and metrics of some steps of plain descent."""
    said = []
    device = shown[0].ecg.device
    for batch in shown:
        for _ in range(parts):
            with autocast(device, precision):
                outputs = forward([batch] * len(methods))
            sum(output.loss * weight for output in outputs).backward()
        said.append([{"loss": output.loss.detach()} | output.metrics for output in outputs])
        with torch.no_grad():
            for method in methods:
                for parameter in method.parameters():
                    if parameter.grad is not None:
                        parameter -= 0.01 * parameter.grad
                method.zero_grad()
                method.after_step(0.5)
    return said


def _both(name, *, record, device="cpu", members=1, **how):
    """The same training computed anew each time, and recorded."""
    found = []
    for recorded in (False, True):
        methods = [METHODS[name].build(seed=seed).to(device).train() for seed in range(members)]
        plain = (
            (lambda batches, m=methods: [m[0](batches[0])])
            if members == 1
            else (lambda batches, m=methods: Ensemble(m)(batches))
        )
        forward = CapturedStep(methods, plain, record=record) if recorded else plain
        said = _trained(methods, forward, _batches(device=device), **how)
        found.append((said, [method.state_dict() for method in methods]))
    return found


def _assert_same(one, other, **within):
    for of_one, of_other in zip(one, other, strict=True):
        assert_close(of_one, of_other, **within)


@pytest.mark.parametrize("name", ["masked", "contrastive", "supervised", "byol"])
def test_a_recorded_step_has_the_same_losses_gradients_and_statistics(name):
    (said, weights), (said_recorded, weights_recorded) = _both(name, record=play_by_computing)
    _assert_same(said, said_recorded, rtol=0, atol=0)
    _assert_same(weights, weights_recorded, rtol=0, atol=0)


def test_gradients_of_parts_add_up_and_a_loss_can_be_weighed():
    both = _both("contrastive", record=play_by_computing, weight=0.5, parts=2)
    _assert_same(both[0][1], both[1][1], rtol=1e-6, atol=1e-7)


def test_several_are_recorded_as_one():
    (said, weights), (said_recorded, weights_recorded) = _both("supervised", record=play_by_computing, members=3)
    _assert_same(said, said_recorded, rtol=0, atol=0)
    _assert_same(weights, weights_recorded, rtol=0, atol=0)


def test_a_batch_of_another_size_is_computed_anew():
    method, calls = METHODS["supervised"].build(seed=0).train(), []

    def plain(batches):
        calls.append(len(batches[0]))
        return [method(batches[0])]

    recorded = CapturedStep([method], plain, full_rows=ROWS, record=play_by_computing)
    (batch,) = _batches(epochs=1)
    smaller = batch.rows(slice(0, 4))
    assert recorded([smaller])[0].loss.item() == method(smaller).loss.item()
    assert recorded([batch])[0].scores is None
    assert calls == [4, ROWS, ROWS]


def test_what_outlasts_a_step_is_not_overwritten_by_the_next():
    method = METHODS["contrastive"].build(seed=0).train()
    recorded = CapturedStep([method], lambda batches: [method(batches[0])], record=play_by_computing)
    first, second = _batches(epochs=2)
    kept: StepOutput = recorded([first])[0]
    before = {name: value.clone() for name, value in kept.metrics.items()} | {"loss": kept.loss.detach().clone()}
    recorded([second])
    assert_close(kept.metrics | {"loss": kept.loss.detach()}, before, rtol=0, atol=0)


def test_what_cannot_be_recorded_is_refused_in_one_line():
    method = METHODS["supervised"].build(seed=0)

    def cannot(compute):
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    recorded = CapturedStep([method], lambda batches: [method(batches[0])], record=cannot)
    with pytest.raises(
        BadOption, match=r"training\.cuda_graphs: found \w+, which cannot be recorded: operation not .*capturing"
    ):
        recorded(_batches(epochs=1))


def test_the_forward_pass_follows_who_takes_part():
    methods = [METHODS["supervised"].build(seed=seed).eval() for seed in range(2)]
    forward = StepForward(TrainingConfig(1, ROWS, 1e-3), CPU, full_rows=ROWS)
    (batch,) = _batches(epochs=1)
    both = forward(methods, [batch, batch])
    for index in (0, 1):
        (alone,) = forward([methods[index]], [batch])
        assert_close(alone.loss, both[index].loss)


def test_where_steps_are_recorded():
    config, gpu = TrainingConfig(1, 4, 1e-3), torch.device("cuda")
    assert is_recorded(config, gpu)
    assert not is_recorded(config, CPU)
    assert not is_recorded(replace(config, cached_parts=2), gpu)
    assert not is_recorded(replace(config, cuda_graphs=False), gpu)
    assert kind_of_step(config, gpu) == "eager, replayed"
    assert kind_of_step(replace(config, cuda_graphs=False), gpu) == kind_of_step(config, CPU) == "eager"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", list(Precision))
@pytest.mark.parametrize("name", METHODS)
def test_a_gpu_records_every_method(name, precision, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    (said, weights), (said_recorded, weights_recorded) = _both(name, record=None, device="cuda", precision=precision)
    # How many of six pairs are right turns on the last digit; and in bf16 three steps make much of it.
    (first,), (first_recorded,) = ([_continuous(one) for one in of[0]] for of in (said, said_recorded))
    assert_close(first, first_recorded, rtol=1e-3, atol=1e-3)
    if precision is Precision.FP32:
        _assert_same(weights, weights_recorded, rtol=1e-3, atol=1e-3)


def _continuous(said):
    return {name: value for name, value in said.items() if not name.endswith("top1")}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_records_several_as_one():
    both = _both("supervised", record=None, device="cuda", members=3)
    _assert_same(both[0][0], both[1][0], rtol=1e-4, atol=1e-4)
    _assert_same(both[0][1], both[1][1], rtol=1e-4, atol=1e-4)
