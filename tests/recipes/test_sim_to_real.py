import math
from dataclasses import replace

import pytest

from cardiolens.methods.supervised import SupervisedConfig
from cardiolens.recipes import sim_to_real
from cardiolens.signals.cleaning import CleaningConfig


def test_the_variants_cross_clip_and_scales():
    assert {(v.clips, v.reads_scales) for v in sim_to_real.VARIANTS} == {(c, s) for c in (True, False) for s in (True, False)}
    for variant in sim_to_real.VARIANTS:
        assert variant.cleaning == (CleaningConfig() if variant.clips else CleaningConfig(clip_sd=math.inf))


def test_reading_scales_is_all_that_differs_between_the_two_fine_tunings():
    plain, reading = sim_to_real.joint(), sim_to_real.joint_reading_scales()
    assert reading.method.scale_input
    assert replace(reading, name=plain.name, method=replace(reading.method, scale_input=False)) == plain


@pytest.mark.parametrize("recipe", [sim_to_real.mmcl, sim_to_real.joint, sim_to_real.joint_reading_scales])
def test_every_step_takes_over_the_encoder_of_the_one_before(recipe):
    before = sim_to_real.mdm().method.build(seed=0).ecg_encoder.state_dict()
    after = recipe().method.build(seed=0).ecg_encoder.state_dict()
    assert {name: tensor.shape for name, tensor in before.items()} == {name: tensor.shape for name, tensor in after.items()}


def test_the_heads_that_are_scored_on_real_ecgs_are_trained():
    method = sim_to_real.joint().method
    assert isinstance(method, SupervisedConfig)
    assert {"mi", "af", "lvm_g", *sim_to_real.SCARS.columns} <= set(method.columns)
    assert set(sim_to_real.CASES) >= {"mi", "af"}


def test_fine_tuning_sees_other_people_than_pre_training():
    assert sim_to_real.CASES_SEED != sim_to_real.PAIRS_SEED


def test_scars_are_a_label_that_synthetic_hearts_have(tiny_cohort):
    assert sim_to_real.SCARS.columns == tuple(c for c in tiny_cohort.subjects if c.startswith("latent_scar"))
