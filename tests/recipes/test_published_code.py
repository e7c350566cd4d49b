from dataclasses import replace

from cardiolens.recipes import paper, paper_baselines, published_code


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


def test_byol_learns_faster():
    ours, theirs = paper_baselines.byol(), published_code.byol()
    assert (ours.training.base_lr, theirs.training.base_lr) == (1e-5, 3e-5)
    assert replace(theirs, training=ours.training) == ours


def test_barlow_twins_decays_more():
    ours, theirs = paper_baselines.barlow_twins(), published_code.barlow_twins()
    assert (ours.training.weight_decay, theirs.training.weight_decay) == (1.5e-6, 1e-4)
    assert replace(theirs, training=ours.training) == ours
