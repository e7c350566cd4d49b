import dataclasses

import numpy as np
import pytest
import torch

from cardiolens.errors import BadOption
from cardiolens.methods.barlow_twins import BarlowTwinsConfig, barlow_twins_loss
from cardiolens.methods.byol import BatchNormMlpConfig
from cardiolens.signals.contrastive_views import ContrastiveViewsConfig


@pytest.fixture
def config(encoder, strong):
    return BarlowTwinsConfig(
        encoder=dataclasses.replace(encoder, drop_path=0.1, learn_positions=True),
        projector=BatchNormMlpConfig(hidden=16, width=8),
        views=ContrastiveViewsConfig(strong, spectral_window=16),
    )


@pytest.fixture
def method(config):
    return config.build(seed=0)


def _two_sets(count: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    first = torch.randn(count, width, generator=draw, dtype=torch.float64) * 3 - 1
    return first, 0.5 * first + torch.randn(count, width, generator=draw, dtype=torch.float64) + 2


@pytest.mark.parametrize(("count", "width"), [(5, 3), (4, 7)])
def test_the_loss_is_that_of_every_pair_of_numbers(count, width):
    first, second = _two_sets(count, width)
    a, b = first.numpy(), second.numpy()
    invariance, redundancy = 0.0, 0.0
    for i in range(width):
        for j in range(width):
            centred_a, centred_b = a[:, i] - a[:, i].mean(), b[:, j] - b[:, j].mean()
            scale = np.sqrt((np.mean(centred_a**2) + 1e-5) * (np.mean(centred_b**2) + 1e-5))
            correlation = sum(centred_a[k] * centred_b[k] for k in range(count)) / count / scale
            invariance += (1 - correlation) ** 2 if i == j else 0
            redundancy += correlation**2 if i != j else 0
    loss = barlow_twins_loss(first, second, redundancy_weight=5e-3)
    assert loss.invariance.item() == pytest.approx(invariance, rel=1e-12)
    assert loss.redundancy.item() == pytest.approx(redundancy, rel=1e-12)
    assert loss.total.item() == pytest.approx(invariance + 5e-3 * redundancy, rel=1e-12)


@pytest.mark.parametrize("count", [3, 64])
def test_equal_views_correlate_wholly_however_many_ecgs_the_batch_has(count):
    first, _ = _two_sets(count, 4)
    assert barlow_twins_loss(first, first, redundancy_weight=0.0).total.item() == pytest.approx(0, abs=1e-9)


def test_a_number_that_never_changes_has_a_finite_gradient():
    first = torch.zeros(4, 3, requires_grad=True)
    barlow_twins_loss(first, torch.ones(4, 3), redundancy_weight=5e-3).total.backward()
    assert torch.isfinite(first.grad).all()


def test_the_loss_stays_float32_under_autocast():
    first, second = torch.randn(2, 16, 32, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        rough = barlow_twins_loss(first, second, redundancy_weight=5e-3).total
    torch.testing.assert_close(rough, barlow_twins_loss(first, second, redundancy_weight=5e-3).total)


def test_the_published_settings_are_the_defaults():
    config = BarlowTwinsConfig()
    assert config.redundancy_weight == 5e-3
    assert (config.projector.hidden, config.projector.width, config.projector.hidden_layers) == (8192, 8192, 1)
    assert config.views == ContrastiveViewsConfig()


def test_the_original_papers_projector_has_three_layers(config):
    deeper = dataclasses.replace(config, projector=dataclasses.replace(config.projector, hidden_layers=2)).build(seed=0)
    assert [tuple(p.shape) for p in deeper.ecg_projector.parameters() if p.ndim == 2] == [(16, 16), (16, 16), (8, 16)]


def test_the_gradient_flows_to_every_trained_weight(method, make_batch):
    method(make_batch(6)).loss.backward()
    (group,) = method.parameter_groups(1.5e-6)
    assert {id(p) for p in group.params} == {id(p) for p in method.parameters() if p.grad is not None}
    assert not {id(p) for p in method.ecg_encoder.norm.parameters()} & {id(p) for p in group.params}


def test_a_step_follows_from_the_keys_in_training_and_in_validation(config, make_batch):
    batch = make_batch(6)
    other = dataclasses.replace(batch, keys=batch.keys + 1)
    for training in (True, False):
        losses = [config.build(seed=0).train(training)(given).loss for given in (batch, batch, other)]
        assert torch.equal(losses[0], losses[1])
        assert not torch.equal(losses[0], losses[2])


def test_a_training_batch_of_one_is_refused_with_its_remedy(method, make_batch):
    with pytest.raises(BadOption, match=r"training\.drop_last"):
        method(make_batch(1))
    assert torch.isfinite(method.eval()(make_batch(1)).loss)


def test_a_negative_weight_is_refused_by_name(config):
    with pytest.raises(BadOption, match="redundancy_weight"):
        dataclasses.replace(config, redundancy_weight=-1.0)


def test_it_learns_one_batch_by_heart(config, none, make_batch, losses_of_fitting):
    plain = ContrastiveViewsConfig(none, time_flip=0.0, sign_flip=0.0, spectral_share=0.0)
    losses = losses_of_fitting(dataclasses.replace(config, views=plain).build(seed=0), make_batch(12), 120)
    assert losses[-1] < 0.1 * losses[0]
