import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cosine_similarity

from cardiolens.errors import BadOption
from cardiolens.keyed_random import sample_keys
from cardiolens.methods.byol import (
    BatchNormMlp,
    BatchNormMlpConfig,
    ByolConfig,
    byol_loss,
    effective_rank,
    target_momentum,
)
from cardiolens.signals.contrastive_views import ContrastiveViewsConfig

COPIED = ("ecg_encoder", "ecg_pool", "ecg_projector")


@pytest.fixture
def config(encoder, strong):
    return ByolConfig(
        encoder=dataclasses.replace(encoder, learn_positions=True),
        projector=BatchNormMlpConfig(hidden=32, width=16),
        predictor_hidden=32,
        momentum=0.9,
        views=ContrastiveViewsConfig(strong, spectral_window=16),
    )


@pytest.fixture
def method(config):
    return config.build(seed=0)


def _vectors(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def _target_answer(method, ecg):
    target = method.target
    with torch.no_grad():
        return target["ecg_projector"](target["ecg_pool"](target["ecg_encoder"](ecg)))


def test_the_loss_is_minus_twice_the_mean_cosine():
    predicted, target = _vectors(5, 4), 3 * _vectors(2, 5, 4)[1] + 1
    cosines = [float(p @ t / (p.norm() * t.norm())) for p, t in zip(predicted, target, strict=True)]
    assert byol_loss(predicted, target).item() == pytest.approx(-2 * np.mean(cosines), rel=1e-12)


def test_each_view_is_predicted_from_the_other(method, make_batch, monkeypatch):
    batch, method = make_batch(6), method.eval()
    seen, encode = [], method.ecg_encoder.forward
    monkeypatch.setattr(method.ecg_encoder, "forward", lambda ecg, keys: seen.append(ecg) or encode(ecg, keys=keys))
    loss = method(batch).loss
    predicted = [method.predictor(method.ecg_projector(method.ecg_pool(encode(view)))) for view in seen]
    wanted = [_target_answer(method, view) for view in seen]
    expected = -2 * cosine_similarity(predicted[0], wanted[1]) - 2 * cosine_similarity(predicted[1], wanted[0])
    torch.testing.assert_close(loss, expected.mean())


def test_the_papers_settings_are_the_defaults():
    config = ByolConfig()
    assert (config.momentum, config.projector.hidden, config.projector.width, config.predictor_hidden) == (
        0.9996,
        4096,
        256,
        4096,
    )
    assert config.projector.hidden_layers == 1
    assert config.views == ContrastiveViewsConfig()


def test_an_mlp_is_linear_without_bias_then_norm_then_linear_with_bias():
    mlp = BatchNormMlp(BatchNormMlpConfig(hidden=6, width=2, hidden_layers=2), 3)
    assert [tuple(p.shape) for p in mlp.parameters()] == [(6, 3), (6,), (6,), (6, 6), (6,), (6,), (2, 6), (2,)]
    features = _vectors(5, 3).float()
    first = features @ mlp.hidden[0][0].weight.T
    first = torch.relu((first - first.mean(dim=0)) / (first.var(dim=0, unbiased=False) + 1e-5).sqrt())
    torch.testing.assert_close(mlp.hidden[0](features), first)


def test_the_target_is_a_copy_with_no_tensor_and_no_module_of_the_online_network(method):
    for name in COPIED:
        online, target = getattr(method, name), method.target[name]
        mine = {tensor.data_ptr() for tensor in online.state_dict().values()}
        for key, tensor in target.state_dict().items():
            assert torch.equal(tensor, online.state_dict()[key])
            assert tensor.data_ptr() not in mine
        assert not {id(module) for module in online.modules()} & {id(module) for module in target.modules()}


@pytest.mark.parametrize("drop_path", [0.0, 0.1])
def test_what_the_target_answers_follows_from_its_own_weights_alone(config, drop_path, make_batch):
    config = dataclasses.replace(config, encoder=dataclasses.replace(config.encoder, drop_path=drop_path))
    method, ecg = config.build(seed=0).eval(), make_batch(4).ecg[:, :, :40]
    answer = _target_answer(method, ecg)
    with torch.no_grad():
        for name in COPIED:
            for parameter in getattr(method, name).parameters():
                parameter.add_(torch.randn_like(parameter))
    assert torch.equal(_target_answer(method, ecg), answer)
    for block in range(config.encoder.depth):
        with torch.no_grad():
            method.target["ecg_encoder"].blocks[block].attention.qkv.weight.neg_()
        assert not torch.allclose(_target_answer(method, ecg), answer)
        answer = _target_answer(method, ecg)


def test_after_a_step_every_weight_of_the_target_has_moved_by_its_share(method):
    before = {name: tensor.clone() for name, tensor in method.target.named_parameters()}
    with torch.no_grad():
        for name in COPIED:
            for parameter in getattr(method, name).parameters():
                parameter.add_(1)
    method.after_step(0.5)
    assert target_momentum(0.9, 0.5) == pytest.approx(0.95)
    for name, parameter in method.target.named_parameters():
        torch.testing.assert_close(parameter, before[name] + 0.05)


def test_the_momentum_rises_along_a_cosine_to_one():
    assert target_momentum(0.9996, 0.0) == pytest.approx(0.9996, rel=1e-12)
    assert target_momentum(0.9996, 1.0) == 1.0
    assert target_momentum(0.9996, 1 / 3) == pytest.approx(1 - 4e-4 * (1 + math.cos(math.pi / 3)) / 2, rel=1e-12)


def test_only_the_online_network_and_the_predictor_are_trained(method, make_batch):
    method(make_batch(6)).loss.backward()
    (group,) = method.parameter_groups(1e-4)
    with_gradient = {name for name, p in method.named_parameters() if p.grad is not None}
    assert {id(p) for p in group.params} == {id(p) for name, p in method.named_parameters() if name in with_gradient}
    assert not [name for name in with_gradient if name.startswith(("target.", "ecg_encoder.norm."))]
    assert [name for name in with_gradient if name.startswith("predictor.")]


def test_the_target_keeps_running_statistics_of_its_own(method, make_batch):
    method.train()(make_batch(6))
    online, target = (part.hidden[0][1] for part in (method.ecg_projector, method.target["ecg_projector"]))
    assert online.num_batches_tracked == target.num_batches_tracked == 2
    with torch.no_grad():
        method.ecg_projector.hidden[0][0].weight.mul_(2)
    method(make_batch(6))
    assert not torch.allclose(online.running_mean, target.running_mean)
    before = target.running_mean.clone()
    method.eval()(make_batch(6))
    assert torch.equal(target.running_mean, before)


def test_a_step_follows_from_the_keys_in_training_and_in_validation(config, make_batch):
    batch = make_batch(6)
    other = dataclasses.replace(batch, keys=batch.keys + 1)
    for training in (True, False):
        losses = [config.build(seed=0).train(training)(given).loss for given in (batch, batch, other)]
        assert torch.equal(losses[0], losses[1])
        assert not torch.equal(losses[0], losses[2])


def test_an_encoder_to_start_from_is_the_targets_start_too(config, make_batch):
    method, other = config.build(seed=0), config.build(seed=1)
    encoder = {name: tensor for name, tensor in other.state_dict().items() if name.startswith("ecg_encoder.")}
    method.load_state_dict(encoder, strict=False)
    for name, tensor in method.target.state_dict().items():
        assert torch.equal(tensor, method.state_dict()[name]), name
        assert torch.equal(tensor, other.state_dict()[name]) == (
            name.startswith("ecg_encoder.") or tensor.unique().numel() == 1
        )


def test_a_whole_state_brings_its_own_target(config, make_batch, losses_of_fitting):
    method, fresh = config.build(seed=0), config.build(seed=1)
    losses_of_fitting(method, make_batch(6), 2)
    method.after_step(0.0)
    fresh.load_state_dict(method.state_dict())
    assert all(torch.equal(tensor, fresh.state_dict()[name]) for name, tensor in method.state_dict().items())


def test_the_effective_rank_counts_directions():
    assert effective_rank(torch.ones(5, 4) * torch.arange(1.0, 6.0)[:, None]).item() == pytest.approx(1)
    assert effective_rank(torch.eye(6)[:4] * torch.arange(1.0, 5.0)[:, None]).item() == pytest.approx(4)
    vectors = _vectors(7, 5)
    units = vectors / vectors.norm(dim=1, keepdim=True)
    shares = torch.linalg.svdvals(units).square() / 7
    assert effective_rank(vectors).item() == pytest.approx(1 / shares.square().sum().item(), rel=1e-5)


def test_without_its_predictor_it_collapses_and_with_it_it_does_not(config, make_batch):
    def last_step(method):
        (group,) = method.parameter_groups(0.0)
        optimiser = torch.optim.AdamW(group.params, lr=5e-3)
        for step in range(60):
            keys = torch.from_numpy(sample_keys(seed=0, epoch=step, rows=np.arange(32)))
            output = method(dataclasses.replace(make_batch(32), keys=keys))
            optimiser.zero_grad()
            output.loss.backward()
            optimiser.step()
            method.after_step(step / 60)
        return output.loss.item(), output.metrics["rank"].item()

    whole, headless = config.build(seed=0), config.build(seed=0)
    headless.predictor = nn.Identity()
    loss, rank = last_step(whole)
    collapsed_loss, collapsed_rank = last_step(headless)
    assert collapsed_rank < 1.1 < 1.8 < rank
    assert collapsed_loss < loss, "the loss alone would prefer the collapse"


def test_a_training_batch_of_one_is_refused_with_its_remedy(method, make_batch):
    with pytest.raises(BadOption, match=r"training\.drop_last"):
        method(make_batch(1))
    method.eval()(make_batch(1))


@pytest.mark.parametrize(("name", "value"), [("momentum", 1.1), ("predictor_hidden", 0)])
def test_a_setting_outside_its_range_is_refused(config, name, value):
    with pytest.raises(BadOption, match=name):
        dataclasses.replace(config, **{name: value})


def test_it_learns_one_batch_by_heart(config, none, make_batch, losses_of_fitting):
    plain = ContrastiveViewsConfig(none, time_flip=0.0, sign_flip=0.0, spectral_share=0.0)
    losses = losses_of_fitting(dataclasses.replace(config, views=plain).build(seed=0), make_batch(6), 60)
    assert losses[-1] < -3.8
