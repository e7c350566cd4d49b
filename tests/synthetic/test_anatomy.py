"""Ventricles of the right size for sex, body and load, and a wall that holds its mass.

Bands are those of `published`, fixed before tuning. Healthy references hold for people without a diagnosis.
"""

import numpy as np
import pytest

from cardiolens.synthetic.anatomy import DENSITY_G_PER_ML
from cardiolens.synthetic.published import HEARTS, LATENT_BANDS, STANDARD_ERRORS, Among, Sex
from cardiolens.synthetic.risk import PREVALENCE, draw_diseases

BANDS = {band.key: band for band in LATENT_BANDS}


@pytest.fixture(scope="module")
def undiagnosed(many):
    ill = draw_diseases(many.people, np.random.default_rng(0).random((20_000, len(PREVALENCE))))
    return ~np.logical_or.reduce(list(ill.values()))


@pytest.fixture(scope="module")
def measured(many):
    surface = 0.007184 * many.people["weight_kg"] ** 0.425 * many.people["height_cm"] ** 0.725
    return many.phenotypes | {
        "lvm_index_g_per_m2": many.phenotypes["lvm_g"] / surface,
        "la_volume_ml": many.hearts.la_volume_ml,
        "mid_wall_mm": many.hearts.wall_mm[:, 6:12].mean(axis=1),
    }


@pytest.mark.parametrize("published", HEARTS, ids=lambda row: f"{row.column}-{row.sex}")
def test_hearts_have_the_published_size_and_spread(many, measured, undiagnosed, published):
    rows = undiagnosed if published.among is Among.UNDIAGNOSED else np.ones(20_000, dtype=bool)
    if published.sex is not Sex.BOTH:
        rows = rows & (many.people["male"] == (published.sex is Sex.MEN))
    values = measured[published.column][rows]
    assert values.mean() == pytest.approx(published.mean, abs=published.tolerance)
    error = STANDARD_ERRORS * values.std() / np.sqrt(2 * len(values))
    assert values.std() == pytest.approx(published.sd, abs=published.spread_margin * published.sd + error)


@pytest.mark.parametrize(
    ("column", "men", "women"),
    [("lvesv_ml", (69, 16), (49, 11)), ("rvef_percent", (54, 6), (58, 6)), ("length_mm", (92, 7), (84, 6))],
)
def test_what_nobody_cites_is_of_the_usual_size(many, measured, undiagnosed, column, men, women):
    for (mean, sd), male in ((men, 1), (women, 0)):
        rows = undiagnosed & (many.people["male"] == male)
        values = many.hearts.length_mm[rows] if column == "length_mm" else measured[column][rows]
        assert values.mean() == pytest.approx(mean, abs=0.25 * sd)


@pytest.mark.parametrize(
    ("column", "cause", "key"),
    [
        ("lvm_g", "bmi", "mass_per_bmi"),
        ("lvm_g", "systolic_bp_mmhg", "mass_per_sbp"),
        ("lvedv_ml", "bmi", "edv_per_bmi"),
        ("lvedv_ml", "systolic_bp_mmhg", "edv_per_sbp"),
        ("rvedv_ml", "bmi", "rv_edv_per_bmi"),
        ("la_volume_ml", "bmi", "la_per_bmi"),
    ],
)
def test_risk_factors_have_their_published_effects(many, measured, column, cause, key):
    sd = {"bmi": 4.3, "systolic_bp_mmhg": 18.0}[cause]
    coefficients = fitted(many.people, np.log(measured[column]))[0]
    assert BANDS[key].low < 100 * np.expm1(coefficients[cause] * sd) < BANDS[key].high


def test_covariates_explain_about_two_thirds_of_mass(many, measured):
    left = fitted(many.people, measured["lvm_g"])[1]
    explained = 1 - left.var() / measured["lvm_g"].var()
    assert explained == pytest.approx(0.655, abs=0.06)


def test_volumes_fall_with_age_and_ejection_fraction_does_not(many, measured, undiagnosed):
    for male in (0, 1):
        rows = undiagnosed & (many.people["male"] == male)
        age = many.people["age_years"][rows]
        assert BANDS["r_age_edv"].low < np.corrcoef(age, measured["lvedv_ml"][rows])[0, 1] < -0.05
        assert BANDS["r_age_ef"].low < np.corrcoef(age, measured["lvef_percent"][rows])[0, 1] < BANDS["r_age_ef"].high


def test_the_shell_between_both_ellipsoids_holds_the_mass(many):
    hearts = many.hearts
    outer = (hearts.short_semi_axis_mm + hearts.mean_wall_mm) ** 2 * (hearts.long_semi_axis_mm + 0.65 * hearts.mean_wall_mm)
    inner = hearts.short_semi_axis_mm**2 * hearts.long_semi_axis_mm
    shell_ml = 0.995 * np.pi * (outer - inner) / 1000
    np.testing.assert_allclose(shell_ml * DENSITY_G_PER_ML, hearts.lv_mass_g, rtol=1e-6)
    np.testing.assert_allclose(0.995 * np.pi * inner / 1000, hearts.lv_edv_ml, rtol=1e-9)


def test_a_truncated_ellipsoid_has_the_volume_and_length_assumed_of_it(many):
    polar = np.linspace(np.radians(10), np.radians(110), 20_001)
    disc_volume = np.pi * np.sin(polar) ** 2 * np.sin(polar)
    assert np.trapezoid(disc_volume, polar) / np.pi == pytest.approx(0.995, abs=2e-3)
    assert np.cos(np.radians(10)) - np.cos(np.radians(110)) == pytest.approx(1.327, abs=1e-3)


def test_a_hypertrophic_septum_is_thick_and_rare(many):
    thick = many.people["hypertrophic"] > 0.5
    ratio = many.hearts.wall_mm[:, 7] / many.hearts.wall_mm[:, 10]
    usual = np.median(ratio[many.people["hypertrophic"] == 0])
    assert np.quantile(ratio[thick] / usual, 0.1) > 1.5
    assert np.quantile(ratio[thick] / usual, 0.9) < 2.6
    # 0.11 to 0.22 % of UK Biobank reach 15 mm somewhere (Lopes 2021); segments average over more wall than one point.
    assert 0.0003 < (many.hearts.wall_mm.max(axis=1) >= 15).mean() < 0.004


def test_an_old_scar_is_thin(many):
    scarred = many.people["scar_lad"] > 0.8
    healthy = many.people["scar_lad"] == 0
    inside, outside = many.hearts.wall_mm[:, 7], many.hearts.wall_mm[:, 10]
    assert 0.5 < np.median((inside / outside)[scarred]) / np.median((inside / outside)[healthy]) < 0.75
    assert 3.5 < np.median(inside[scarred]) < 5.5


def test_dilated_hearts_are_large_and_weak(many):
    dilated = many.people["dilated"] > 0.6
    assert dilated.sum() > 50
    assert 15 < np.median(many.phenotypes["lvef_percent"][dilated]) < 40
    usual = np.where(many.people["male"], 166, 124)
    assert 1.3 < np.median((many.phenotypes["lvedv_ml"] / usual)[dilated]) < 2.2


def fitted(people, values):
    """Coefficients by covariate of a linear fit, and what it leaves."""
    names = ("male", "age_years", "height_cm", "bmi", "systolic_bp_mmhg", "smoker", "ldl_score")
    design = np.column_stack([*(people[name] for name in names), np.ones(len(values))])
    solved = np.linalg.lstsq(design, values, rcond=None)[0]
    return dict(zip(names, solved, strict=False)), values - design @ solved
