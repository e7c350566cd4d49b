import numpy as np

from cardiolens.evaluation.metrics import evaluate
from cardiolens.evaluation.rendering import as_text
from cardiolens.evaluation.tables import disease_table, evaluation_table, phenotype_table
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS


def test_a_disease_row_carries_interval_prevalence_n_and_cases(predictions):
    table = disease_table(evaluate(predictions(methods=("MMCL",))))
    method, area, precision, prevalence, cases, seeds = table.blocks[0].rows[0]
    assert table.blocks[0].heading == "Coronary artery disease (CAD)"
    assert (method.text, prevalence.text, cases.text, seeds.text) == ("MMCL", "25.0 %", "30 of 120", "1")
    assert all(cell.detail.startswith("(0.") for cell in (area, precision))


def test_all_phenotypes_stand_in_their_groups_with_units_and_n(predictions):
    metrics = evaluate(predictions(values=PHENOTYPE_COLUMNS, subjects=40))
    table = phenotype_table(metrics, method="MMCL")
    assert [len(block.rows) for block in table.blocks] == [7, 5, 18, 18, 18]  # each with its mean
    name, r, _, error, n = table.blocks[0].rows[0]
    assert name.text == "LVEDV"
    assert error.text.endswith(" mL")
    assert r.detail
    assert 30 <= int(n.text) <= 40
    assert set(table.numbers["method"]) == {"MMCL"}


def test_a_phenotype_that_a_few_have_is_not_shown(predictions):
    table = predictions(methods=("MMCL",), values=PHENOTYPE_COLUMNS[:2], subjects=40)
    known = (table["column"] == PHENOTYPE_COLUMNS[0]).to_numpy() & table["target"].notna().to_numpy()
    table.loc[np.flatnonzero(known)[7:], "target"] = np.nan
    rows = phenotype_table(evaluate(table), method="MMCL").blocks[0].rows
    assert [cell.text for cell in rows[0][1:]] == ["–", "–", "–", "under 10"]
    assert rows[1][1].text != "–"


def test_a_value_outside_the_phenotypes_has_its_own_block(predictions):
    table = phenotype_table(evaluate(predictions(values=("age_years",))), method="MDM")
    assert [block.heading for block in table.blocks] == ["Other values"]


def test_the_evaluation_has_a_row_per_disease_group_and_value(predictions):
    table = evaluation_table(evaluate(predictions(methods=("MMCL",), values=PHENOTYPE_COLUMNS, subjects=40)))
    rows = [[cell.text for cell in row] for row in table.blocks[0].rows]
    assert [row[0] for row in rows[:3]] == ["Coronary artery disease", "Left ventricle, mean", "Right ventricle, mean"]
    assert len(rows) == 1 + 5 + 1 + 61
    assert (rows[0][3:], rows[1][3]) == (["", "40", "10 of 40"], "")
    assert rows[7][3].endswith(" mL")
    assert "Coronary artery disease" in as_text(table)


def test_the_evaluation_does_not_tell_of_a_few_cases(predictions):
    metrics = evaluate(predictions(methods=("MMCL",), subjects=40)).assign(events=3).astype({"events": "Int64"})
    row = evaluation_table(metrics).blocks[0].rows[0]
    assert row[5].text == "under 10 of 40"
