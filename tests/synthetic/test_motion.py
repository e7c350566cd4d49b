"""Contraction ejects the stroke volume, keeps the wall's volume, and is weak where the muscle is ill."""

import numpy as np
import pytest

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
