from dataclasses import replace

import pytest

from cardiolens.cohorts.training_sets import draw_training_sets
from cardiolens.errors import BadOption
from cardiolens.recipes import cmr, demo_dual_phase, paper
from cardiolens.study.contenders import CONTENDERS, DUAL_PHASE
from cardiolens.study.plan import PlannedRun, Study
from cardiolens.study.studies import STUDIES, allowed_by, choose_study, said_of


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
    assert len(sweeps["sweep/cad/cmr-supervised"]) == 108


@pytest.mark.parametrize("name", ["paper", "dual_phase"])
def test_labels_are_smoothed_where_there_are_some(name):
    study, _ = choose_study(name, whole_search=True)
    by_size = {}
    for sweep in study.sweeps:
        if sweep.base.config.name in ("MMCL", "TCL", "CMR supervised") and sweep.base.key == "":
            of_diseases = sweep.base.config.data.balanced
            by_size.setdefault(of_diseases, set()).add("method.label_smoothing" in sweep.grid)
    assert by_size == {True: {True}, False: {False}}


def test_the_mri_is_searched_around_its_own_recipe():
    study, _ = choose_study("paper")
    grids = [sweep.grid for sweep in study.sweeps if sweep.base.config.name in ("CMR supervised", "CMR of MMCL")]
    assert len(grids) == 2 * 3 + 5
    for grid in grids:
        (rates,) = grid.values()
        assert list(grid) == ["training.base_lr"]
        assert min(rates) < cmr.finetune().training.base_lr < cmr.supervised().training.base_lr < max(rates)


def test_each_learning_rate_goes_by_its_own_batch_size():
    study, _ = choose_study("paper")
    rates = {}
    for sweep in study.sweeps:
        if sweep.base.config.name.startswith("CMR"):
            continue
        run = sweep.run({name: values[0] for name, values in sweep.grid.items()})
        rates[run.config.training.batch_size] = run.config.training.base_lr
    assert rates == {batch: pytest.approx(paper.scaled_lr(1e-6, batch_size=batch)) for batch in (8, 16)}


def test_what_a_cohort_has_no_arrays_for_is_left_out_and_said(tiny_cohort):
    study, _ = choose_study("demo", num_seeds=1)
    kept, left_out = allowed_by(study, _with_cases(tiny_cohort))
    assert {"cine", "cine_local", "dual_phase_stack", "dual_phase_cine"} <= set(left_out)
    assert all("prepare one with --" in why for why in left_out.values())
    names = {run.config.name for run in kept.runs}
    assert {"MMCL", "ECG only", "MMCL and MDM at once"} <= names
    assert not names & {"TCL", "CL 3-D", "MMCL cine"}
    with pytest.raises(BadOption, match="no volumes"):
        allowed_by(Study("volumes alone", (PlannedRun("a", demo_dual_phase.stack()),)), tiny_cohort)


def _with_cases(cohort, **by_split):
    """The cohort with one case and one other of each disease in every split, but for the splits in which it has no case."""
    subjects = cohort.subjects.copy()
    for column in ("cad", "af", "dm"):
        subjects[column] = 0.0
        for split in ("train", "select", "calibrate", "test"):
            first = subjects.index[subjects["split"] == split][0]
            subjects.loc[first, column] = float(split not in by_split.get(column, ()))
    return replace(cohort, subjects=subjects, training_sets=draw_training_sets(subjects, b"key", {}))


@pytest.mark.parametrize("split", ["select", "train"])
def test_a_disease_without_a_case_is_left_out_and_said(tiny_cohort, split):
    study, _ = choose_study("demo", num_seeds=1)
    kept, left_out = allowed_by(study, _with_cases(tiny_cohort, af=(split,)))
    assert {run.key.split("/")[0] for run in kept.runs if run.predicts} == {"cad", "dm", "phenotypes", "dual_phase-everything"}
    assert kept.tabular == ("cad", "dm")
    assert {"af/mmcl/100%/seed-0", "af/cmr-supervised/100%/seed-0", "af/tabular"} <= set(left_out)
    said = [
        line for line in said_of(left_out) if f"since af has no two classes among the subjects of the split {split}" in line
    ]
    assert len(said) == 1
    assert said[0].count("af/mmcl,") == 1, "seeds and shares are one"


def test_a_disease_without_a_case_who_has_an_mri_is_left_out_of_what_sees_the_mri(tiny_cohort):
    cohort = _with_cases(tiny_cohort)
    ill = (cohort.subjects["af"] == 1) & (cohort.subjects["split"] == "select")
    cohort = replace(cohort, subjects=cohort.subjects.assign(has_cmr=cohort.subjects["has_cmr"] & ~ill))
    study, _ = choose_study("demo", parts=("table_1",), num_seeds=1)
    kept, _ = allowed_by(study, cohort)
    names = {run.config.name for run in kept.runs if run.key.startswith("af/")}
    assert names == {"Supervised", "MMCL"}
    assert kept.tabular == ("cad", "af", "dm")


def test_with_the_last_disease_goes_the_pre_training_that_nothing_else_needs(tiny_cohort):
    none = _with_cases(tiny_cohort, cad=("select",), af=("select",), dm=("select",))
    both, _ = choose_study("demo", parts=("table_2", "table_4"), num_seeds=1)
    kept, _ = allowed_by(both, none)
    keys = {run.key for run in kept.runs}
    assert "byol" not in keys
    assert {"mdm", "mmcl", "phenotypes/mmcl/100%/seed-0"} <= keys
    alone, _ = choose_study("demo", parts=("table_5",), num_seeds=1)
    with pytest.raises(BadOption, match="dm has no two classes"):
        allowed_by(alone, none)


def test_a_cohort_in_which_all_is_well_loses_nothing(tiny_cohort):
    study, _ = choose_study("demo", parts=("table_1",), num_seeds=1)
    assert allowed_by(study, _with_cases(tiny_cohort)) == (study, {})
