import dataclasses

import pytest
import torch

from cardiolens.errors import BadOption
from cardiolens.imaging.augmentation import ImageAugmentationConfig
from cardiolens.methods.image_simclr import ImageSimclrConfig
from cardiolens.methods.simclr import nt_xent_loss, view_similarity
from cardiolens.nn.image_encoder import ImageEncoderConfig
from cardiolens.nn.projector import ProjectorConfig

IMAGES = ImageEncoderConfig(blocks=(1, 1, 1, 1), widths=(4, 4, 8, 8), bottleneck=False)
VIEW = ImageAugmentationConfig(size=32, probability=1.0)


@pytest.fixture
def config():
    return ImageSimclrConfig(IMAGES, ProjectorConfig(hidden=16, width=8), image_augmentation=VIEW)


@pytest.fixture
def method(config):
    return config.build(seed=0)


@pytest.fixture
def views(monkeypatch):
    """What the method shows its encoder from now on, view by view."""

    def watch(method):
        seen, project = [], method.project_image
        monkeypatch.setattr(method, "project_image", lambda cmr: seen.append(cmr) or project(cmr))
        return seen

    return watch


def test_the_papers_settings_are_the_defaults():
    config = ImageSimclrConfig()
    assert (config.temperature, config.projector.hidden, config.projector.width) == (0.1, 2048, 256)
    assert (config.image_augmentation.probability, config.second_probability) == (1.0, 0.95)
    assert (config.image_augmentation.saturation, config.image_augmentation.rotation_probability) == (0.25, 0.5)
    assert config.image_encoder.features == 2048
    assert config.needs_images


def test_the_loss_is_nt_xent_of_the_projections_of_both_views(method, make_batch, views):
    batch, method = make_batch(6), method.eval()
    seen = views(method)
    loss = method(batch).loss
    expected = nt_xent_loss(view_similarity(*map(method.project_image, seen[:2])), temperature=0.1)
    torch.testing.assert_close(loss, expected)


def test_the_first_view_is_always_changed_and_the_second_in_the_share_it_should(config, make_batch, views):
    batch = make_batch(64)
    method = dataclasses.replace(config, second_probability=0.5).build(seed=0).eval()
    seen = views(method)
    method(batch)
    first, second = ((view != batch.cmr).flatten(1).any(dim=1) for view in seen)
    assert first.all()
    assert 16 < second.sum() < 48


def test_views_follow_from_each_samples_key_alone_and_differ_from_each_other(method, make_batch, views):
    batch, method = make_batch(6), method.eval()
    seen = views(method)
    method(batch)
    method(batch.rows(slice(2, 4)))
    method(dataclasses.replace(batch, keys=batch.keys + 1))
    first, second, few_first, few_second, other_first, other_second = seen
    torch.testing.assert_close(few_first, first[2:4])
    torch.testing.assert_close(few_second, second[2:4])
    assert not torch.allclose(first, second)
    assert not torch.allclose(first, other_first)
    assert not torch.allclose(second, other_second)


def test_validation_is_the_same_every_time(method, make_batch):
    method = method.eval()
    assert torch.equal(method(make_batch(6)).loss, method(make_batch(6)).loss)


def test_the_gradient_flows_to_every_weight(method, make_batch):
    method(make_batch(6)).loss.backward()
    (group,) = method.parameter_groups(1e-4)
    assert {id(p) for p in group.params} == {id(p) for p in method.parameters() if p.grad is not None}
    assert len(group.params) == len(list(method.parameters()))


def test_a_batch_without_images_is_a_mistake_of_the_caller(method, make_batch):
    with pytest.raises(AssertionError, match="not asked for images"):
        method(dataclasses.replace(make_batch(2), cmr=None))


def test_a_share_outside_its_range_is_refused_by_name():
    with pytest.raises(BadOption, match="second_probability"):
        ImageSimclrConfig(second_probability=1.5)


def test_it_learns_one_batch_by_heart(config, make_batch, losses_of_fitting):
    gentle = ImageAugmentationConfig(
        size=32, probability=1.0, rotation_degrees=0.0, saturation=0.0, brightness=0.1, contrast=0.1, crop_scale=(0.9, 1.0)
    )
    losses = losses_of_fitting(dataclasses.replace(config, image_augmentation=gentle).build(seed=0), make_batch(6), 60)
    assert losses[-1] < 0.1 * losses[0]
