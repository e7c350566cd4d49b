import pytest

from cardiolens.recipes import dual_phase

MODELS = (dual_phase.slice, dual_phase.cine, dual_phase.stack, dual_phase.dual_phase)


@pytest.mark.parametrize("recipe", MODELS)
def test_the_second_papers_sizes(recipe):
    config = recipe()
    assert (config.training.batch_size, config.training.epochs) == (64, 200)
    assert (config.method.branch.latent, config.method.projector.width) == (768, 128)


def test_the_models_see_ever_more_of_the_heart():
    views = [recipe().method.branch.views for recipe in MODELS]
    assert views == [("slice",), ("cine",), ("ed",), ("ed", "es")]


def test_the_first_model_sees_the_ecg_alone():
    method = dual_phase.ecg_only().method
    assert (method.needs_images, method.needs_volumes, method.needs_cine) == (False, False, False)
