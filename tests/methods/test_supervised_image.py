from dataclasses import replace

import torch
from torch.testing import assert_close

from cardiolens.imaging.augmentation import ImageAugmentationConfig
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
