"""Contraction ejects the stroke volume, keeps the wall's volume, and is weak where the muscle is ill; the beat is one curve."""

import numpy as np
import pytest

from cardiolens.synthetic.motion import end_systole_ms, systole_fraction
from cardiolens.synthetic.segments import CAVITY_SHARE, LEVEL, LEVEL_RADIUS


def test_the_cavity_ejects_exactly_its_stroke_volume(many):
    shrunk = (CAVITY_SHARE * many.motion.endo_ratio**2).sum(axis=1) * many.motion.shortening * many.hearts.lv_edv_ml
    np.testing.assert_allclose(shrunk, many.motion.lv_esv_ml, rtol=1e-6)


def test_the_wall_keeps_its_volume(many):
    radius = many.hearts.short_semi_axis_mm[:, None] * LEVEL_RADIUS[LEVEL]
    before = (radius + many.hearts.wall_mm) ** 2 - radius**2
    inner = radius * many.motion.endo_ratio
    after = ((inner + many.motion.wall_es_mm) ** 2 - inner**2) * many.motion.shortening[:, None]
    np.testing.assert_allclose(after, before, rtol=1e-9)


def test_rings_of_the_segments_hold_the_mass(many):
    radius = many.hearts.short_semi_axis_mm[:, None] * LEVEL_RADIUS[LEVEL]
    ring = np.pi * ((radius + many.hearts.wall_mm) ** 2 - radius**2)
    by_level = np.stack([ring[:, level == LEVEL].mean(axis=1) for level in range(3)], axis=1)
    volume_ml = by_level.sum(axis=1) * many.hearts.length_mm / 3 / 1000
    # The cap below the apical cavity is not in any ring, and the wall of the apical third is cut obliquely.
    ratio = 1.05 * volume_ml / many.hearts.lv_mass_g
    assert np.median(ratio) == pytest.approx(1, abs=0.08)
    assert ratio.std() < 0.03


def test_global_strains_are_near_those_of_uk_biobank(many):
    ecc, err = many.phenotypes["ecc_global_percent"], many.phenotypes["err_global_percent"]
    assert ecc.mean() == pytest.approx(-22.3, abs=0.25 * 3.35)
    assert 2.0 < ecc.std() < 5.0
    assert err.mean() == pytest.approx(45.0, abs=0.25 * 8.31)
    assert 6.0 < err.std() < 12.0


def test_a_scarred_territory_hardly_moves(many):
    scarred = many.people["scar_lad"] > 0.5
    assert scarred.sum() > 50
    inside, outside = many.phenotypes["err_aha_8_percent"], many.phenotypes["err_aha_11_percent"]
    assert (inside[scarred] / outside[scarred]).mean() < 0.6
    assert many.phenotypes["lvef_percent"][scarred].mean() < many.phenotypes["lvef_percent"].mean() - 5


def test_the_lateral_wall_thickens_more_than_the_septum(many):
    err = many.phenotypes
    assert err["err_aha_11_percent"].mean() > err["err_aha_9_percent"].mean() + 5


def test_the_base_shortens_towards_the_apex_by_about_a_seventh(many):
    moved = many.hearts.length_mm * (1 - many.motion.shortening)
    assert 11 < moved.mean() < 16


def test_the_apex_turns_against_the_base_and_less_where_little_is_ejected(many):
    base, middle, apex = many.motion.twist_degrees.mean(axis=0)
    assert -4 < base < -2
    assert base < middle < apex
    assert 8 < apex < 12
    weak = many.phenotypes["lvef_percent"] < 40
    assert many.motion.twist_degrees[weak, 2].mean() < 7


@pytest.mark.parametrize("in_af", [False, True])
@pytest.mark.parametrize("rate", [45.0, 60.0, 90.0, 140.0])
def test_the_phase_curve_leaves_and_comes_back_to_end_diastole_smoothly(rate, in_af):
    rr = 60_000 / rate
    time = np.linspace(0, rr, 2001)[:-1]
    curve = systole_fraction(time, heart_rate_bpm=rate, age_years=60.0, in_af=in_af)
    assert curve[0] == 0
    assert curve.max() == pytest.approx(1, abs=1e-4)
    steps = np.abs(np.diff(np.append(curve, curve[0])))
    assert steps.max() < 6e-3
    ejecting = time < end_systole_ms(rate)
    assert (np.diff(curve[ejecting]) >= 0).all()
    assert (np.diff(curve[~ejecting]) <= 1e-12).all()
    again = systole_fraction(time + rr, heart_rate_bpm=rate, age_years=60.0, in_af=in_af)
    np.testing.assert_allclose(again, curve, atol=1e-6)


def test_the_smallest_cavity_comes_when_weisslers_systole_ends():
    assert 300 < end_systole_ms(60.0) < 340
    assert end_systole_ms(90.0) < end_systole_ms(60.0) - 50
    at = np.array([end_systole_ms(60.0)])
    assert systole_fraction(at, heart_rate_bpm=60.0, age_years=60.0, in_af=False)[0] == pytest.approx(1)


def filling_flows(age_years, *, in_af=False):
    """Largest flow of early filling and after the P wave, in stroke volumes per ms."""
    time = np.arange(0.0, 1000.0)
    flow = -np.diff(systole_fraction(time, heart_rate_bpm=60.0, age_years=age_years, in_af=in_af))
    return flow[320:700].max(), flow[890:].max()


def test_early_filling_gives_way_to_the_atrial_kick_with_age():
    ratios = [early / kick for early, kick in map(filling_flows, (45.0, 60.0, 75.0))]
    assert ratios[0] > ratios[1] > ratios[2]
    assert 1.4 < ratios[0] < 2.2
    assert 0.7 < ratios[2] < 1.1


def test_atria_that_fibrillate_do_not_kick():
    assert filling_flows(60.0, in_af=True)[1] < 0.15 * filling_flows(60.0)[1]
    time = np.array([880.0])
    with_kick, without = (systole_fraction(time, heart_rate_bpm=60.0, age_years=60.0, in_af=af)[0] for af in (False, True))
    assert 0.15 < with_kick < 0.30
    assert without < 0.05
