import numpy as np
import pandas as pd
import pytest
from made_up import made_up_predictions

from cardiolens.errors import BadRun
from cardiolens.evaluation.comparison import oracle_predictions
from cardiolens.evaluation.differences import differences
from cardiolens.evaluation.metrics import evaluate
from cardiolens.evaluation.paper_tables import (
    DUAL_PHASE_MODELS,
    METHODS,
    PAPER_TABLES,
    Results,
    ablation,
    beyond,
    cmr_branch,
    dual_phase,
    modalities,
    phenotype_groups,
    pretraining_strategies,
)
from cardiolens.evaluation.rendering import Mark, Table, as_csv, as_latex, as_text
from cardiolens.imaging.phenotype_table import PHENOTYPES

LV = tuple(p.column for p in PHENOTYPES if p.group == "LV")
RV = tuple(p.column for p in PHENOTYPES if p.group == "RV")


@pytest.fixture(scope="module")
def everything() -> pd.DataFrame:
    """Predictions of every method of the first paper, in an order that no table has."""
    methods = (*reversed(METHODS), "Something else")
    return made_up_predictions(methods=methods, subjects=40, diseases=("hf", "dm", "af", "cad"), values=(*RV, *LV))


@pytest.fixture(scope="module")
def metrics(everything: pd.DataFrame) -> pd.DataFrame:
    return evaluate(everything)


def _methods(table: Table, heading: str) -> list[str]:
    return [row[0].text for block in table.blocks if block.heading.startswith(heading) for row in block.rows]


def test_each_table_holds_its_methods_in_the_papers_order(metrics):
    tables = [make(Results(metrics)) for make in PAPER_TABLES]
    names = ["modalities", "pretraining_strategies", "ablation", "phenotype_groups", "cmr_branch"]
    assert [table.name for table in tables] == names
    measured = [_methods(table, "This cohort") for table in tables]
    assert measured[0] == ["Tabular", "CMR supervised", "Supervised", "MMCL"]
    assert measured[1][0::7] == ["Supervised", "MMCL"]
    assert measured[2] == ["Supervised", "MDM", "MMCL w/o MDM", "MMCL"]
    assert measured[3] == [*measured[2], "CMR supervised"]
    assert measured[4] == ["CMR supervised", "CMR SimCLR", "CMR of MMCL w/o MDM", "CMR of MMCL"]
    assert not any("Not run" in table.note for table in tables)


def test_the_papers_three_diseases_are_shown_and_groups_of_phenotypes_in_a_table_of_their_own(metrics):
    heads = {make: [cell.text for cell in make(Results(metrics)).header] for make in PAPER_TABLES}
    assert heads.pop(phenotype_groups) == ["Method", "LV", "RV"]
    assert all(head == ["Method", "CAD", "AF", "DM"] for head in heads.values())


def test_what_neither_paper_has_stands_beside_the_papers_own_methods(metrics):
    table = beyond(Results(metrics))
    assert _methods(table, "This cohort") == ["Supervised", "MMCL w/o MDM", "MMCL", "Something else"]
    assert [cell.text for cell in table.header] == ["Method", "CAD", "AF", "DM", "LV", "RV"]
    with pytest.raises(BadRun, match="no method of its own"):
        beyond(Results(metrics[metrics["method"] != "Something else"]))


def test_published_rows_stand_beside_what_was_measured(metrics):
    strategies = pretraining_strategies(Results(metrics))
    published = _methods(strategies, "Published")
    assert (len(published), published[-1]) == (8, "ECG, MDM and MMCL")
    assert _methods(phenotype_groups(Results(metrics)), "Published")[-1] == "CMR, reference of Table IV"
    of_mri = cmr_branch(Results(metrics))
    assert _methods(of_mri, "Published") == ["CMR, supervised ResNet-50", "CMR, MMCL without MDM"]
    last = of_mri.blocks[-1].rows[-1]
    assert [cell.text for cell in last] == ["CMR, MMCL without MDM", "0.744 ± 0.007", "0.771 ± 0.004", "–"]


def test_methods_that_were_not_run_are_left_out_and_named(metrics):
    some = metrics[metrics["method"].isin(("MMCL", "BYOL"))]
    table = pretraining_strategies(Results(some))
    assert _methods(table, "This cohort") == ["BYOL", "MMCL"]
    assert "Not run here: Supervised, SimCLR, CLOCS, Barlow Twins, MDM, MMCL w/o MDM." in table.note


def test_a_table_of_which_nothing_was_run_is_refused(metrics):
    some = metrics[metrics["method"] == "BYOL"]
    with pytest.raises(
        BadRun, match=r"the table 'ablation': found none of its methods on the split 'test'; expected metrics of"
    ):
        ablation(Results(some))
    with pytest.raises(BadRun, match="on the split 'select'"):
        ablation(Results(metrics, split="select"))


def test_differences_are_to_the_tables_own_reference(everything, metrics):
    rng = np.random.default_rng(0)
    found = [differences(everything, reference=name, rng=rng, resamples=20) for name in ("MMCL", "CMR of MMCL")]
    results = Results(metrics, differences=pd.concat(found))
    for make, reference in ((modalities, "MMCL"), (phenotype_groups, "MMCL"), (cmr_branch, "CMR of MMCL")):
        table = make(results)
        different = _methods(table, f"Difference to {reference}")
        assert different == [name for name in _methods(table, "This cohort") if name != reference]
        assert {"p", "p_holm", "reference"} <= set(as_csv(table).splitlines()[0].split(","))
    assert "Difference" not in as_text(modalities(Results(metrics)))


@pytest.mark.parametrize(
    ("make", "method", "reference"),
    [
        (pretraining_strategies, "MDM", "Supervised"),
        (ablation, "MDM", "Supervised"),
        (phenotype_groups, "MDM", "Supervised"),
        (beyond, "MMCL cine + local", "MMCL cine"),
        (beyond, "Supervised + voltage", "Supervised"),
    ],
)
def test_what_one_step_adds_has_a_paired_interval_of_its_own(make, method, reference):
    methods = ("Supervised", "MDM", "MMCL", "Supervised + voltage", "MMCL cine", "MMCL cine + local")
    table = made_up_predictions(methods=methods, subjects=120, values=LV)
    rng = np.random.default_rng(0)
    every = [differences(table, reference=name, rng=rng, resamples=50) for name in ("MMCL", "Supervised", "MMCL cine")]
    found = make(Results(evaluate(table), differences=pd.concat(every)))
    assert _methods(found, f"Difference to {reference}") == [method]
    shown = found.numbers[(found.numbers["method"] == method) & (found.numbers["reference"] == reference)]
    wanted = every[1 if reference == "Supervised" else 2].set_index(["method", "column", "metric"])["difference"]
    assert len(shown)
    for row in shown.itertuples():
        assert row.mean == wanted[method, row.column, row.metric]
        assert row.low < row.mean < row.high
    (block,) = (block for block in found.blocks if block.heading == f"Difference to {reference}")
    first = shown[shown["metric"] == ("mean_r" if make is phenotype_groups else "auroc")].iloc[0]
    assert block.rows[0][1].text == f"{first['mean']:+.3f}".replace("-", "−")


def test_the_cohorts_oracle_and_the_seeds_are_shown():
    table = made_up_predictions(methods=("Supervised", "MMCL"), seeds=(0, 1), values=(), subjects=60)
    more = made_up_predictions(methods=("MMCL",), seeds=(2,), values=(), subjects=60)
    risk = np.linspace(0, 1, 60)
    subjects = pd.DataFrame(
        {"subject": table["subject"].unique(), "split": "test", "cad": np.arange(60) % 2, "true_risk_cad": risk}
    )
    found = ablation(Results(evaluate(pd.concat([table, more])), oracle=oracle_predictions(subjects)))
    assert _methods(found, "Truth of this synthetic cohort") == ["Truth (oracle)"]
    assert "Seeds: 2 to 3." in found.note


def test_the_second_papers_models_stand_side_by_side():
    models = list(DUAL_PHASE_MODELS)[:4]
    table = made_up_predictions(methods=tuple(reversed(models)), subjects=60, diseases=("hf", "cad"), values=(*LV, *RV))
    kinds = ("auroc", "mean_r2")
    different = differences(table, reference="ECG only", rng=np.random.default_rng(0), metrics=kinds, resamples=20)
    found = dual_phase(Results(evaluate(table), differences=different))
    assert [cell.text for cell in found.header] == ["", *models]
    rows = {block.heading: [row[0].text for row in block.rows] for block in found.blocks}
    assert rows == {
        "R²": ["LV", "RV"],
        "R²: difference to ECG only": ["LV", "RV"],
        "Pearson r": ["LV", "RV"],
        "AUC": ["CAD", "HF"],
        "AUC: difference to ECG only": ["CAD", "HF"],
    }
    assert "Not run here: TCL." in found.note
    assert "0.605" in found.note
    first = {block.heading: block.rows[0][1:] for block in found.blocks}
    assert first["AUC: difference to ECG only"][0].text == "–"
    assert all(Mark.BEST in {cell.mark for cell in first[heading]} for heading in ("R²", "Pearson r", "AUC"))
    value = found.numbers.query("method == 'CL 3-D' and column == 'LV' and metric == 'mean_r2' and origin == 'measured'")[
        "mean"
    ]
    assert first["R²"][3].text == f"{value.iloc[0]:.3f}".replace("-", "−")


def test_what_sees_more_of_the_mri_is_compared_with_one_slice_of_it():
    table = made_up_predictions(methods=tuple(DUAL_PHASE_MODELS), subjects=60, values=LV)
    rng = np.random.default_rng(0)
    kinds = ("auroc", "mean_r2")
    both = [differences(table, reference=name, rng=rng, metrics=kinds, resamples=20) for name in ("ECG only", "CL 2-D")]
    found = dual_phase(Results(evaluate(table), differences=pd.concat(both)))
    models = [cell.text for cell in found.header[1:]]
    for heading, metric in (("AUC", "auroc"), ("R²", "mean_r2")):
        cells = {block.heading: block.rows[0][1:] for block in found.blocks}[f"{heading}: difference to CL 2-D"]
        shown = dict(zip(models, cells, strict=True))
        wanted = both[1][both[1]["metric"] == metric].set_index("method")["difference"]
        assert {name for name, cell in shown.items() if cell.text != "–"} == {"CL 2-D + time", "CL 3-D", "TCL"}
        assert shown["TCL"].text == f"{wanted['TCL']:+.3f}".replace("-", "−")


def test_every_table_has_its_latex(metrics):
    for make in PAPER_TABLES:
        assert as_latex(make(Results(metrics))).count(r"\midrule") == 2
