import pytest

from cardiolens.recipes import paper, paper_baselines, published_code
from cardiolens.signals.contrastive_views import ContrastiveViewsConfig
from cardiolens.training.config import KeptWeights


@pytest.mark.parametrize(
    ("recipe", "lr", "weight_decay", "batch_size"),
    [
        (paper_baselines.simclr, 3e-3, 1e-4, 256),
        (paper_baselines.byol, 1e-5, 1e-4, 256),
        (paper_baselines.barlow_twins, 3e-5, 1.5e-6, 256),
        (paper_baselines.clocs, 3e-4, 1e-4, 768),
    ],
)
def test_the_ecg_baselines_have_the_papers_numbers(recipe, lr, weight_decay, batch_size):
    training = recipe().training
    assert (training.base_lr, training.weight_decay, training.batch_size) == (lr, weight_decay, batch_size)
    assert (training.epochs, training.warmup_epochs) == (300, 30)


def test_the_image_encoder_is_trained_for_500_epochs():
    config = paper_baselines.image_simclr()
    training = config.training
    assert (training.epochs, training.batch_size, training.warmup_epochs) == (500, 256, 50)
    assert (training.base_lr, training.weight_decay, config.method.temperature) == (1e-4, 1e-4, 0.1)


def test_losses_have_the_papers_numbers():
    assert paper_baselines.simclr().method.temperature == paper_baselines.clocs().method.temperature == 0.1
    assert paper_baselines.byol().method.momentum == 0.9996
    assert paper_baselines.barlow_twins().method.redundancy_weight == 5e-3


def test_a_collapse_is_not_chosen_for_its_loss():
    assert paper_baselines.byol().training.keep is KeptWeights.LAST


def test_no_cohort_ends_in_a_batch_that_is_too_small_for_batch_norm():
    assert paper_baselines.byol().training.drop_last
    assert paper_baselines.barlow_twins().training.drop_last


def test_views_are_the_published_ones_and_heavy_for_clocs_alone():
    for recipe in (paper_baselines.simclr, paper_baselines.byol, paper_baselines.barlow_twins):
        assert recipe().method.views == ContrastiveViewsConfig()
    heavy = paper_baselines.clocs().method.views.augmentation
    assert (heavy.jitter, heavy.rescale, heavy.surrogate, heavy.surrogate_probability) == (0.4, 0.65, 0.125, 1.0)


def test_multimodal_learning_and_fine_tuning_start_from_the_same_encoders():
    ours, paired = paper_baselines.image_simclr().method, paper.mmcl().method
    assert ours.image_encoder == paired.image_encoder
    assert ours.image_augmentation.rotation_probability == paired.image_augmentation.rotation_probability
    assert published_code.mmcl().method.image_encoder == ours.image_encoder
    for recipe in (paper_baselines.simclr, paper_baselines.byol, paper_baselines.barlow_twins, paper_baselines.clocs):
        assert recipe().method.encoder == paper.finetune().method.encoder
