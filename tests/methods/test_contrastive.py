import dataclasses

import numpy as np
import pytest
import torch
from torch.nn.functional import cosine_similarity

from cardiolens.imaging.augmentation import ImageAugmentationConfig
from cardiolens.methods.contrastive import ContrastiveConfig, clip_loss
from cardiolens.nn.image_encoder import ImageEncoderConfig
from cardiolens.nn.pooling import AttentionPoolConfig, MeanPoolConfig
from cardiolens.nn.projector import ProjectorConfig

IMAGES = ImageEncoderConfig(blocks=(1, 1, 1, 1), widths=(4, 4, 8, 8), bottleneck=False)
UNCHANGED = ImageAugmentationConfig(size=32, probability=0.0)


@pytest.fixture
def config(encoder, strong):
    return ContrastiveConfig(
        encoder=dataclasses.replace(encoder, drop_path=0.1, learn_positions=True),
        image_encoder=IMAGES,
        projector=ProjectorConfig(hidden=16, width=8),
        augmentation=strong,
        image_augmentation=ImageAugmentationConfig(size=32),
    )


@pytest.fixture
def method(config):
    return config.build(seed=0)


@pytest.mark.parametrize("image_weight", [0.0, 0.75, 1.0])
def test_the_loss_weighs_finding_the_ecg_of_an_image_against_the_reverse(image_weight):
    image, ecg = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0)).double()
    logits = np.array([[cosine_similarity(i, e, dim=0).item() / 0.1 for e in ecg] for i in image])
    from_image = [-logits[k, k] + np.log(np.exp(logits[k]).sum()) for k in range(3)]
    from_ecg = [-logits[k, k] + np.log(np.exp(logits[:, k]).sum()) for k in range(3)]
    expected = image_weight * np.mean(from_image) + (1 - image_weight) * np.mean(from_ecg)
    found = clip_loss(image.float(), ecg.float(), temperature=0.1, image_weight=image_weight)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_the_loss_stays_float32_under_autocast():
    image, ecg = torch.randn(2, 16, 128, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        rough = clip_loss(image, ecg, temperature=0.1, image_weight=0.75)
    torch.testing.assert_close(rough, clip_loss(image, ecg, temperature=0.1, image_weight=0.75))


def test_the_papers_settings_are_the_defaults():
    config = ContrastiveConfig()
    assert (config.temperature, config.image_weight, config.encoder.drop_path) == (0.1, 0.75, 0.1)
    assert (config.augmentation.probability, config.augmentation.surrogate_probability) == (0.95, 1.0)
    assert (config.projector.hidden, config.projector.width, config.pooling.norm_passes) == (512, 128, 1)


def test_the_gradient_flows_to_both_encoders_and_every_trained_weight(method, make_batch):
    method(make_batch(6)).loss.backward()
    (group,) = method.parameter_groups(1e-4)
    with_gradient = {id(p) for p in method.parameters() if p.grad is not None}
    assert {id(p) for p in group.params} == with_gradient
    for part in (method.ecg_encoder, method.image_encoder, method.ecg_projector, method.image_projector, method.ecg_pool):
        assert sum(p.grad.abs().sum() for p in part.parameters() if p.grad is not None) > 0
    assert not {id(p) for p in method.ecg_encoder.norm.parameters()} & with_gradient


def test_a_step_follows_from_the_keys(method, make_batch):
    batch = make_batch(6)
    assert torch.equal(method(batch).loss, method(batch).loss)
    assert not torch.equal(method(dataclasses.replace(batch, keys=batch.keys + 1)).loss, method(batch).loss)


def test_validation_looks_at_the_first_window_and_the_plain_image(method, make_batch):
    batch, method = make_batch(6), method.eval()
    changed = batch.ecg.clone()
    changed[:, :, 40:] += 1
    output = method(dataclasses.replace(batch, ecg=changed, keys=batch.keys + 1))
    expected = clip_loss(
        method.project_image(batch.cmr), method.project_ecg(batch.ecg[:, :, :40]), temperature=0.1, image_weight=0.75
    )
    torch.testing.assert_close(output.loss, expected)


def test_the_hit_rates_count_partners_that_are_nearest(method, make_batch, monkeypatch):
    image = torch.eye(3)
    ecg = torch.tensor([[1.0, 0.0, 0.0], [0.9, 0.1, 0.0], [0.0, 0.0, 1.0]])
    monkeypatch.setattr(method, "project_image", lambda cmr: image)
    monkeypatch.setattr(method, "project_ecg", lambda ecg_window, keys: ecg)
    metrics = method.eval()(make_batch(3)).metrics
    assert metrics["image_to_ecg_top1"].item() == pytest.approx(1.0)
    assert metrics["ecg_to_image_top1"].item() == pytest.approx(2 / 3)


def test_a_cell_is_as_similar_as_its_own_projection(method, make_batch, monkeypatch):
    batch, method = make_batch(2), method.eval()
    features = method.image_encoder(batch.cmr)
    monkeypatch.setattr(method.image_encoder, "local", lambda cmr: features[:, :, None, None].expand(-1, -1, 3, 2))
    ecg = batch.ecg[:, :, :40]
    similarity = method.local_similarity(ecg, batch.cmr)
    assert similarity.shape == (2, 6, 4)
    cosine = cosine_similarity(method.project_ecg(ecg), method.image_projector(features))
    torch.testing.assert_close(similarity, cosine[:, None, None].expand(-1, 6, 4))


def test_a_segment_is_as_similar_as_its_own_projection_behind_the_norm(config, make_batch, monkeypatch):
    method, batch = config.build(seed=0).eval(), make_batch(2)
    # With the weights that a norm starts with, one that is left out would only change lengths.
    torch.nn.init.uniform_(method.ecg_pool.norm.weight, 0.5, 2.0, generator=torch.Generator().manual_seed(0))
    token = torch.randn(2, 1, 16, generator=torch.Generator().manual_seed(1)) + 1
    monkeypatch.setattr(method.ecg_encoder, "forward", lambda ecg: token.expand(-1, 13, -1))
    similarity = method.token_similarity(batch.ecg[:, :, :40], batch.cmr)
    assert similarity.shape == (2, 3, 8)
    expected = cosine_similarity(method.project_image(batch.cmr), method.ecg_projector(method.ecg_pool.norm(token[:, 0])))
    torch.testing.assert_close(similarity, expected[:, None, None].expand(-1, 3, 8))


def test_nothing_bleeds_from_one_lead_into_the_next(method, make_batch, monkeypatch):
    method, batch = method.eval(), make_batch(2)
    tokens = torch.randn(2, 13, 16, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(method.ecg_encoder, "forward", lambda ecg: tokens)
    before = method.token_similarity(batch.ecg[:, :, :40], batch.cmr)
    # The class token is the first; lead 1 has the tokens 5 to 8.
    tokens[:, 5] += 1
    changed = (method.token_similarity(batch.ecg[:, :, :40], batch.cmr) != before).any(dim=0)
    assert torch.equal(changed[1], torch.arange(8) < 3), "its own lead: one segment beyond it at most"
    assert not changed[[0, 2]].any()


@pytest.mark.parametrize("pooling", [MeanPoolConfig(), AttentionPoolConfig(heads=2)])
def test_maps_of_a_batch_are_those_of_its_rows_and_carry_no_gradient(config, make_batch, pooling):
    method, batch = dataclasses.replace(config, pooling=pooling).build(seed=0).eval(), make_batch(3)
    ecg = batch.ecg[:, :, :40]
    for similarity in (method.local_similarity, method.token_similarity):
        together = similarity(ecg, batch.cmr)
        one_by_one = torch.cat([similarity(ecg[k : k + 1], batch.cmr[k : k + 1]) for k in range(3)])
        torch.testing.assert_close(together, one_by_one)
        assert not together.requires_grad
        assert together.abs().max() <= 1 + 1e-6


def test_a_model_in_training_mode_draws_no_map(method, make_batch):
    batch = make_batch(2)
    for similarity in (method.local_similarity, method.token_similarity):
        with pytest.raises(AssertionError, match="evaluation mode"):
            similarity(batch.ecg[:, :, :40], batch.cmr)


def test_a_batch_without_images_is_a_mistake_of_the_caller(method, make_batch):
    with pytest.raises(AssertionError, match="not asked for images"):
        method(dataclasses.replace(make_batch(2), cmr=None))


def test_it_learns_one_batch_by_heart(config, none, make_batch, losses_of_fitting):
    plain = dataclasses.replace(config, augmentation=none, image_augmentation=UNCHANGED)
    losses = losses_of_fitting(plain.build(seed=0), make_batch(6), 40)
    assert losses[-1] < 0.1 * losses[0]
