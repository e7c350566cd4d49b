from dataclasses import replace

from cardiolens.recipes import paper, published_code


def test_images_are_always_rotated_and_more_saturated():
    ours, theirs = paper.mmcl(), published_code.mmcl()
    images = theirs.method.image_augmentation
    assert (images.rotation_probability, images.saturation) == (1.0, 0.5)
    assert replace(theirs, method=ours.method) == ours


def test_warm_up_of_fine_tuning_is_shorter():
    ours, theirs = paper.finetune(), published_code.finetune()
    assert theirs.training.warmup_epochs == 5
    assert replace(theirs, training=ours.training) == ours


def test_patience_never_ends_for_phenotypes():
    assert published_code.finetune_phenotypes().training.max_delta == 0.25
