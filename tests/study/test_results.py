import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cardiolens.cohorts.prepare_synthetic import prepare_synthetic
from cardiolens.evaluation.canvas import with_footer
from cardiolens.evaluation.content import figure_footer
from cardiolens.evaluation.predictions import read_predictions
from cardiolens.recipes.demo_dual_phase import GRID
from cardiolens.study.contenders import CONTENDERS, DUAL_PHASE
from cardiolens.study.paper import demo_sizes
from cardiolens.study.results import FinishedStudy, write_results
from cardiolens.study.runner import Asked, run_study
from cardiolens.study.studies import STUDIES
from cardiolens.study.tabular import tabular_runs

TABLES = (
    "modalities", "pretraining_strategies", "ablation", "phenotype_groups", "cmr_branch", "beyond", "dual_phase",
)  # fmt: skip
FIGURES = ("figure_4_phenotypes", "figure_5_few_labels", "figure_6_heat_maps", "dual_phase_bars")
ONE_EPOCH = {"training.warmup_epochs": 0.0, "training.epochs": 1, "training.validate_every": 1}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The whole demo study of one disease and one seed, with every run of one epoch, on a few hearts."""
    out = tmp_path_factory.mktemp("study")
    cohort = prepare_synthetic(out / "cohort", subjects=70, seed=9, with_volumes=True, with_cine=True, grid=GRID)
    recipes = replace(
        demo_sizes(), grid={"training.base_lr": (1e-3,)}, cmr_grid={"training.base_lr": (1e-3,)}, diseases=("cad",),
        seeds=(0,), other_seeds=(0,), few_labels={0.5: {}}, settings=ONE_EPOCH,
    )  # fmt: skip
    study = STUDIES["demo"].build(recipes)
    others = prepare_synthetic(out / "others", subjects=60, seed=10)
    runs = run_study(study, cohort, out / "study", asked=Asked(others.path, "all"))
    done = FinishedStudy(study, runs, cohort, others, "all", commands=("cardiolens study demo",))
    splits = [(others, "all"), (cohort, "select"), (cohort, "calibrate")]
    tabular = tabular_runs(cohort, splits, study.tabular, recipes.seeds)
    return out / "study", write_results(done, out / "study", tabular=tabular)


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_written_in_three_forms(finished, name):
    out, written = finished
    assert {out / "tables" / f"{name}.{ending}" for ending in ("csv", "md", "tex")} <= set(written)
    assert "Research use only" in (out / "tables" / f"{name}.md").read_text()


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_drawn(finished, name):
    out, written = finished
    assert out / "figures" / f"{name}.png" in written
    assert np.asarray(Image.open(out / "figures" / f"{name}.png")).std() > 5


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_says_at_its_foot_that_its_hearts_are_synthetic(finished, name, tmp_path):
    picture = Image.open(finished[0] / "figures" / f"{name}.png")
    blank = Image.new("RGB", picture.size, "white")
    blank.save(tmp_path / "blank.png", dpi=picture.info["dpi"])
    footer = figure_footer(trained_on_synthetic=True, about_synthetic=True)
    whole = Image.open(io.BytesIO(with_footer((tmp_path / "blank.png").read_bytes(), footer)))
    strip = np.asarray(whole)[picture.height :]
    np.testing.assert_array_equal(np.asarray(picture)[-len(strip) :], strip)


def test_every_contender_has_its_row_in_some_table(finished):
    out, _ = finished
    rows = pd.concat([pd.read_csv(out / "tables" / f"{name}.csv") for name in TABLES])
    measured = set(rows.loc[rows["origin"] == "measured", "method"])
    assert measured == {one.name for one in (*CONTENDERS, *DUAL_PHASE)} | {"Tabular"}


def test_the_page_shows_all_of_it(finished):
    out, written = finished
    page = (out / "index.html").read_text()
    assert written[-1] == out / "index.html"
    assert all(f'id="table-{name}"' in page for name in (*TABLES, "retrieval", "localisation", "sanity"))
    assert all(f'id="figure-{name}"' in page for name in FIGURES)
    assert "cardiolens study demo" in page


@pytest.mark.parametrize(
    ("name", "method", "reference"),
    [
        ("ablation", "MDM", "Supervised"),
        ("beyond", "MMCL cine + local", "MMCL cine"),
        ("beyond", "Supervised + voltage", "Supervised"),
        ("dual_phase", "TCL", "CL 2-D"),
        ("dual_phase", "TCL", "ECG only"),
    ],
)
def test_what_one_step_adds_is_among_the_differences(finished, name, method, reference):
    table = pd.read_csv(finished[0] / "tables" / f"{name}.csv")
    assert ((table["method"] == method) & (table["reference"] == reference) & table["mean"].notna()).any()


def test_runs_on_fewer_labels_are_in_the_curves_and_not_in_the_tables(finished):
    out, _ = finished
    curves = pd.read_csv(out / "figures" / "figure_5_few_labels.csv")
    assert len(set(curves["train_size"])) == 2
    predictions = read_predictions(out / "predictions.parquet")
    assert not predictions.duplicated(["method", "seed", "column", "subject"]).any()


def test_heat_maps_come_with_their_numbers(finished):
    out, _ = finished
    for name in ("localisation", "sanity", "retrieval"):
        assert set(pd.read_csv(out / "figures" / f"{name}.csv")["model"]) == {"MMCL", "MMCL w/o MDM"}
