"""Contours across the long axis hold the volumes of the phenotypes, in every shape of heart that the population has."""

import dataclasses

import numpy as np
import pytest

from cardiolens.synthetic import anatomy, population
from cardiolens.synthetic.motion import contract
from cardiolens.synthetic.mri_geometry import NUM_ANGLES, SLICE_SPACING_MM, shape_heart

ROUND = np.ones(NUM_ANGLES)
KINDS = ("usual", "dilated", "hypertrophic", "scarred", "lbbb")


@pytest.fixture(scope="module")
def population_of_kinds():
    """Four hearts of every kind."""
    rng = np.random.default_rng(3)
    people = population.draw_people(rng.standard_normal((4 * len(KINDS), population.NUM_DRAWS)))
    kind = np.repeat(KINDS, 4)
    for name, columns, value in (
        ("dilated", ["dilated"], 1.2),
        ("hypertrophic", ["hypertrophic"], 1.2),
        ("scarred", ["scar_lad", "ischaemia_lad"], 0.9),
        ("lbbb", ["lbbb"], 1.0),
    ):
        for column in columns:
            people[column] = np.where(kind == name, value, people[column])
    hearts = anatomy.build_hearts(people, np.zeros(len(kind)), rng.standard_normal((len(kind), anatomy.NUM_DRAWS)))
    return hearts, contract(people, hearts)


@pytest.fixture(scope="module")
def shapes(population_of_kinds):
    hearts, motion = population_of_kinds
    return [shape_heart(hearts, motion, outline=ROUND, rv_outline=ROUND, offset_mm=0.0, row=k) for k in range(4 * len(KINDS))]


def millilitres(squares):
    return np.pi * squares.mean(axis=1).sum() * SLICE_SPACING_MM / 1000


def test_contours_sum_to_volumes_and_mass(shapes, population_of_kinds):
    hearts, motion = population_of_kinds
    for k, shape in enumerate(shapes):
        for fraction, left, right in (
            (0.0, hearts.lv_edv_ml[k], hearts.rv_edv_ml[k]),
            (1.0, motion.lv_esv_ml[k], hearts.rv_esv_ml[k]),
        ):
            cut = shape.cut(fraction)
            assert millilitres(cut.endo[cut.in_ventricle] ** 2) == pytest.approx(left, rel=1e-6)
            assert millilitres(cut.rv_cavity**2 - cut.epi**2) == pytest.approx(right, rel=1e-6)
        cut = shape.cut(0.0)
        wall = millilitres((cut.epi**2 - cut.endo**2)[cut.in_ventricle])
        assert 1.05 * wall == pytest.approx(hearts.lv_mass_g[k], rel=1e-6)


def test_the_shape_is_that_of_the_anatomy_so_the_fit_changes_little(shapes):
    for shape in shapes:
        assert shape.endo_factor == pytest.approx((1, 1), abs=0.06)
        assert shape.wall_factor == pytest.approx(1, abs=0.12)


def test_the_valve_plane_descends_and_the_apex_stays(shapes):
    usual = np.mean([shape.descent_mm for shape in shapes[:4]])
    assert 9 < usual < 17
    for shape in shapes:
        ed, es = shape.cut(0.0), shape.cut(1.0)
        assert es.in_ventricle.sum() <= ed.in_ventricle.sum()
        lowest = [np.flatnonzero(cut.in_ventricle)[-1] for cut in (ed, es)]
        assert lowest[0] - lowest[1] <= 1


def test_stacks_reach_from_above_the_valve_plane_to_below_the_apex_with_the_picture_in_the_middle(shapes):
    for shape in shapes:
        cut = shape.cut(0.0)
        assert len(shape.heights_mm) % 2 == 1
        assert np.diff(shape.heights_mm) == pytest.approx(-SLICE_SPACING_MM)
        assert not cut.in_ventricle[[0, -1]].any()
        assert cut.epi[-1].max() == 0
        assert 0.38 < cut.level[shape.middle] < 0.62


def test_the_cavity_shrinks_steadily_and_the_wall_encloses_it(shapes):
    for shape in shapes:
        cuts = [shape.cut(fraction) for fraction in np.linspace(0, 1, 9)]
        area = [np.mean(cut.endo[shape.middle] ** 2) for cut in cuts]
        assert (np.diff(area) < 0).all()
        for cut in cuts:
            assert (cut.epi >= cut.endo).all()
            assert (cut.rv >= cut.rv_cavity - 1e-9).all()
            assert (cut.rv_cavity >= cut.epi - 1e-9).all()


def test_the_fraction_is_that_of_the_stroke_volume(shapes):
    """Between the ends the volume of the cut heart follows, but for the steps of slices that leave the ventricle."""
    for shape in shapes[:4]:
        heights = np.arange(0.5, -120, -0.5)
        fine = dataclasses.replace(shape, heights_mm=heights, endo_factor=(1.0, 1.0))
        volumes = [
            np.mean(cut.endo[cut.ventricle_share >= 0.5] ** 2, axis=1).sum() for cut in map(fine.cut, (0.0, 0.3, 0.6, 1.0))
        ]
        left = (volumes[0] - np.array(volumes)) / (volumes[0] - volumes[-1])
        assert left == pytest.approx([0, 0.3, 0.6, 1], abs=0.03)


def test_the_septum_moves_before_the_free_wall_in_left_bundle_branch_block(shapes):
    septal, lateral = NUM_ANGLES // 4, 3 * NUM_ANGLES // 4
    for shape in shapes[-4:]:
        assert shape.pace[8, septal] < 1 < shape.pace[8, lateral]
