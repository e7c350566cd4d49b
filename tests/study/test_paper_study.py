import pytest

from cardiolens.study.contenders import CONTENDERS
from cardiolens.study.paper import PARTS, demo_sizes, paper_sizes, paper_study, run_key, share_of
from cardiolens.study.studies import cut_to

STUDY = paper_study(demo_sizes())
BY_KEY = {run.key: run for run in STUDY.runs}


def _seeds(target, method):
    return {run.config.training.seed for run in STUDY.runs if run.key.startswith(f"{target}/{method}/100%/")}


@pytest.mark.parametrize("disease", ["cad", "af", "dm"])
def test_every_method_is_fine_tuned_on_every_disease(disease):
    assert all(
        _seeds(disease, method) == {0, 101, 202, 303, 404} for method in ("supervised", "byol", "mmcl-without-mdm", "mmcl")
    )
    assert all(_seeds(disease, method) == {0, 101, 202} for method in ("cmr-supervised", "cmr-simclr", "cmr-of-mmcl"))


def test_phenotypes_are_learned_by_the_methods_that_a_table_shows_them_of():
    shown = {run.config.name for run in STUDY.runs if run.key.startswith("phenotypes/")}
    own = {one.name for one in CONTENDERS if one.beyond}
    assert shown == {"Supervised", "MDM", "MMCL w/o MDM", "MMCL", "CMR supervised"} | own
    assert _seeds("phenotypes", "cmr-supervised") == _seeds("phenotypes", "mmcl") == {0, 101, 202, 303, 404}


def test_a_method_is_fine_tuned_from_its_own_pre_training():
    assert BY_KEY[run_key("cad", "Supervised", 1.0, 0)].start == ()
    assert BY_KEY[run_key("cad", "BYOL", 1.0, 0)].start == ("byol",)
    assert BY_KEY[run_key("cad", "MMCL w/o MDM", 1.0, 0)].start == ("mmcl_without_mdm",)
    assert BY_KEY[run_key("cad", "CMR of MMCL", 1.0, 0)].start == ("mmcl",)


def test_contrastive_learning_starts_from_both_encoders_and_the_ablation_from_one():
    assert BY_KEY["mmcl"].start == ("image_simclr", "mdm")
    assert BY_KEY["mmcl_without_mdm"].start == ("image_simclr",)


def test_one_sweep_per_method_and_target_chooses_for_all_its_seeds_and_shares():
    with_phenotypes = {run.config.name for run in STUDY.runs if run.key.startswith("phenotypes/")}
    assert len(STUDY.sweeps) == 3 * len(CONTENDERS) + len(with_phenotypes)
    of_mmcl = {run.sweep for run in STUDY.runs if run.key.startswith("cad/mmcl/")}
    assert of_mmcl == {"sweep/cad/mmcl"}


def test_few_labels_are_tried_on_diseases_alone():
    few = [run for run in STUDY.runs if run.predicts and share_of(run.key) < 1]
    assert {run.key.split("/")[0] for run in few} == {"cad", "af", "dm"}
    assert {run.config.data.share for run in few} == {0.1, 0.01}
    assert all(run.config.data.balanced for run in few)
    seeds = {}
    for run in few:
        seeds.setdefault(run.key.rpartition("/")[0], set()).add(run.config.training.seed)
    assert len(seeds) == 3 * 4 * 2
    assert all(found == {0, 101, 202} for found in seeds.values()), "three seeds, five only where all labels are seen"


def test_few_labels_are_shown_more_often_than_many_but_in_the_papers_sizes():
    epochs = {share_of(run.key): run.config.training.epochs for run in STUDY.runs if run.key.startswith("cad/mmcl/")}
    assert epochs[1.0] < epochs[0.1] < epochs[0.01]
    runs = paper_study(paper_sizes()).runs
    assert {run.config.training.epochs for run in runs if run.predicts} == {400}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_holds_its_methods_and_nothing_else(part):
    cut = cut_to(STUDY, (part,))
    assert {run.config.name for run in cut.runs if run.predicts} == set(PARTS[part].methods)
    assert bool(cut.tabular) == (part == "table_1")


def test_phenotypes_are_learned_on_half_of_the_data_as_published():
    runs = [run for run in paper_study(paper_sizes()).runs if run.key.startswith("lv/")]
    runs += [run for run in STUDY.runs if run.key.startswith("phenotypes/")]
    assert {run.config.data.share for run in runs} == {0.5}
