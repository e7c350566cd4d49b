from dataclasses import replace

from cardiolens.recipes import beyond, paper


def test_sizes_views_and_training_are_the_papers():
    for recipe in (beyond.joint, beyond.cine, beyond.cine_local):
        assert recipe().training == paper.mmcl().training
    assert beyond.joint().method.contrastive == paper.mmcl().method
    assert beyond.joint().method.decoder == paper.mdm().method.decoder
    local = beyond.cine_local().method
    assert (local.encoder, local.augmentation) == (paper.mmcl().method.encoder, paper.mmcl().method.augmentation)
    assert replace(local, local_weight=0.0) == beyond.cine().method
