from datetime import date

import numpy as np
import pytest

from cardiolens.cohorts.release.diagnoses import CENSORED, death_cells, diagnoses, diagnosis_cells

VISIT = date(2016, 5, 4)
PREFIXES = {
    "cad": ("I20", "I21", "I22", "I23", "I24", "I25"),
    "mi": ("I21", "I22", "I252"),
    "af": ("I48",),
    "dm": ("E10", "E11", "E12", "E13", "E14"),
    "hf": ("I50",),
    "cardiomyopathy": ("I42", "I43"),
    "scd": ("I46",),
}
"""Matched by the beginning of a code, as labels are made."""


def _found(ill: set[str], number: int, **changes) -> list[tuple[str, date]]:
    about = {"sex": "F", "systolic_mmhg": 170.0, "in_af": False, "first_visit": VISIT} | changes
    return diagnoses({name: name in ill for name in PREFIXES}, rng=np.random.default_rng(number), **about)


@pytest.mark.parametrize("ill", [set(), {"cad"}, {"cad", "mi"}, {"af", "hf"}, {"dm", "cardiomyopathy"}, {"scd"}, set(PREFIXES)])
def test_labels_made_from_codes_are_the_generators(ill):
    for number in range(60):
        codes = [code for code, _ in _found(ill, number)]
        assert {name for name, starts in PREFIXES.items() if any(code.startswith(starts) for code in codes)} == ill
        assert len(set(codes)) == len(codes)


def test_traps_of_real_records_occur():
    codes = [code for number in range(400) for code, _ in _found({"af"}, number)]
    assert "I48" in codes
    assert "O244" in codes
    assert "I10" in codes


def test_diagnoses_come_before_and_after_the_visit_and_never_after_the_end_of_records():
    days = [day for number in range(100) for _, day in _found({"cad", "scd"}, number)]
    assert min(days) < VISIT < max(days) <= CENSORED
    assert all(day > VISIT for number in range(100) for code, day in _found({"scd"}, number) if code.startswith("I46"))


def test_fibrillation_that_was_recorded_was_known():
    days = [min(day for code, day in _found({"af"}, k, in_af=True) if code.startswith("I48")) for k in range(50)]
    assert max(days) < VISIT


def test_dates_stand_beside_their_codes_and_first_occurrences_are_the_first():
    found = [("I251", date(2015, 1, 2)), ("I10", date(2001, 1, 1)), ("I252", date(2012, 3, 4))]
    cells = diagnosis_cells(found, placeholder=0.5)
    assert [cells[f"41270-0.{k}"] for k in range(3)] == ["I251", "I10", "I252"]
    assert [cells[f"41280-0.{k}"] for k in range(3)] == ["2015-01-02", "2001-01-01", "2012-03-04"]
    assert cells["131306-0.0"] == "2012-03-04"
    assert len(cells) == 7


def test_an_unknown_date_is_a_placeholder_in_the_first_occurrence_alone():
    cells = diagnosis_cells([("I489", date(2015, 1, 2))], placeholder=0.0)
    assert cells == {"41270-0.0": "I489", "41280-0.0": "2015-01-02", "131350-0.0": "1900-01-01"}


def test_only_those_whose_heart_stopped_die_and_on_that_day():
    assert death_cells([("I251", date(2015, 1, 2))]) == {}
    assert death_cells([("I461", date(2019, 1, 2)), ("I10", VISIT)]) == {"40000-0.0": "2019-01-02", "40001-0.0": "I461"}
