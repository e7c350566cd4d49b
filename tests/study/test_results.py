from dataclasses import replace

import pandas as pd
import pytest

from cardiolens.evaluation.predictions import read_predictions
from cardiolens.study.paper import demo_sizes, paper_study
from cardiolens.study.results import shared_subjects, write_results
from cardiolens.study.runner import Asked, run_study


def _one_epoch(config):
    return replace(config, training=replace(config.training, epochs=1, warmup_epochs=0.0))


@pytest.fixture(scope="module")
def finished(tiny_cohort, tmp_path_factory):
    """Three methods on one disease with all and half of the labels, two of them on phenotypes, for one epoch each."""
    sizes = demo_sizes()
    recipes = replace(
        sizes,
        pretraining={key: _one_epoch(config) for key, config in sizes.pretraining.items()},
        disease=_one_epoch(sizes.disease), phenotypes=_one_epoch(sizes.phenotypes),
        cmr_disease=_one_epoch(sizes.cmr_disease), cmr_phenotypes=_one_epoch(sizes.cmr_phenotypes),
        grid={"training.base_lr": (1e-3,)}, diseases=("cad",), seeds=(0,), other_seeds=(0,),
        few_labels={0.5: {}},
    )  # fmt: skip
    whole = paper_study(recipes)
    kept = [
        "cad/supervised/100%/seed-0", "cad/supervised/50%/seed-0", "cad/mmcl/100%/seed-0", "cad/mmcl/50%/seed-0",
        "cad/cmr-supervised/100%/seed-0", "phenotypes/mmcl/100%/seed-0", "phenotypes/supervised/100%/seed-0",
    ]  # fmt: skip
    study = whole.only(kept)
    out, asked = tmp_path_factory.mktemp("study"), Asked(tiny_cohort.path, "all")
    runs = run_study(study, tiny_cohort, out, asked=asked)
    return out, write_results(study, runs, tiny_cohort, out, asked=asked)


def test_tables_are_written_in_three_forms(finished):
    out, _ = finished
    names = {path.name for path in (out / "tables").iterdir()}
    assert {
        f"{name}.{ending}" for name in ("modalities", "ablation", "phenotype_groups") for ending in ("csv", "md", "tex")
    } <= names
    text = (out / "tables" / "modalities.md").read_text()
    for method in ("Supervised", "MMCL", "CMR supervised"):
        assert method in text
    assert "Research use only" in text


def test_runs_on_fewer_labels_are_in_the_curves_and_not_in_the_tables(finished):
    out, written = finished
    curves = pd.read_csv(out / "figures" / "figure_5_few_labels.csv")
    assert len(set(curves["train_size"])) == 2
    predictions = read_predictions(out / "predictions.parquet")
    assert not predictions.duplicated(["method", "seed", "column", "subject"]).any()
    assert {path.name for path in written if path.suffix == ".png"} == {"figure_4_phenotypes.png", "figure_5_few_labels.png"}


def test_methods_are_compared_on_the_subjects_that_all_of_them_answer():
    rows = [("A", "cad", "x"), ("A", "cad", "y"), ("B", "cad", "x"), ("A", "af", "y")]
    table = pd.DataFrame(rows, columns=["method", "column", "subject"]).astype("category")
    kept = shared_subjects(table)
    assert kept.to_numpy().tolist() == [["A", "cad", "x"], ["B", "cad", "x"], ["A", "af", "y"]]
