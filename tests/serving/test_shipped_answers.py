"""The shipped bundle on real files: plumbing and plausibility, not accuracy."""

import numpy as np
import pytest

from cardiolens.imaging.phenotype_table import PHENOTYPES
from cardiolens.serving.answers import Answer
from cardiolens.serving.predictor import Predictor


@pytest.fixture(scope="module")
def answers(shared_data):
    files = [shared_data / "ecg/formats/cardiosoft_xml/ukbb_scrubbed.xml"]
    files += sorted((shared_data / "ecg/ptbxl/records500").glob("*.hea"))
    return Predictor.from_pretrained().predict_files(files)


def test_every_real_file_gets_three_risks_and_61_phenotypes_with_units(answers):
    assert len(answers) == 101
    for answer in answers:
        assert isinstance(answer, Answer)
        assert [risk.name for risk in answer.risks] == ["cad", "af", "dm"]
        assert [(p.column, p.unit) for p in answer.phenotypes] == [(p.column, p.unit) for p in PHENOTYPES]
        assert "synthetic" in answer.notice


def test_phenotypes_of_real_ecgs_are_those_of_hearts(answers):
    values = {
        p.column: np.array([next(q.value for q in a.phenotypes if q.column == p.column) for a in answers]) for p in PHENOTYPES
    }
    assert 60 < np.median(values["lvedv_ml"]) < 250
    assert 25 < np.median(values["lvef_percent"]) < 80
    assert 3 < np.median(values["wt_global_mm"]) < 12
    # A model that answers alike for everyone would pass the medians.
    assert values["lvm_g"].std() > 1
