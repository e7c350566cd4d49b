from cardiolens.recipes import demo, transfer


def test_the_test_hearts_are_others_than_the_training_hearts():
    assert transfer.TEST_SEED != transfer.COHORT_SEED


def test_the_comparison_differs_from_the_demo_in_length_alone():
    assert transfer.mdm().method == demo.mdm().method
    assert transfer.mmcl().method == demo.mmcl().method
    assert transfer.joint().method == demo.joint().method


def test_there_are_five_seeds():
    assert len(set(transfer.SEEDS)) == 5
