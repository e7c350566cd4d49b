import itertools
from pathlib import Path

import numpy as np
import pytest
from cine_stacks import SPACING_MM, oblique_geometry
from numpy.testing import assert_allclose, assert_array_equal

from cardiolens.errors import BadImage
from cardiolens.formats.cmr.nifti_file import NiftiFile
from cardiolens.formats.cmr.nifti_grid import as_grid
from cardiolens.imaging.stack_geometry import StackGeometry

PATH = Path("a.nii")
VALUES = np.arange(2 * 3 * 6 * 9).reshape(2, 3, 6, 9)


def real_geometry() -> StackGeometry:
    """The directions of the scan in shared data, base to apex."""
    row, down = np.array([0.792067, 0.0, 0.610434]), np.array([0.377686, 0.785613, -0.490067])
    row /= np.linalg.norm(row)
    down -= (down @ row) * row
    down /= np.linalg.norm(down)
    return StackGeometry((-90.0, 20.0, 15.0), *(tuple(map(float, axis)) for axis in (row, down, -np.cross(row, down))))


def _file(stored, ras, *, pixel_mm=None, length_unit=True):
    sizes = np.linalg.norm(ras[:3, :3], axis=0) if pixel_mm is None else pixel_mm
    return NiftiFile(stored, 1.0, 0.0, ras, tuple(map(float, sizes)), 0.02, 1000.0, length_unit)


def _stored_as(order, signs, geometry):
    """`VALUES` with its axes (column, row, slice) in another order and direction, and the affine that says so."""
    values = VALUES.transpose(3, 2, 1, 0)
    affine = geometry.ras_affine(SPACING_MM)
    for axis, sign in enumerate(signs):
        if sign < 0:
            affine[:3, 3] += affine[:3, axis] * (values.shape[axis] - 1)
            affine[:3, axis] *= -1
            values = np.flip(values, axis)
    affine[:3, :3] = affine[:3, list(order)]
    return _file(values.transpose(*order, 3), affine)


@pytest.mark.parametrize("signs", list(itertools.product((1, -1), repeat=3)))
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_however_the_axes_are_stored_the_scanners_picture_comes_out(order, signs):
    grid = as_grid(PATH, _stored_as(order, signs, real_geometry()))
    assert_array_equal(grid.stored, VALUES)
    assert_allclose(grid.spacing_mm, SPACING_MM, rtol=1e-6)
    assert_allclose(grid.geometry.lps_affine(SPACING_MM), real_geometry().lps_affine(SPACING_MM), atol=1e-5)
    assert grid.notes == ()


@pytest.mark.parametrize("signs", list(itertools.product((1, -1), repeat=3)))
def test_every_value_keeps_its_place_where_the_picture_lies_aslant(signs):
    grid = as_grid(PATH, _stored_as((2, 0, 1), signs, oblique_geometry()))
    mine, wanted = grid.geometry.lps_affine(grid.spacing_mm), oblique_geometry().lps_affine(SPACING_MM)
    for index in ((0, 0, 0), (2, 5, 8), (1, 3, 2)):
        place = np.argwhere(grid.stored[0] == VALUES[(0, *index)])[0]
        assert_allclose((mine @ [*place[::-1], 1])[:3], (wanted @ [*index[::-1], 1])[:3], atol=1e-4)
    # Base to apex, and seen from the apex.
    assert np.dot(grid.geometry.along_slices, oblique_geometry().along_slices) > 0.999
    seen = np.cross(grid.geometry.along_row, grid.geometry.along_column)
    assert seen @ np.array(grid.geometry.along_slices) < 0


def test_without_a_far_larger_spacing_the_fewest_samples_are_slices():
    affine = real_geometry().ras_affine((2.0, 1.9, 1.8))
    grid = as_grid(PATH, _file(np.zeros((9, 8, 3, 2)), affine))
    assert grid.stored.shape == (2, 3, 8, 9)
    grid = as_grid(PATH, _file(np.zeros((9, 8, 7, 2)), affine))
    assert grid.stored.shape == (2, 7, 8, 9)


def test_axes_of_the_body_are_lost_directions_and_kept_as_they_are_stored():
    affine = np.diag([-1.5, 1.8, 10.0, 1.0])
    grid = as_grid(PATH, _file(VALUES.transpose(3, 2, 1, 0), affine))
    assert_array_equal(grid.stored, VALUES)
    assert_allclose(grid.geometry.ras_affine(grid.spacing_mm), affine, atol=1e-9)
    assert "the scan's directions are lost" in grid.notes[0]


@pytest.mark.parametrize("ras", [None, np.diag([1.0, 1.0, 1.0, 1.0]), np.diag([-1.0, 1.0, 1.0, 1.0]), np.diag([0.0, 1, 1, 1])])
def test_spacing_beside_an_affine_that_says_nothing_is_used(ras):
    file = _file(VALUES.transpose(3, 2, 1, 0), ras, pixel_mm=(1.5, 1.8, 10.0), length_unit=False)
    grid = as_grid(PATH, file)
    assert_array_equal(grid.stored, VALUES)
    assert grid.spacing_mm == SPACING_MM
    assert "neither directions nor place" in grid.notes[0]
    assert "millimetres are assumed" in grid.notes[1]


@pytest.mark.parametrize("sizes", [(1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (1.5, 1.8, 0.0), (np.nan, 1.8, 10.0), (-1.5, 1.8, 10.0)])
def test_lost_spacing_is_refused_unless_it_is_declared(sizes):
    file = _file(VALUES.transpose(3, 2, 1, 0), np.eye(4), pixel_mm=sizes)
    with pytest.raises(BadImage, match=r"no spacing \(.*declare the spacing"):
        as_grid(PATH, file)
    grid = as_grid(PATH, file, SPACING_MM)
    assert_array_equal(grid.stored, VALUES)
    assert grid.spacing_mm == SPACING_MM
    assert grid.notes[-1] == "the file has lost its spacing; the declared one stands"


def test_a_declared_spacing_does_not_speak_over_the_file():
    grid = as_grid(PATH, _stored_as((0, 1, 2), (1, 1, 1), real_geometry()), (5.0, 1.0, 1.0))
    assert_allclose(grid.spacing_mm, SPACING_MM, rtol=1e-6)


def test_an_oblique_grid_of_one_millimetre_has_not_lost_its_spacing():
    grid = as_grid(PATH, _file(np.zeros((9, 8, 7, 1)), real_geometry().ras_affine((1.0, 1.0, 1.0))))
    assert_allclose(grid.spacing_mm, 1.0)


@pytest.mark.parametrize("spacing", [(10.0, 0.0018, 0.0015), (100.0, 18.0, 15.0), (10.0, 7.0, 1.5)])
def test_spacing_of_no_heart_scan_is_refused(spacing):
    with pytest.raises(BadImage, match="check the file's pixel sizes and their unit"):
        as_grid(PATH, _file(VALUES.transpose(3, 2, 1, 0), real_geometry().ras_affine(spacing)))


def test_a_sheared_grid_is_refused_and_a_rounded_one_made_straight():
    affine = real_geometry().ras_affine(SPACING_MM)
    affine[:3, 2] += affine[:3, 0] / 1.5 * 10 * np.sin(np.radians(0.5))
    geometry = as_grid(PATH, _file(VALUES.transpose(3, 2, 1, 0), affine)).geometry
    assert_allclose(geometry.along_slices, real_geometry().along_slices, atol=1e-6)
    affine[:3, 2] += affine[:3, 0]
    with pytest.raises(BadImage, match="degrees off the perpendicular"):
        as_grid(PATH, _file(VALUES.transpose(3, 2, 1, 0), affine))


def test_an_affine_that_contradicts_the_pixel_sizes_is_said():
    file = _file(VALUES.transpose(3, 2, 1, 0), real_geometry().ras_affine(SPACING_MM), pixel_mm=(1.5, 1.8, 8.0))
    grid = as_grid(PATH, file)
    assert_allclose(grid.spacing_mm, SPACING_MM, rtol=1e-6)
    assert "disagree" in grid.notes[0]
