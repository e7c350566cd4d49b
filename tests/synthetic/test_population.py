"""The people resemble UK Biobank's imaging visit (Petersen 2017, PLoS ONE 0185114, table 1)."""

import numpy as np
import pytest

from cardiolens.synthetic.population import COVARIATES, LATENTS, Person


@pytest.mark.parametrize(
    ("column", "women", "men"),
    [
        ("height_cm", (163, 6), (176, 7)),
        ("bmi", (26.2, 4.6), (27.1, 3.9)),
        ("systolic_bp_mmhg", (133, 19), (141, 16)),
        ("diastolic_bp_mmhg", (77, 10), (81, 10)),
    ],
)
def test_size_and_blood_pressure_follow_the_imaging_visit(many, column, women, men):
    male = many.people["male"] == 1
    for (mean, sd), rows in ((women, ~male), (men, male)):
        values = many.people[column][rows]
        assert values.mean() == pytest.approx(mean, abs=0.1 * sd)
        assert values.std() == pytest.approx(sd, rel=0.15)


def test_ages_lie_between_45_and_82(many):
    age = many.people["age_years"]
    assert 45 <= age.min() < 46
    assert 81 < age.max() <= 82
    assert age.mean() == pytest.approx(63.5, abs=1)


def test_loads_grow_with_what_causes_them(many):
    people = many.people
    for latent, cause in (
        ("pressure_load", "systolic_bp_mmhg"),
        ("metabolic_load", "bmi"),
        ("atrial_substrate", "age_years"),
        ("coronary_burden", "age_years"),
    ):
        assert np.corrcoef(people[latent], people[cause])[0, 1] > 0.2


def test_extents_lie_between_none_and_all(many):
    for name in ("ischaemia_lad", "scar_rca", "dilated", "hypertrophic"):
        assert many.people[name].min() == 0
        assert many.people[name].max() <= 1


def test_rare_conditions_are_rare(many):
    share = {name: (many.people[name] > 0).mean() for name in ("lbbb", "rbbb", "lafb", "hypertrophic", "dilated")}
    assert 0.003 < share["lbbb"] < 0.02
    assert 0.01 < share["rbbb"] < 0.05
    assert 0.01 < share["lafb"] < 0.05
    assert 0.003 < share["hypertrophic"] < 0.03
    assert 0.01 < share["dilated"] < 0.06


def test_every_column_is_a_covariate_or_a_latent(many):
    assert set(COVARIATES) | set(LATENTS) | {"male"} == set(many.people) == set(Person.__dataclass_fields__)


def test_body_surface_is_that_of_dubois(many):
    values = {name: float(column[0]) for name, column in many.people.items()} | {"weight_kg": 70.0, "height_cm": 170.0}
    assert Person(**values).body_surface_m2 == pytest.approx(1.81, abs=0.01)
