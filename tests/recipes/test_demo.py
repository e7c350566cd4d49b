from cardiolens.recipes import demo


def test_encoders_fit_each_other_from_step_to_step():
    sizes = {
        (c.method.encoder.width, c.method.encoder.depth, c.method.encoder.heads)
        for c in (demo.mdm(), demo.mmcl(), demo.joint())
    }
    assert len(sizes) == 1


def test_the_joint_model_answers_for_three_diseases_and_all_phenotypes():
    config = demo.joint()
    assert len(config.method.columns) == 64
    assert not config.data.balanced


def test_only_single_diseases_are_balanced():
    assert demo.finetune().data.balanced
    assert not demo.finetune_phenotypes().data.balanced
