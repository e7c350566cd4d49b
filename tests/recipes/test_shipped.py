from cardiolens.recipes import demo, paper, shipped


def test_the_shipped_encoder_has_the_papers_size():
    sizes = {
        (c.method.encoder.width, c.method.encoder.depth, c.method.encoder.heads)
        for c in (shipped.mdm(), shipped.mmcl(), shipped.joint())
    }
    encoder = paper.mdm().method.encoder
    assert sizes == {(encoder.width, encoder.depth, encoder.heads)}


def test_the_joint_model_learns_every_task_from_every_subject():
    config = shipped.joint()
    assert [task.name for task in config.method.tasks] == list(demo.JOINT_TASKS)
    assert not config.data.balanced
    assert config.data.share == 1.0
