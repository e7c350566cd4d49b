from cardiolens.recipes import cmr, paper


def test_the_reference_is_a_resnet_50_on_balanced_examples():
    config = cmr.supervised()
    assert (config.name, config.data.balanced) == ("CMR supervised", True)
    assert config.method.image_encoder.blocks == (3, 4, 6, 3)
    assert config.training.epochs == paper.finetune().training.epochs


def test_phenotypes_are_learned_on_everybody():
    assert not cmr.supervised_phenotypes().data.balanced
    assert cmr.finetune_phenotypes().method.columns == cmr.supervised_phenotypes().method.columns


def test_the_branch_fits_the_image_encoder_of_contrastive_learning():
    assert cmr.finetune().method.image_encoder == paper.mmcl().method.image_encoder
