from cardiolens.recipes import demo, smoke


def test_every_smoke_recipe_is_short_and_otherwise_the_demos():
    for ours, whole in ((smoke.mdm(), demo.mdm()), (smoke.mmcl(), demo.mmcl()), (smoke.joint(), demo.joint())):
        assert ours.training.epochs == 2
        assert ours.method == whole.method
