import pytest

from cardiolens.recipes import demo, demo_baselines
from cardiolens.training.config import KeptWeights

ECG_RECIPES = (demo_baselines.simclr, demo_baselines.byol, demo_baselines.barlow_twins, demo_baselines.clocs)


@pytest.mark.parametrize("recipe", ECG_RECIPES)
def test_encoders_fit_those_of_fine_tuning(recipe):
    sizes = {
        (encoder.width, encoder.depth, encoder.heads, encoder.patch, encoder.num_samples)
        for encoder in (recipe().method.encoder, demo.finetune().method.encoder)
    }
    assert len(sizes) == 1


def test_the_image_encoder_and_the_pictures_fit_those_of_multimodal_learning():
    ours, paired = demo_baselines.image_simclr().method, demo.mmcl().method
    assert ours.image_encoder == paired.image_encoder
    assert ours.image_augmentation.size == paired.image_augmentation.size
    assert ours.image_augmentation.probability == 1.0


@pytest.mark.parametrize("recipe", [*ECG_RECIPES, demo_baselines.image_simclr])
def test_no_batch_is_too_small_for_batch_norm(recipe):
    assert recipe().training.drop_last
    assert (recipe().training.keep is KeptWeights.LAST) == (recipe is demo_baselines.byol)


def test_projectors_are_small():
    assert max(recipe().method.projector.hidden for recipe in ECG_RECIPES) <= 256
