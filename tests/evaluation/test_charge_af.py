import math

import numpy as np
import pandas as pd
import pytest

from cardiolens.errors import BadCohort
from cardiolens.evaluation.charge_af import METHOD, charge_af, charge_af_predictions, missing_columns
from cardiolens.evaluation.predictions import check_predictions

COMPLETE = {
    "age_years": 65.0, "height_cm": 175.0, "weight_kg": 80.0, "systolic_bp_mmhg": 140.0, "diastolic_bp_mmhg": 80.0,
    "ethnicity": "White", "current_smoker": 0.0, "antihypertensive_medication": 0.0,
    "dm_prevalent": 0.0, "hf_prevalent": 0.0, "mi_prevalent": 0.0,
}  # fmt: skip


def _people(*changes: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame([COMPLETE | change for change in changes or ({},)])


def test_a_healthy_man_by_hand():
    # 13 x 0.508 + 0.465 + 17.5 x 0.248 + 16/3 x 0.115 + 7 x 0.197 - 8 x 0.101
    #   = 6.604 + 0.465 + 4.34 + 0.613333 + 1.379 - 0.808 = 12.593333, 0.011773 above the mean: exp 1.011843.
    # ln 0.9718412736 = -0.0285628; times 1.011843 is -0.0289011; 1 - exp of it is 0.0284874.
    found = charge_af(_people())
    assert found.predictor[0] == pytest.approx(12.593333, abs=1e-6)
    assert found.risk[0] == pytest.approx(0.0284874, abs=1e-7)
    assert found.notes == ()


def test_a_sick_woman_by_hand():
    # 15 x 0.508 + 0 + 16 x 0.248 + 6 x 0.115 + 8 x 0.197 - 9 x 0.101 + 0.359 + 0.349 + 0.237 + 0.701 + 0.496
    #   = 7.62 + 3.968 + 0.69 + 1.576 - 0.909 + 2.142 = 15.087, 2.50544 above the mean: exp 12.248947.
    # -0.0285628 times 12.248947 is -0.349864; 1 - exp of it is 0.295216.
    sick = {"age_years": 75, "height_cm": 160, "weight_kg": 90, "systolic_bp_mmhg": 160, "diastolic_bp_mmhg": 90,
            "ethnicity": "Black", "current_smoker": 1, "antihypertensive_medication": 1,
            "dm_prevalent": 1, "hf_prevalent": 1, "mi_prevalent": 1}  # fmt: skip
    found = charge_af(_people(sick))
    assert found.predictor[0] == pytest.approx(15.087, abs=1e-9)
    assert found.risk[0] == pytest.approx(0.295216, abs=1e-6)
    assert found.log_odds[0] == pytest.approx(math.log(0.295216 / 0.704784), abs=1e-5)


@pytest.mark.parametrize(
    ("column", "value", "step"),
    [("ethnicity", "Asian", -0.465), ("current_smoker", 1.0, 0.359), ("antihypertensive_medication", 1.0, 0.349),
     ("dm_prevalent", 1.0, 0.237), ("hf_prevalent", 1.0, 0.701), ("mi_prevalent", 1.0, 0.496)],
)  # fmt: skip
def test_each_answer_weighs_what_was_published(column, value, step):
    predictor = charge_af(_people({}, {column: value})).predictor
    assert predictor[1] - predictor[0] == pytest.approx(step)


def test_ever_smoked_stands_in_for_current_smoking_and_says_that_it_is_not():
    people = _people({}, {}).drop(columns="current_smoker").assign(ever_smoked=[0.0, 1.0])
    found = charge_af(people)
    assert np.diff(found.predictor) == pytest.approx(0.359)
    assert any("ever_smoked stands in, which is not current smoking" in note for note in found.notes)


def test_current_smoking_comes_before_ever_smoked():
    found = charge_af(_people().assign(ever_smoked=1.0))
    assert found.predictor[0] == charge_af(_people()).predictor[0]


@pytest.mark.parametrize(
    ("column", "says"),
    [("ethnicity", "counts as white"), ("current_smoker", "nobody smokes"),
     ("antihypertensive_medication", "nobody takes"), ("hf_prevalent", "nobody has heart failure")],
)  # fmt: skip
def test_no_absent_column_is_passed_over_in_silence(column, says):
    found = charge_af(_people().drop(columns=column))
    assert found.predictor[0] == pytest.approx(12.593333, abs=1e-6)
    assert len(found.notes) == 1
    assert says in found.notes[0]


def test_a_label_that_may_know_the_future_says_so():
    found = charge_af(_people().drop(columns="mi_prevalent").assign(mi=1.0))
    assert found.predictor[0] == pytest.approx(12.593333 + 0.496, abs=1e-6)
    assert "came after the ECG" in found.notes[0]


def test_an_unknown_value_leaves_no_score_and_is_counted():
    found = charge_af(_people({"weight_kg": np.nan}, {"ethnicity": None}, {"dm_prevalent": np.nan}, {}))
    assert np.isnan(found.risk).tolist() == [True, True, True, False]
    assert found.notes == ("3 of 4 have no score, for want of weight_kg of 1, ethnicity of 1, diabetes of 1",)


def test_one_slip_of_the_pen_is_unknown_and_a_wrong_unit_is_refused():
    slip = charge_af(_people({"height_cm": 1.75}, {}, {}))
    assert np.isnan(slip.risk).tolist() == [True, False, False]
    assert "1 with height_cm outside 100 to 250 count as unknown" in slip.notes
    with pytest.raises(BadCohort, match=r"median of 1\.75 in height_cm"):
        charge_af(_people({"height_cm": 1.75}))


def test_people_outside_the_models_ages_are_counted():
    assert "1 are not 46 to 94 years old" in charge_af(_people({"age_years": 40.0}, {})).notes[0]


@pytest.mark.parametrize("change", [{"current_smoker": 2.0}, {"dm_prevalent": "yes"}])
def test_what_is_neither_yes_nor_no_is_refused(change):
    with pytest.raises(BadCohort, match=next(iter(change))):
        charge_af(_people(change))


def test_a_missing_measurement_is_named():
    people = _people().drop(columns="systolic_bp_mmhg")
    assert missing_columns(people) == ("systolic_bp_mmhg",)
    with pytest.raises(BadCohort, match="no column systolic_bp_mmhg"):
        charge_af(people)


def test_the_covariates_of_a_synthetic_cohort_are_enough(tiny_cohort):
    subjects = pd.read_parquet(tiny_cohort.path / "subjects.parquet")
    found = charge_af(subjects)
    assert np.isfinite(found.risk).all()
    assert 0.001 < np.median(found.risk) < 0.2
    assert sum("stands in" in note for note in found.notes) == 4


def test_scores_become_predictions_of_those_who_have_one():
    people = _people({"weight_kg": np.nan}, {}).assign(subject=["aaaaaaaa", "bbbbbbbb"], af_incident_5y=[0.0, 1.0])
    found = charge_af(people)
    table = check_predictions(charge_af_predictions(people, found, "af_incident_5y", "af", "test"))
    assert table[["method", "subject", "target"]].to_numpy().tolist() == [[METHOD, "bbbbbbbb", 1.0]]
    assert table["score"].to_numpy() == pytest.approx(found.log_odds[1:])
