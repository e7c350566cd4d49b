import dataclasses

import numpy as np
import pytest
import torch

from cardiolens.methods.masked_autoencoder import MaskedAutoencoderConfig, reconstruction_loss
from cardiolens.nn.mae_decoder import MaeDecoderConfig


@pytest.fixture
def method(encoder, strong):
    return MaskedAutoencoderConfig(encoder, MaeDecoderConfig(width=16, depth=1, heads=2), augmentation=strong).build(seed=0)


def test_the_loss_is_squared_error_and_cross_correlation_of_whole_leads():
    draw = torch.Generator().manual_seed(0)
    predicted, target = torch.randn(2, 2, 6, 5, generator=draw) * torch.tensor([1.0, 3.0])[:, None, None, None] + 1
    a, b = predicted.reshape(2, 3, 10).double().numpy(), target.reshape(2, 3, 10).double().numpy()
    squares, correlations = [], []
    for sample in range(2):
        for lead in range(3):
            x, y = a[sample, lead], b[sample, lead]
            squares += list((x - y) ** 2)
            correlations.append(np.sum((x - x.mean()) * (y - y.mean())) / 9 / np.sqrt(x.var(ddof=1) * y.var(ddof=1)))
    loss = reconstruction_loss(predicted, target, num_leads=3, ncc_weight=0.1)
    assert loss.mse.item() == pytest.approx(np.mean(squares), rel=1e-5)
    assert loss.ncc.item() == pytest.approx(np.mean(correlations), rel=1e-5)
    assert loss.total.item() == pytest.approx(0.9 * np.mean(squares) + 0.1 * (1 - np.mean(correlations)), rel=1e-5)


def test_a_flat_lead_has_a_finite_loss_and_gradient():
    predicted = torch.zeros(1, 2, 5, requires_grad=True)
    reconstruction_loss(predicted, torch.zeros(1, 2, 5), num_leads=1, ncc_weight=0.5).total.backward()
    assert torch.isfinite(predicted.grad).all()


def test_views_and_masks_follow_from_each_samples_key_alone(method, make_batch):
    batch = make_batch(4)
    alone = torch.stack([method(batch.rows(slice(i, i + 1))).loss for i in range(4)])
    torch.testing.assert_close(method(batch).loss, alone.mean())
    assert not torch.allclose(method(dataclasses.replace(batch, keys=batch.keys.roll(1))).loss, alone.mean())


def test_validation_sees_the_first_window_as_it_is(method, make_batch):
    batch = make_batch(4)
    later = batch.ecg.clone()
    later[:, :, 40:] += 1
    method.eval()
    assert torch.equal(method(dataclasses.replace(batch, ecg=later)).loss, method(batch).loss)
    method.train()
    assert not torch.equal(method(dataclasses.replace(batch, ecg=later)).loss, method(batch).loss)


def test_the_reconstruction_is_made_from_the_samples_that_are_not_hidden(method, make_batch):
    batch, method = make_batch(4), method.eval()
    ecg = batch.ecg[:, :, :40]
    made = method.reconstruct(ecg, keys=batch.keys)
    assert made.ecg.shape == made.hidden.shape == (4, 3, 40)
    assert (~made.hidden).sum(dim=(1, 2)).tolist() == [20] * 4
    assert made.hidden.reshape(4, 12, 10).float().mean(dim=2).unique().tolist() == [0, 1]
    assert len(made.hidden.unique(dim=0)) > 1
    changed = torch.where(made.hidden, ecg + 1, ecg)
    torch.testing.assert_close(method.reconstruct(changed, keys=batch.keys).ecg, made.ecg)


def test_every_weight_is_trained_and_only_biases_and_norms_do_not_decay(method, make_batch):
    method(make_batch(4)).loss.backward()
    named = {id(parameter): name for name, parameter in method.named_parameters()}
    decayed, free = ([named[id(p)] for p in group.params] for group in method.parameter_groups(0.15))
    with_gradient = {name for name, p in method.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert set(decayed) | set(free) == with_gradient
    assert {"ecg_encoder.class_token", "decoder.mask_token"} <= set(decayed)
    assert all(name.endswith("bias") or "norm" in name for name in free)
    assert not [name for name in decayed if name.endswith("bias") or "norm" in name]


def test_under_autocast_the_loss_is_float32_and_near(method, make_batch):
    batch = make_batch(4)
    with torch.autocast("cpu", torch.bfloat16):
        rough = method(batch).loss
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, method(batch).loss, rtol=0.02, atol=0)


def test_it_learns_one_batch_by_heart(encoder, none, make_batch, losses_of_fitting):
    method = MaskedAutoencoderConfig(encoder, MaeDecoderConfig(width=16, depth=1, heads=2), augmentation=none).build(seed=0)
    losses = losses_of_fitting(method, make_batch(4), 120)
    assert losses[-1] < 0.1 * losses[0]
