import dataclasses
import math

import pytest
import torch
from torch.nn.functional import cosine_similarity

from cardiolens.errors import BadOption
from cardiolens.methods.simclr import SimclrConfig, hit_rate, nt_xent_loss, view_similarity
from cardiolens.nn.projector import ProjectorConfig
from cardiolens.signals.contrastive_views import ContrastiveViewsConfig


@pytest.fixture
def config(encoder, strong):
    return SimclrConfig(
        encoder=dataclasses.replace(encoder, drop_path=0.1, learn_positions=True),
        projector=ProjectorConfig(hidden=16, width=8),
        views=ContrastiveViewsConfig(strong, spectral_window=16),
    )


@pytest.fixture
def method(config):
    return config.build(seed=0)


def _two_sets(count: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    first = torch.randn(count, 4, generator=draw, dtype=torch.float64)
    return first, 0.3 * first + 2 * torch.randn(count, 4, generator=draw, dtype=torch.float64) + 1


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_loss_finds_each_views_partner_among_all_other_views(count):
    first, second = _two_sets(count)
    views, losses = [*first, *second], []
    for i, anchor in enumerate(views):
        partner = i + count if i < count else i - count
        terms = {j: math.exp(cosine_similarity(anchor, view, dim=0).item() / 0.1) for j, view in enumerate(views) if j != i}
        assert len(terms) == 2 * count - 1
        losses.append(-math.log(terms[partner] / sum(terms.values())))
    found = nt_xent_loss(view_similarity(first, second), temperature=0.1)
    assert found.item() == pytest.approx(sum(losses) / (2 * count), rel=1e-12, abs=1e-12)


def test_the_gradient_of_the_loss_is_that_of_its_differences():
    first, second = (views.requires_grad_() for views in _two_sets(3))
    assert torch.autograd.gradcheck(lambda a, b: nt_xent_loss(view_similarity(a, b), temperature=0.5), (first, second))


def test_the_hit_rate_counts_partners_that_are_nearest():
    first = torch.eye(3)
    second = torch.tensor([[1.0, 0.1, 0.0], [0.9, 0.1, 0.0], [0.0, 0.0, 1.0]])
    # The second views of the first two ECGs are nearer to each other than to their partners.
    assert hit_rate(view_similarity(first, second)).item() == pytest.approx(4 / 6)
    assert hit_rate(view_similarity(first, first)).item() == 1.0


def test_the_loss_stays_float32_under_autocast():
    first, second = torch.randn(2, 16, 128, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        rough = nt_xent_loss(view_similarity(first, second), temperature=0.1)
    torch.testing.assert_close(rough, nt_xent_loss(view_similarity(first, second), temperature=0.1))


def test_the_papers_settings_are_the_defaults():
    config = SimclrConfig()
    assert (config.temperature, config.projector.width, config.encoder.drop_path) == (0.1, 128, 0.1)
    assert config.views == ContrastiveViewsConfig()


def test_the_gradient_flows_to_every_trained_weight(method, make_batch):
    method(make_batch(6)).loss.backward()
    (group,) = method.parameter_groups(1e-4)
    assert {id(p) for p in group.params} == {id(p) for p in method.parameters() if p.grad is not None}
    assert not {id(p) for p in method.ecg_encoder.norm.parameters()} & {id(p) for p in group.params}
    assert group.weight_decay == 1e-4


def test_a_step_follows_from_the_keys_in_training_and_in_validation(method, make_batch):
    batch = make_batch(6)
    other = dataclasses.replace(batch, keys=batch.keys + 1)
    for training in (True, False):
        method.train(training)
        assert torch.equal(method(batch).loss, method(batch).loss)
        assert not torch.equal(method(other).loss, method(batch).loss)


def test_projections_do_not_depend_on_the_batch_around_them(method, make_batch):
    batch = make_batch(6)
    seen = []
    method.project_ecg, project = lambda ecg, keys: seen.append(project(ecg, keys=keys)) or seen[-1], method.project_ecg
    method(batch)
    method(batch.rows(slice(2, 4)))
    first, second, few_first, few_second = seen
    torch.testing.assert_close(few_first, first[2:4])
    torch.testing.assert_close(few_second, second[2:4])
    assert not torch.allclose(first, second)


def test_branches_drop_independently_in_the_two_views(config, none, make_batch):
    dropping = dataclasses.replace(config.encoder, drop_path=0.5)
    plain = ContrastiveViewsConfig(none, time_flip=0.0, sign_flip=0.0, spectral_share=0.0)
    method = dataclasses.replace(config, encoder=dropping, views=plain).build(seed=0)
    seen = []
    method.project_ecg, project = lambda ecg, keys: seen.append(project(ecg, keys=keys)) or seen[-1], method.project_ecg
    batch = make_batch(6)
    # Without anything to crop both views are the whole ECG.
    method(dataclasses.replace(batch, ecg=batch.ecg[:, :, :40]))
    assert not torch.allclose(*seen)


def test_an_encoder_that_reads_another_length_than_the_crop_is_refused(encoder):
    with pytest.raises(BadOption, match=r"augmentation\.crop"):
        SimclrConfig(encoder=encoder)


def test_it_learns_one_batch_by_heart(config, none, make_batch, losses_of_fitting):
    plain = ContrastiveViewsConfig(none, time_flip=0.0, sign_flip=0.0, spectral_share=0.0)
    losses = losses_of_fitting(dataclasses.replace(config, views=plain).build(seed=0), make_batch(6), 60)
    assert losses[-1] < 0.1 * losses[0]
