from dataclasses import replace

import pytest

from cardiolens.recipes import demo, demo_beyond, demo_study
from cardiolens.training.train import train


def test_the_local_loss_is_all_that_tells_the_two_cine_recipes_apart():
    plain, local = demo_beyond.cine(), demo_beyond.cine_local()
    assert (plain.method.local_weight, local.method.local_weight) == (0.0, 1.0)
    assert replace(local, name=plain.name, method=replace(local.method, local_weight=0.0)) == plain


@pytest.mark.parametrize("recipe", [demo_beyond.joint, demo_beyond.cine, demo_beyond.cine_local])
def test_they_train_as_long_as_what_they_are_compared_with_and_the_same_encoder(recipe):
    config = recipe()
    assert config.training == demo_study.mmcl().training
    encoder = config.method.contrastive.encoder if hasattr(config.method, "contrastive") else config.method.encoder
    assert encoder == demo.finetune().method.encoder


def test_an_encoder_trained_both_ways_at_once_is_fine_tuned(tiny_cohort, tmp_path):
    config = demo_beyond.joint()
    short = replace(config.training, epochs=1, warmup_epochs=0.0, batch_size=8)
    learned = train(replace(config, training=short), tiny_cohort, tmp_path / "joint")
    tuned = demo.finetune_phenotypes()
    tuned = replace(tuned, training=replace(tuned.training, epochs=1, warmup_epochs=0.0))
    assert train(tuned, tiny_cohort, tmp_path / "tuned", start_from=learned.path).is_done
