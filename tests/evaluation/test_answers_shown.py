import numpy as np
import pytest
from decoded import pixels

from cardiolens.evaluation.answers import answer_figures, answer_table, risk_rows
from cardiolens.evaluation.content import OneAnswer
from cardiolens.evaluation.figures import cohort_moments
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS, PHENOTYPES


@pytest.fixture
def answer() -> dict:
    phenotypes = [
        {"name": p.name, "column": p.column, "group": p.group, "value": 40.0 + k, "unit": p.unit}
        for k, p in enumerate(PHENOTYPES)
    ]
    risks = [
        {"name": "cad", "label": "Coronary artery disease", "probability": 0.144, "prevalence": 0.072},
        {"name": "gout", "label": "gout", "probability": 0.0, "prevalence": 0.0},
    ]
    return {"source": "an.hea", "notes": (), "risks": risks, "phenotypes": phenotypes, "model": "m", "notice": "n"}


def test_a_risk_is_set_beside_the_prevalence(answer):
    cad, gout = risk_rows(answer)
    assert (cad.label, cad.probability) == ("Coronary artery disease", "14.4 %")
    assert cad.context.startswith("2.0 times the prevalence of 7.2 %")
    assert cad.bar_percent == pytest.approx(2 * cad.mark_percent, abs=0.02)
    assert cad.bar_percent < 100
    assert (gout.context, gout.bar_percent) == ("prevalence unknown", 0)


def test_every_phenotype_has_its_unit_and_the_cohort_beside_it(answer, predictions):
    cohort = cohort_moments(predictions(methods=("MDM",), values=("lvedv_ml",)))
    one = OneAnswer(answer, np.zeros((12, 100), np.float32), measured={"lvedv_ml": 51.0})
    table = answer_table(one, cohort)
    rows = [row for block in table.blocks for row in block.rows]
    assert len(rows) == 61
    assert [cell.text for cell in rows[0][:2]] == ["LVEDV", "40.0 mL"]
    assert rows[0][2].text.startswith(f"{cohort.loc['lvedv_ml', 'mean']:.1f} ±")
    assert rows[0][3].text == "51.0"
    assert [cell.text for cell in rows[1][2:]] == ["–", "–"]


def test_segments_are_drawn_only_where_all_are_predicted(answer, predictions):
    cohort = cohort_moments(predictions(methods=("MDM",), values=PHENOTYPE_COLUMNS, subjects=12))
    signal = np.zeros((12, 100), np.float32)
    whole = {name: pixels(png).size for name, _, png in answer_figures(OneAnswer(answer, signal), cohort)}
    assert list(whole) == ["ecg", "profile", "segments"]
    few = answer | {"phenotypes": answer["phenotypes"][:6]}
    assert [name for name, _, _ in answer_figures(OneAnswer(few, signal), cohort)] == ["ecg", "profile"]
    assert [name for name, _, _ in answer_figures(OneAnswer(few, signal), cohort.iloc[:0])] == ["ecg"]
