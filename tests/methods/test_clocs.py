import dataclasses

import numpy as np
import pytest
import torch

from cardiolens.errors import BadOption
from cardiolens.methods.clocs import ClocsConfig, halves
from cardiolens.nn.projector import ProjectorConfig
from cardiolens.signals.contrastive_views import ContrastiveViewsConfig


@pytest.fixture
def short(encoder):
    """The shortest encoder that an ECG of 60 samples has two halves for, with its positions."""
    return dataclasses.replace(encoder, num_samples=30, drop_path=0.1, learn_positions=True)


@pytest.fixture
def config(short, strong):
    return ClocsConfig(
        encoder=short,
        projector=ProjectorConfig(hidden=16, width=8),
        views=ContrastiveViewsConfig(dataclasses.replace(strong, crop=30), spectral_window=16),
    )


@pytest.fixture
def plain(config, none):
    """Halves as they are."""
    views = ContrastiveViewsConfig(dataclasses.replace(none, crop=30), time_flip=0.0, sign_flip=0.0, spectral_share=0.0)
    return dataclasses.replace(config, views=views)


def test_halves_are_the_first_samples_and_those_that_follow():
    ecg = torch.arange(70.0).expand(2, 3, 70)
    first, second = halves(ecg, 30)
    assert torch.equal(first, ecg[:, :, 0:30])
    assert torch.equal(second, ecg[:, :, 30:60])


def test_the_loss_finds_an_ecgs_halves_in_either_direction(plain, make_batch):
    batch, method = make_batch(5), plain.build(seed=0).eval()
    a, b = (method.project_ecg(batch.ecg[:, :, half]).double().detach() for half in (slice(0, 30), slice(30, 60)))
    logits = np.array([[float(x @ y / (x.norm() * y.norm())) / 0.1 for y in b] for x in a])
    forward = [-logits[k, k] + np.log(np.exp(logits[k]).sum()) for k in range(5)]
    backward = [-logits[k, k] + np.log(np.exp(logits[:, k]).sum()) for k in range(5)]
    assert method(batch).loss.item() == pytest.approx((np.mean(forward) + np.mean(backward)) / 2, rel=1e-5)
    assert method(batch).metrics["top1"].item() == pytest.approx(np.mean(logits.argmax(axis=1) == np.arange(5)))


def test_the_papers_settings_are_the_defaults():
    config = ClocsConfig()
    assert (config.temperature, config.projector.hidden, config.projector.width) == (0.1, 384, 128)
    assert config.encoder.num_samples == config.views.augmentation.crop == 2500


def test_the_halves_are_changed_independently_by_each_samples_key(config, make_batch, monkeypatch):
    batch, method = make_batch(6), config.build(seed=0).eval()
    seen, project = [], method.project_ecg
    monkeypatch.setattr(method, "project_ecg", lambda ecg, keys: seen.append(ecg) or project(ecg, keys=keys))
    same = dataclasses.replace(batch, ecg=batch.ecg[:, :, :30].repeat(1, 1, 2))
    method(same)
    method(same.rows(slice(2, 4)))
    first, second, few_first, few_second = seen
    torch.testing.assert_close(few_first, first[2:4])
    torch.testing.assert_close(few_second, second[2:4])
    assert ((first - second).abs().amax(dim=(1, 2)) > 0).all()


def test_a_step_follows_from_the_keys_in_training_and_in_validation(config, make_batch):
    batch, method = make_batch(6), config.build(seed=0)
    other = dataclasses.replace(batch, keys=batch.keys + 1)
    for training in (True, False):
        method.train(training)
        assert torch.equal(method(batch).loss, method(batch).loss)
        assert not torch.equal(method(other).loss, method(batch).loss)


def test_the_gradient_flows_to_every_trained_weight(config, make_batch):
    method = config.build(seed=0)
    method(make_batch(6)).loss.backward()
    (group,) = method.parameter_groups(1e-4)
    assert {id(p) for p in group.params} == {id(p) for p in method.parameters() if p.grad is not None}
    assert not {id(p) for p in method.ecg_encoder.norm.parameters()} & {id(p) for p in group.params}


def test_an_ecg_that_is_shorter_than_both_halves_is_refused(config, make_batch):
    batch = make_batch(2)
    with pytest.raises(BadOption, match="twice which an ECG of 59"):
        config.build(seed=0)(dataclasses.replace(batch, ecg=batch.ecg[:, :, :59]))


def test_it_learns_one_batch_by_heart(plain, make_batch, losses_of_fitting):
    losses = losses_of_fitting(plain.build(seed=0), make_batch(6), 60)
    assert losses[-1] < 0.1 * losses[0]
