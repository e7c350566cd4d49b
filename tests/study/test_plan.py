from dataclasses import replace

import pytest

from cardiolens.errors import BadOption
from cardiolens.recipes import smoke
from cardiolens.study.plan import BASE_RATE, PlannedRun, Study, Sweep, with_settings

MDM = PlannedRun("mdm", smoke.mdm())
MMCL = PlannedRun("mmcl", smoke.mmcl(), start=("mdm",))
SWEEP = Sweep("lr/mmcl", PlannedRun("", smoke.joint(), start=("mmcl",)), {"training.base_lr": (1e-3, 3e-4)})
TUNED = PlannedRun("tuned/mmcl/0", smoke.joint(), start=("mmcl",), sweep="lr/mmcl", predicts=True)
FRESH = PlannedRun("tuned/supervised/0", smoke.joint(), predicts=True)
STUDY = Study("tiny", (MDM, MMCL, TUNED, FRESH), (SWEEP,))


def test_a_setting_is_changed_by_its_dotted_name_and_nothing_else_is():
    changed = with_settings(smoke.mdm(), {"training.base_lr": 0.5, "method.hidden_ratio": 0.6})
    assert (changed.training.base_lr, changed.method.hidden_ratio) == (0.5, 0.6)
    assert replace(changed, training=smoke.mdm().training, method=smoke.mdm().method) == smoke.mdm()


def test_the_papers_base_rate_is_multiplied_out_by_the_batch_size_that_the_other_settings_leave():
    chosen = {BASE_RATE: 1e-5, "training.batch_size": 32}
    assert with_settings(smoke.mdm(), chosen).training.base_lr == pytest.approx(8e-5)
    assert with_settings(smoke.mdm(), dict(reversed(chosen.items()))).training.base_lr == pytest.approx(8e-5)


@pytest.mark.parametrize("name", ["training.lr", "speed", "training.base_lr.value"])
def test_a_setting_that_does_not_exist_is_refused(name):
    with pytest.raises(BadOption, match=name.replace(".", r"\.")):
        with_settings(smoke.mdm(), {name: 1.0})


def test_a_combination_of_a_sweep_is_a_run_of_its_own_that_predicts_nothing():
    run = SWEEP.run({"training.base_lr": 3e-4})
    assert (run.key, run.start, run.predicts, run.sweep) == ("lr/mmcl/base_lr=0.0003", ("mmcl",), False, "")
    assert run.config.training.base_lr == 3e-4
    assert len(SWEEP) == 2


def test_a_part_of_a_study_keeps_what_it_builds_on():
    part = STUDY.only(["tuned/mmcl/0"])
    assert [run.key for run in part.runs] == ["mdm", "mmcl", "tuned/mmcl/0"]
    assert part.sweeps == (SWEEP,)
    assert [run.key for run in STUDY.only(["tuned/supervised/0"]).runs] == ["tuned/supervised/0"]


def test_without_a_run_all_that_builds_on_it_is_gone_too():
    part = STUDY.without(["mdm"])
    assert [run.key for run in part.runs] == ["tuned/supervised/0"]
    assert not part.sweeps
    assert STUDY.without([]) == STUDY


def test_a_study_that_needs_what_it_does_not_run_is_refused():
    with pytest.raises(BadOption, match="needs mdm"):
        Study("tiny", (MMCL,))
    with pytest.raises(BadOption, match="needs lr/mmcl"):
        Study("tiny", (MDM, MMCL, TUNED))
    with pytest.raises(BadOption, match="a key twice"):
        Study("tiny", (MDM, MDM))


def test_of_two_studies_that_share_a_key_the_first_ones_run_stands():
    other = Study("other", (replace(MDM, config=smoke.mmcl()), replace(FRESH, key="tuned/supervised/1")), tabular=("cad",))
    both = STUDY.joined(other)
    assert both.runs == (*STUDY.runs, other.runs[1])
    assert both.sweeps == STUDY.sweeps
    assert both.tabular == ("cad",)
