import io

import numpy as np
import pandas as pd
from made_up_log_odds import made_up_log_odds

from cardiolens.evaluation.added_value import added_value
from cardiolens.evaluation.added_value_table import added_value_table
from cardiolens.evaluation.combination import Methods
from cardiolens.evaluation.rendering import as_csv, as_html, as_latex, as_markdown, as_text


def test_a_block_per_disease_with_a_row_per_model():
    numbers = added_value(made_up_log_odds(np.random.default_rng(0), columns=("af", "dm"), score=True), Methods("MMCL"))
    table = added_value_table(numbers, notes=("nobody smokes",))
    heading, rows = table.blocks[0].heading, table.blocks[0].rows
    events = int(numbers["events"].iloc[0])
    assert heading == f"Atrial fibrillation (AF): {events} of 400"
    assert [row[0].text for row in rows][:2] == ["Tabular", "CHARGE-AF"]
    assert len(table.blocks) == 2
    assert all(len(row) == len(table.header) for row in rows)
    combined = next(row for row in rows if row[0].text == "Tabular + MMCL")
    assert combined[1].detail.startswith("(0.")
    assert combined[2].text[0] in "+−"
    assert "p" in combined[2].detail
    assert combined[3].text == "Tabular"
    assert combined[4].detail.startswith("(p ")
    assert "nobody smokes" in table.note


def test_the_numbers_come_back_from_csv_unrounded():
    numbers = added_value(made_up_log_odds(np.random.default_rng(1)), Methods("MMCL"))
    read = pd.read_csv(io.StringIO(as_csv(added_value_table(numbers))))
    np.testing.assert_allclose(read[["value", "low", "p_holm"]], numbers[["value", "low", "p_holm"]], rtol=1e-14)


def test_a_combination_that_could_not_be_fitted_is_a_dash_and_said():
    table = made_up_log_odds(np.random.default_rng(2))
    shown = added_value_table(added_value(table[table["split"] == "test"], Methods("MMCL")))
    combined = shown.blocks[0].rows[-1]
    assert [cell.text for cell in combined[:3]] == ["Tabular + MMCL", "–", "–"]
    assert float(combined[4].text) > 0
    assert "fewer than 10 cases" in shown.note


def test_every_form_shows_it():
    table = added_value_table(added_value(made_up_log_odds(np.random.default_rng(3)), Methods("MMCL")))
    for form in (as_text, as_markdown, as_latex, as_html):
        assert "Tabular + MMCL" in str(form(table))
