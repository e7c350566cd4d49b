"""What the table says of a visit's person, in one unit whatever field it came from."""

import math

import numpy as np
import pandas as pd
import pytest
from main_tables import PEOPLE, table_of

from cardiolens.cohorts.ukb.columns import FieldColumn
from cardiolens.cohorts.ukb.covariates import born, country, covariates, of_visit, visit_days

A, B, C = PEOPLE
BOTH = np.array([0, 0, 1]), np.array([2, 3, 2])


def _of(tmp_path, cells, person=(0, 1, 2), instance=(2, 2, 2)):
    return covariates(table_of(tmp_path, cells), np.array(person), np.array(instance))


def test_every_visit_has_the_values_of_its_own_person_and_instance(tmp_path):
    cells = {"21003-0.0": [50, 51, 52], "21003-2.0": [61, 62, 63], "21003-3.0": [65, "", 67]}
    found = _of(tmp_path, cells, person=(2, 0, 1, 0, 2), instance=(3, 2, 3, 3, 2))
    np.testing.assert_array_equal(found["age_years"], [67, 61, math.nan, 65, 63])
    assert list(found.index) == [0, 1, 2, 3, 4]


def test_the_order_of_the_rows_in_the_table_decides_nothing(tmp_path):
    cells = {"31-0.0": [1, 0, 1], "21000-0.0": [1001, 3001, 5], "21003-2.0": [63, 62, 61], "54-2.0": [11025, 11026, 11027]}
    forwards = _of(tmp_path, cells)
    turned = {name: values[::-1] for name, values in cells.items()}
    table = table_of(tmp_path, turned, people=PEOPLE[::-1])
    pd.testing.assert_frame_equal(covariates(table, np.arange(3), np.full(3, 2)), forwards)
    assert forwards["age_years"].tolist() == [63, 62, 61]
    assert forwards["sex"].tolist() == ["M", "F", "M"]


@pytest.mark.parametrize(
    ("field", "column"),
    [("31-0.0", "sex"), ("54-2.0", "site"), ("21000-0.0", "ethnicity")],
)
@pytest.mark.parametrize("cells", [[], ["-1", "-3", ""]])
def test_unknown_words_are_none_and_stay_words(tmp_path, field, column, cells):
    found = _of(tmp_path, {field: cells})[column]
    assert found.dtype == object
    assert found.tolist() == [None, None, None]


def test_sex_site_and_ethnic_group_are_words(tmp_path):
    cells = {"31-0.0": ["0", "1.0", "2"], "54-2.0": ["11025", "11027.0", ""], "21000-0.0": ["1001", "4002.0", "5"]}
    found = _of(tmp_path, cells)
    assert found["sex"].tolist() == ["F", "M", None]
    assert found["site"].tolist() == ["11025", "11027", None]
    assert found["ethnicity"].tolist() == ["White", "Black", "Chinese"]
    assert _of(tmp_path, {"21000-0.0": [2, "3004", 6]})["ethnicity"].tolist() == ["Mixed", "Asian", "Other"]


def test_the_scanners_height_and_weight_come_before_the_assessment_centres(tmp_path):
    cells = {"12144-2.0": [180, "", ""], "50-2.0": [170, 171, ""], "12143-2.0": ["", 82, ""], "21002-2.0": [70, 71, ""]}
    found = _of(tmp_path, cells)
    np.testing.assert_array_equal(found["height_cm"], [180, 171, math.nan])
    np.testing.assert_array_equal(found["weight_kg"], [70, 82, math.nan])


def test_an_index_of_body_mass_is_computed_where_the_table_has_none(tmp_path):
    cells = {"21001-2.0": [27.5, "", ""], "50-2.0": [170, 200, 180], "21002-2.0": [99, 80, ""]}
    np.testing.assert_array_equal(_of(tmp_path, cells)["bmi_kg_per_m2"], [27.5, 20, math.nan])


def test_readings_of_blood_pressure_are_averaged_as_far_as_there_are_any(tmp_path):
    cells = {"4080-2.0": [120, 130, ""], "4080-2.1": [130, "", ""], "4079-2.1": ["", 80, 70]}
    found = _of(tmp_path, cells)
    np.testing.assert_array_equal(found["systolic_bp_mmhg"], [125, 130, math.nan])
    np.testing.assert_array_equal(found["diastolic_bp_mmhg"], [math.nan, 80, 70])


def test_who_ever_smoked_is_known_of_those_who_answered(tmp_path):
    assert _of(tmp_path, {"20116-2.0": [0, 1, 2]})["ever_smoked"].tolist() == [0, 1, 1]
    assert np.isnan(_of(tmp_path, {"20116-2.0": ["-3", "", "-1"]})["ever_smoked"]).all()


def test_who_smokes_now_is_not_who_once_did(tmp_path):
    assert _of(tmp_path, {"20116-2.0": [0, 1, 2]})["current_smoker"].tolist() == [0, 0, 1]
    assert np.isnan(_of(tmp_path, {"20116-2.0": ["-3", "", "-1"]})["current_smoker"]).all()


@pytest.mark.parametrize(
    "cells",
    [
        {"6153-2.0": [1, -7, ""], "6153-2.1": [2, "", ""], "6177-2.0": ["", "", "-3"]},
        {"p6153_i2": ["[1, 2]", "[-7]", ""], "p6177_i2": ["", "", "[-3]"]},
        {"p6177_i2": ["1|2", "3", "-1"], "p6177_i3": ["-7", "2", "2"]},
    ],
)
def test_medication_for_blood_pressure_is_one_of_those_named(tmp_path, cells):
    np.testing.assert_array_equal(_of(tmp_path, cells)["antihypertensive_medication"], [1, 0, math.nan])


def test_medication_in_words_is_refused(tmp_path):
    from cardiolens.errors import BadOption

    with pytest.raises(BadOption, match=r"6177-2\.0 \(p6177_i2\): found cells that are no numbers"):
        _of(tmp_path, {"6177-2.0": ["Insulin", "Blood pressure medication", ""]})


def test_the_ecgs_heart_rate_comes_before_the_scans(tmp_path):
    cells = {"12336-2.0": [60, "", ""], "22426-2.0": [70, 71, ""]}
    np.testing.assert_array_equal(_of(tmp_path, cells)["heart_rate_bpm"], [60, 71, math.nan])


def test_numbers_are_numbers_and_missing_fields_are_unknown(tmp_path):
    found = _of(tmp_path, {"99-0.0": [1, 2, 3]})
    numeric = found.drop(columns=["sex", "ethnicity", "site"])
    assert set(numeric.dtypes) == {np.dtype("float64")}
    assert found.isna().all(axis=None)


def test_a_signed_value_may_be_what_elsewhere_is_no_answer(tmp_path):
    table = table_of(tmp_path, {"24141-2.0": [-3, -20.5, ""]})
    person, instance = np.arange(3), np.full(3, 2)
    np.testing.assert_array_equal(of_visit(table, 24141, person, instance, signed=True), [-3, -20.5, math.nan])
    np.testing.assert_array_equal(of_visit(table, 24141, person, instance), [math.nan, -20.5, math.nan])


def test_the_day_of_each_visit_is_its_instances(tmp_path):
    table = table_of(tmp_path, {"53-2.0": ["2015-05-01", "2016-05-01", ""], "53-3.0": ["2018-05-01", "", "2019-05-01"]})
    days = visit_days(table, np.array([0, 0, 1, 1, 2, 2]), np.array([3, 2, 2, 3, 2, 3]))
    expected = ["2018-05-01", "2015-05-01", "2016-05-01", None, None, "2019-05-01"]
    assert [None if pd.isna(day) else f"{day:%Y-%m-%d}" for day in days] == expected
    assert visit_days(table_of(tmp_path, {"31-0.0": [0]}), *BOTH).isna().all()


def test_birth_is_the_first_day_of_the_month_or_of_the_year(tmp_path):
    table = table_of(tmp_path, {"34-0.0": [1950, 1961, "-3"], "52-0.0": [12, "", 3]})
    assert [None if pd.isna(day) else f"{day:%Y-%m-%d}" for day in born(table)] == ["1950-12-01", "1961-01-01", None]
    assert born(table_of(tmp_path, {"31-0.0": [0]})).isna().all()


def test_the_first_centre_says_whose_records_follow_a_person(tmp_path):
    cells = {"54-0.0": [11004, 11022, 11010], "54-2.0": [11025, 11025, 11025]}
    assert country(table_of(tmp_path, cells)).tolist() == ["Scotland", "Wales", "England"]
    assert country(table_of(tmp_path, {"54-0.0": [11005, 11003, ""]})).tolist() == ["Scotland", "Wales", "England"]


def test_a_table_with_meanings_in_place_of_codes_is_refused(tmp_path):
    from cardiolens.errors import BadOption

    with pytest.raises(BadOption, match=r"21000-0\.0 \(p21000\): found cells that are no numbers"):
        _of(tmp_path, {"21000-0.0": ["British", "Irish", "Any other mixed background"]})
    assert FieldColumn(21000) in table_of(tmp_path, {"21000-0.0": ["British"]})
