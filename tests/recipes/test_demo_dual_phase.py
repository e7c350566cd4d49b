import signal

import pytest
import torch
from torch.testing import assert_close

from cardiolens.cohorts.loader import Loader
from cardiolens.cohorts.prepare_synthetic import prepare_synthetic
from cardiolens.evaluation.predictions import check_predictions
from cardiolens.recipes import demo, demo_dual_phase
from cardiolens.study.plan import with_settings
from cardiolens.training.predict import predict_run
from cardiolens.training.train import train

RECIPES = (demo_dual_phase.slice, demo_dual_phase.cine, demo_dual_phase.stack, demo_dual_phase.dual_phase)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    out = tmp_path_factory.mktemp("volumes") / "cohort"
    return prepare_synthetic(out, subjects=14, seed=0, with_volumes=True, with_cine=True, grid=demo_dual_phase.GRID)


@pytest.mark.parametrize("recipe", RECIPES)
def test_an_ecg_encoder_trained_against_any_branch_is_fine_tuned_and_answers(recipe, cohort, tmp_path):
    short = {"training.warmup_epochs": 0.0, "training.epochs": 1, "training.batch_size": 4}
    learned = train(with_settings(recipe(), short | {"training.seed": 7}), cohort, tmp_path / "learned")
    config = with_settings(demo.finetune_phenotypes(), short | {"training.base_lr": 1e-6})
    tuned = train(config, cohort, tmp_path / "tuned", start_from=learned.path)
    table = check_predictions(predict_run(tuned, cohort, "test"))
    assert len(table) == 61 * len(cohort.rows("test"))
    name = "ecg_encoder.patch_embedding.weight"
    assert_close(tuned.weights()[name], learned.weights()[name], rtol=0, atol=1e-4)
    assert not torch.allclose(config.method.build(seed=0).state_dict()[name], learned.weights()[name], atol=1e-2)


def test_a_stopped_and_resumed_training_on_volumes_ends_with_the_same_file(cohort, tmp_path, monkeypatch):
    short = {"training.warmup_epochs": 0.0, "training.epochs": 2, "training.batch_size": 4}
    config = with_settings(demo_dual_phase.dual_phase(), short)
    whole = train(config, cohort, tmp_path / "whole")
    given = 0
    epoch_of = Loader.epoch

    def interrupting(self, *arguments, **settings):
        nonlocal given
        for batch in epoch_of(self, *arguments, **settings):
            given += 1
            if given == 3:
                signal.raise_signal(signal.SIGINT)
            yield batch

    with monkeypatch.context() as patch:
        patch.setattr(Loader, "epoch", interrupting)
        with pytest.raises(KeyboardInterrupt):
            train(config, cohort, tmp_path / "stopped")
    resumed = train(config, cohort, tmp_path / "stopped")
    assert (resumed.path / "model.safetensors").read_bytes() == (whole.path / "model.safetensors").read_bytes()


def test_the_ecg_encoder_is_the_demos():
    for recipe in RECIPES:
        assert recipe().method.encoder == demo.mmcl().method.encoder
