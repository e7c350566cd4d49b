from dataclasses import fields, replace
from datetime import date

import pytest

from cardiolens.cohorts.release.numbers import Chances
from cardiolens.cohorts.release.people import age_years, ecg_cells, imaging_visits, mri_cells, person_cells
from cardiolens.imaging.phenotype_table import PHENOTYPES
from cardiolens.synthetic.generator import make_subject

SHARES = {"mri": 0.9, "ecg": 0.98, "repeat": 0.6}
CHANCES = Chances(**dict.fromkeys((field.name for field in fields(Chances)), 0.5))


@pytest.fixture(scope="module")
def subject():
    return make_subject(seed=6, index=1, with_mri=False)


def _visits(**chances):
    return imaging_visits(replace(CHANCES, **chances), SHARES, with_mri=True)


def test_a_second_visit_is_some_years_later_and_is_instance_three():
    first, second = _visits()
    assert (first.instance, first.number, second.instance, second.number) == (2, 0, 3, 1)
    assert 2 <= (second.taken_at - first.taken_at).days / 365 <= 3
    assert [visit.instance for visit in _visits(has_second_visit=0.7)] == [2]


def test_files_are_missing_for_the_shares_asked_for():
    assert [(visit.has_ecg, visit.has_mri) for visit in _visits(has_ecg=0.99, has_mri=0.95)] == [(False, False), (True, True)]
    assert not any(visit.has_mri for visit in imaging_visits(CHANCES, SHARES, with_mri=False))


def test_age_grows_from_baseline_over_the_visits(subject):
    visits = _visits()
    cells = person_cells(subject, visits, CHANCES, missing_share=0.0)
    ages = [cells[f"21003-{instance}.0"] for instance in (0, 2, 3)]
    assert ages[1] == int(subject.covariates["age_years"])
    assert ages[1] - 10 < ages[0] < ages[1] < ages[2] <= ages[1] + 3
    days = [date.fromisoformat(cells[f"53-{instance}.0"]) for instance in (0, 2, 3)]
    assert days == sorted(days)
    born = date(cells["34-0.0"], cells["52-0.0"], 15)
    assert (days[1] - born).days / 365.25 == pytest.approx(subject.covariates["age_years"], abs=0.1)
    assert age_years(subject, visits, visits[0]) == subject.covariates["age_years"]


def test_body_and_pressure_are_the_subjects(subject):
    cells = person_cells(subject, _visits(), CHANCES, missing_share=0.0)
    assert cells["31-0.0"] == int(subject.covariates["sex"] == "M")
    assert cells["50-2.0"] == cells["12144-2.0"] == pytest.approx(subject.covariates["height_cm"], abs=0.05)
    assert cells["21001-3.0"] == pytest.approx(subject.covariates["bmi"], abs=1e-3)
    readings = [cells["4080-2.0"], cells["4080-2.1"]]
    assert sum(readings) / 2 == pytest.approx(subject.covariates["systolic_bp_mmhg"], abs=1)


@pytest.mark.parametrize(
    ("chance", "absent"),
    [
        ("no_weight", {"21002-2.0", "12143-2.0", "21001-2.0"}),
        ("no_height", {"50-2.0", "12144-2.0", "21001-2.0"}),
        ("no_pressure", {"4080-2.0", "4080-2.1", "4079-2.0", "4079-2.1"}),
    ],
)
def test_a_missing_covariate_has_no_cell_and_neither_has_what_follows_from_it(subject, chance, absent):
    visits = _visits(has_second_visit=0.7)
    whole = person_cells(subject, visits, CHANCES, missing_share=0.1)
    without = person_cells(subject, visits, replace(CHANCES, **{chance: 0.05}), missing_share=0.1)
    assert whole.keys() - without.keys() == absent


def test_who_will_not_say_has_the_code_for_it(subject):
    reticent = replace(CHANCES, will_not_say_smoking=0.01)
    assert person_cells(subject, _visits(), reticent, missing_share=0.1)["20116-2.0"] == -3


def test_phenotypes_stand_in_their_fields_of_the_visit(subject):
    cells = mri_cells(subject, 3, CHANCES, missing_share=0.1)
    for phenotype in PHENOTYPES:
        assert cells[f"{phenotype.ukb_field}-3.0"] == pytest.approx(subject.phenotypes[phenotype.column], abs=0.006)
    assert cells["22420-3.0"] < cells["24103-3.0"]


@pytest.mark.parametrize(("chance", "left"), [("no_phenotypes", 0), ("no_regional_phenotypes", 10)])
def test_of_some_people_only_volumes_exist_and_of_some_not_even_these(subject, chance, left):
    cells = mri_cells(subject, 2, replace(CHANCES, **{chance: 0.05}), missing_share=0.1)
    assert sum(name.startswith("241") for name in cells) == left
    assert "22421-2.0" in cells


def test_the_ecgs_twins_are_those_that_were_measured():
    assert ecg_cells({"rr": 800.0, "qrs": 92.0}, 3) == {"22333-3.0": 800.0, "12340-3.0": 92.0, "12336-3.0": 75}
    assert ecg_cells({}, 2) == {}
