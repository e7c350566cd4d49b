import json
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from cardiolens.configs import from_json, to_json
from cardiolens.imaging.augmentation import ImageAugmentationConfig
from cardiolens.methods.method import MethodConfig
from cardiolens.methods.supervised_image import SupervisedImageConfig
from cardiolens.nn.image_encoder import ImageEncoderConfig
from cardiolens.tasks import TASKS

SMALL = ImageEncoderConfig(blocks=(1, 1, 1, 1), widths=(4, 4, 8, 8), bottleneck=False)
CONFIG = SupervisedImageConfig(
    tasks=(TASKS["cad"],), image_encoder=SMALL, image_augmentation=ImageAugmentationConfig(size=32, probability=0.0)
)
TARGET, KNOWN = [[1.0], [0.0], [1.0], [0.0], [0.0], [1.0]], [[True]] * 6


def test_a_batch_can_be_learned_by_heart(make_batch, losses_of_fitting):
    losses = losses_of_fitting(CONFIG.build(seed=0), make_batch(6, target=TARGET, known=KNOWN), 40)
    assert losses[-1] < 0.6 * losses[0]


def test_it_sees_the_picture_and_not_the_ecg(make_batch):
    method = CONFIG.build(seed=0).eval()
    batch = make_batch(6, target=TARGET, known=KNOWN)
    with torch.no_grad():
        scores = method(batch).scores
        assert_close(method(replace(batch, ecg=-batch.ecg)).scores, scores)
        assert not torch.allclose(method(replace(batch, cmr=1 - batch.cmr)).scores, scores)
    assert CONFIG.needs_images


def test_unknown_labels_take_no_part(make_batch):
    method = CONFIG.build(seed=0).eval()
    known = [[True], [True], [False], [False], [False], [False]]
    other = [[1.0], [0.0], [0.0], [0.0], [0.0], [0.0]]
    with torch.no_grad():
        one, two = (method(make_batch(6, target=target, known=known)).loss for target in (TARGET, other))
    assert_close(one, two)


def test_the_answering_models_weights_are_part_of_the_methods():
    method = CONFIG.build(seed=0)
    assert set(CONFIG.answering_model().state_dict()) <= set(method.state_dict())


def test_in_training_it_sees_a_view_that_follows_from_the_keys(make_batch):
    batch = make_batch(6, target=TARGET, known=KNOWN)
    method = replace(CONFIG, image_augmentation=ImageAugmentationConfig(size=32)).build(seed=0)
    assert torch.equal(method(batch).loss, method(batch).loss)
    assert not torch.equal(method(replace(batch, keys=batch.keys + 1)).loss, method(batch).loss)
    assert torch.equal(method.eval()(replace(batch, keys=batch.keys + 1)).loss, method(batch).loss)


def test_every_weight_with_a_gradient_is_in_one_group(make_batch):
    method = CONFIG.build(seed=0)
    method(make_batch(6, target=TARGET, known=KNOWN)).loss.backward()
    grouped = [id(p) for g in method.parameter_groups(0.1) for p in g.params]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == {id(p) for p in method.parameters() if p.grad is not None}


def test_a_batch_without_pictures_is_a_mistake_of_the_caller(make_batch):
    with pytest.raises(AssertionError, match="not asked for images"):
        CONFIG.build(seed=0)(replace(make_batch(6, target=TARGET, known=KNOWN), cmr=None))


def test_its_settings_survive_json():
    assert from_json(MethodConfig, json.loads(json.dumps(to_json(CONFIG))), source="a test") == CONFIG
