"""The people resemble UK Biobank's imaging visit, and their latent processes depend on what causes them."""

import numpy as np
import pytest

from cardiolens.synthetic.population import COVARIATES, LATENTS, Person
from cardiolens.synthetic.published import BODIES, STANDARD_ERRORS, Sex


@pytest.mark.parametrize("published", BODIES, ids=lambda row: f"{row.column}-{row.sex}")
def test_size_and_blood_pressure_follow_the_imaging_visit(many, published):
    values = many.people[published.column][many.people["male"] == (published.sex is Sex.MEN)]
    assert values.mean() == pytest.approx(published.mean, abs=0.15 * published.sd)
    error = STANDARD_ERRORS * values.std() / np.sqrt(2 * len(values))
    assert values.std() == pytest.approx(published.sd, abs=published.spread_margin * published.sd + error)


def test_ages_lie_between_45_and_82(many):
    age = many.people["age_years"]
    assert 45 <= age.min() < 45.5
    assert 81 < age.max() <= 82


def test_about_half_are_men(many):
    assert many.people["male"].mean() == pytest.approx(0.48, abs=STANDARD_ERRORS * 0.5 / np.sqrt(20_000))


def test_loads_grow_with_what_causes_them(many):
    people = many.people
    for latent, cause in (
        ("pressure_load", "systolic_bp_mmhg"),
        ("metabolic_load", "bmi"),
        ("atrial_substrate", "age_years"),
        ("atrial_substrate", "pressure_load"),
        ("atrial_substrate", "dilated"),
        ("coronary_burden", "age_years"),
        ("ischaemia_lad", "coronary_burden"),
        ("scar_lad", "ischaemia_lad"),
        ("dilated", "scar_lad"),
        ("conduction_slowness", "age_years"),
    ):
        assert np.corrcoef(people[latent], people[cause])[0, 1] > 0.05, (latent, cause)
    assert np.corrcoef(people["fitness"], people["bmi"])[0, 1] < -0.2


def test_no_latent_is_known_from_the_covariates(many):
    design = np.column_stack([np.ones(20_000), many.people["male"], *(many.people[name] for name in COVARIATES)])
    for name in set(LATENTS):
        values = many.people[name]
        left = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
        assert left.var() > 0.3 * values.var(), name


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
