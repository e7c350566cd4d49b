from dataclasses import replace

import pytest

from cardiolens.errors import BadOption
from cardiolens.recipes import demo_dual_phase, paper
from cardiolens.study.contenders import CONTENDERS, DUAL_PHASE
from cardiolens.study.plan import PlannedRun, Study
from cardiolens.study.studies import STUDIES, allowed_by, choose_study


@pytest.mark.parametrize("name", STUDIES)
def test_every_part_of_a_study_is_a_study(name):
    for part in STUDIES[name].parts:
        study, _ = choose_study(name, parts=(part,), num_seeds=1)
        assert study.runs


def test_the_demo_holds_both_papers():
    study, _ = choose_study("demo")
    names = {run.config.name for run in study.runs if run.predicts}
    assert names == {one.name for one in (*CONTENDERS, *DUAL_PHASE)}
    assert sum(run.key == "mdm" for run in study.runs) == 1


def test_several_parts_share_what_they_share():
    both, _ = choose_study("demo", parts=("table_1", "table_3"))
    names = {run.config.name for run in both.runs if run.predicts}
    assert names == {"Supervised", "MDM", "MMCL w/o MDM", "MMCL", "CMR supervised"}
    assert both.tabular
    assert len({run.key for run in both.runs}) == len(both.runs)


def test_a_part_that_another_study_has_is_refused():
    with pytest.raises(BadOption, match="table_2"):
        choose_study("dual_phase", parts=("table_2",))


def test_the_second_papers_models_are_fine_tuned_alike():
    study, _ = choose_study("dual_phase")
    runs = [run for run in study.runs if run.predicts]
    by_model = {}
    for run in runs:
        by_model.setdefault(run.config.name, []).append(replace(run.config, name=""))
    assert set(by_model) == {one.name for one in DUAL_PHASE}
    assert all(configs == by_model["TCL"] for configs in by_model.values())
    assert {column for run in runs for column in run.config.method.columns} >= {"scd", "hf", "mi", "lvef_percent"}


def test_the_whole_search_is_the_papers():
    study, _ = choose_study("paper", whole_search=True)
    sweeps = {sweep.key: sweep for sweep in study.sweeps}
    assert len(sweeps["sweep/cad/mmcl"]) == 648
    assert sweeps["sweep/mmcl"].grid == {"training.base_lr": paper.CONTRASTIVE_RATES}
    assert not sweeps["sweep/mmcl"].higher_is_better
    of_mri = sweeps["sweep/cad/cmr-supervised"].grid
    assert "method.layer_decay" not in of_mri
    assert "method.label_smoothing" in of_mri


def test_each_learning_rate_goes_by_its_own_batch_size():
    study, _ = choose_study("paper")
    rates = {}
    for sweep in study.sweeps:
        run = sweep.run({name: values[0] for name, values in sweep.grid.items()})
        rates[run.config.training.batch_size] = run.config.training.base_lr
    assert rates == {batch: pytest.approx(paper.scaled_lr(1e-6, batch_size=batch)) for batch in (8, 16, 32)}


def test_what_a_cohort_has_no_arrays_for_is_left_out_and_said(tiny_cohort):
    study, _ = choose_study("demo", num_seeds=1)
    kept, left_out = allowed_by(study, tiny_cohort)
    assert {"cine", "cine_local", "dual_phase_stack", "dual_phase_cine"} <= set(left_out)
    assert all("prepare one with --" in why for why in left_out.values())
    names = {run.config.name for run in kept.runs}
    assert {"MMCL", "ECG only", "MMCL and MDM at once"} <= names
    assert not names & {"TCL", "CL 3-D", "MMCL cine"}
    with pytest.raises(BadOption, match="no volumes"):
        allowed_by(Study("volumes alone", (PlannedRun("a", demo_dual_phase.stack()),)), tiny_cohort)
