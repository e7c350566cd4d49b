import torch
from torch.testing import assert_close

from cardiolens.evaluation.predictions import check_predictions
from cardiolens.methods.method import MethodConfig
from cardiolens.recipes import demo, demo_cmr
from cardiolens.study.plan import with_settings
from cardiolens.training.predict import predict_run
from cardiolens.training.train import train


def test_the_branch_is_that_of_the_demos_contrastive_learning():
    for config in (demo_cmr.finetune(), demo_cmr.finetune_phenotypes(), demo_cmr.joint()):
        assert isinstance(config.method, MethodConfig)
        assert config.method.image_encoder == demo.mmcl().method.image_encoder


def test_a_run_on_pictures_predicts_as_one_on_ecgs_does(tiny_cohort, tmp_path):
    config = with_settings(demo_cmr.joint(), {"training.warmup_epochs": 0.0, "training.epochs": 1})
    table = check_predictions(predict_run(train(config, tiny_cohort, tmp_path / "run"), tiny_cohort, "test"))
    assert table["column"].nunique() == 64
    assert set(table["method"]) == {"CMR"}


def test_the_image_branch_goes_on_after_contrastive_learning(tiny_cohort, tmp_path):
    short = {"training.warmup_epochs": 0.0, "training.epochs": 1, "training.base_lr": 1e-6}
    learned = train(with_settings(demo.mmcl(), short), tiny_cohort, tmp_path / "mmcl")
    config = with_settings(demo_cmr.finetune_phenotypes(), short)
    tuned = train(config, tiny_cohort, tmp_path / "tuned", start_from=learned.path)
    name = "image_encoder.resnet.conv1.weight"
    assert_close(tuned.weights()[name], learned.weights()[name], rtol=0, atol=1e-4)
    assert not torch.allclose(config.method.build(seed=0).state_dict()[name], learned.weights()[name], atol=1e-2)
