from cardiolens.recipes import demo, demo_study


def test_they_are_the_demos_but_longer():
    for longer, shorter in ((demo_study.mdm(), demo.mdm()), (demo_study.mmcl(), demo.mmcl())):
        assert longer.training.epochs > shorter.training.epochs
        assert demo_study.for_epochs(longer, shorter.training.epochs) == shorter


def test_the_ablation_differs_by_its_name_alone():
    assert demo_study.mmcl_without_mdm().method == demo_study.mmcl().method
    assert demo_study.mmcl_without_mdm().training == demo_study.mmcl().training
