"""Ventricles of the right size for sex, body and load, and a wall that holds its mass."""

import numpy as np
import pytest

from cardiolens.synthetic.anatomy import DENSITY_G_PER_ML


@pytest.mark.parametrize(
    ("column", "men", "women"),
    [
        ("lvedv_ml", (166, 32), (124, 21)),
        ("lvesv_ml", (69, 16), (49, 11)),
        ("lvef_percent", (58, 5), (61, 5)),
        ("lvm_g", (103, 21), (70, 13)),
        ("rvedv_ml", (182, 36), (130, 24)),
        ("rvef_percent", (54, 6), (58, 6)),
        ("wt_global_mm", (6.3, 1.1), (5.3, 0.9)),
    ],
)
def test_means_by_sex_are_near_the_published_ones(many, column, men, women):
    male = many.people["male"] == 1
    for (mean, sd), rows in ((men, male), (women, ~male)):
        values = many.phenotypes[column][rows]
        assert values.mean() == pytest.approx(mean, abs=0.25 * sd)
        assert 0.6 * sd < values.std() < 1.5 * sd


def test_mass_grows_with_blood_pressure_and_body_mass(many):
    for cause in ("systolic_bp_mmhg", "bmi"):
        for sex in (0, 1):
            rows = many.people["male"] == sex
            assert 0.15 < np.corrcoef(many.phenotypes["lvm_g"][rows], many.people[cause][rows])[0, 1] < 0.6


def test_covariates_explain_about_two_thirds_of_mass(many):
    names = ("male", "age_years", "height_cm", "bmi", "systolic_bp_mmhg", "smoker")
    design = np.column_stack([np.ones(20_000), *(many.people[name] for name in names)])
    mass = many.phenotypes["lvm_g"]
    left = mass - design @ np.linalg.lstsq(design, mass, rcond=None)[0]
    assert 0.55 < 1 - left.var() / mass.var() < 0.80


def test_the_shell_between_both_ellipsoids_holds_the_mass(many):
    hearts = many.hearts
    outer = (hearts.short_semi_axis_mm + hearts.mean_wall_mm) ** 2 * (hearts.long_semi_axis_mm + 0.65 * hearts.mean_wall_mm)
    inner = hearts.short_semi_axis_mm**2 * hearts.long_semi_axis_mm
    shell_ml = 0.995 * np.pi * (outer - inner) / 1000
    np.testing.assert_allclose(shell_ml * DENSITY_G_PER_ML, hearts.lv_mass_g, rtol=1e-6)
    np.testing.assert_allclose(0.995 * np.pi * inner / 1000, hearts.lv_edv_ml, rtol=1e-9)


def test_a_hypertrophic_septum_is_thick(many):
    thick = many.people["hypertrophic"] > 0.5
    ratio = many.phenotypes["wt_aha_8_mm"] / many.phenotypes["wt_aha_11_mm"]
    assert ratio[thick].mean() > ratio[~thick].mean() + 0.3
