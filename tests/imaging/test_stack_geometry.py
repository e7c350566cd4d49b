import numpy as np
import pytest
from numpy.testing import assert_allclose

from cardiolens.imaging.stack_geometry import StackGeometry, centred_geometry, long_axis_view, one_slice
from cardiolens.types import CineStack

AXES = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0))


def _ramp() -> CineStack:
    """Every value says where it is: 10,000 x phase + 100 x slice + 10 x row + column."""
    phase, plane, row, column = np.ogrid[:2, :4, :5, :7]
    frames = (10000 * phase + 100 * plane + 10 * row + column).astype(np.float32)
    return CineStack(frames, (10.0, 2.0, 2.5), np.array([0.0, 20.0]), "ramp", masks=np.ones(frames.shape, np.uint8))


def test_indices_grow_along_their_directions_by_their_spacing():
    geometry = StackGeometry((1.0, 2.0, 3.0), *AXES)
    lps = geometry.lps_affine((10.0, 2.0, 2.5))
    assert_allclose(lps @ [0, 0, 0, 1], [1, 2, 3, 1])
    assert_allclose(lps @ [2, 0, 0, 1], [1, 7, 3, 1])
    assert_allclose(lps @ [0, 2, 0, 1], [1, 2, -1, 1])
    assert_allclose(lps @ [0, 0, 2, 1], [21, 2, 3, 1])
    assert_allclose(geometry.ras_affine((10.0, 2.0, 2.5)) @ [2, 0, 2, 1], [-21, -7, 3, 1])


@pytest.mark.parametrize("slices", [(1.1, 0.0, 0.0), (0.0, 1.0, 0.0), (0.6, 0.8, 0.0)])
def test_directions_that_are_no_right_angles_are_refused(slices):
    with pytest.raises(ValueError, match="perpendicular"):
        StackGeometry((0.0, 0.0, 0.0), AXES[0], AXES[1], slices)


def test_the_middle_of_a_centred_stack_lies_at_its_centre():
    cine = _ramp()
    geometry = centred_geometry(
        cine, centre_mm=(20.0, -30.0, 5.0), along_row=AXES[0], along_column=AXES[1], along_slices=AXES[2]
    )
    assert_allclose(geometry.lps_affine(cine.spacing_mm) @ [3, 2, 1.5, 1], [20, -30, 5, 1])


def test_one_slice_keeps_its_place():
    cine, geometry = _ramp(), StackGeometry((1.0, 2.0, 3.0), *AXES)
    alone, place = one_slice(cine, geometry, 2)
    assert alone.frames.shape == alone.masks.shape == (2, 1, 5, 7)
    assert alone.frames[1, 0, 0, 0] == 10200
    assert_allclose(place.lps_affine(cine.spacing_mm) @ [3, 1, 0, 1], geometry.lps_affine(cine.spacing_mm) @ [3, 1, 2, 1])


def test_the_long_axis_view_shows_at_every_place_what_the_stack_holds_there():
    cine, geometry = _ramp(), StackGeometry((1.0, 2.0, 3.0), *AXES)
    view, place = long_axis_view(cine, geometry, row=3)
    assert view.frames.shape == (2, 1, 13, 7)
    assert view.spacing_mm == (10.0, 2.5, 2.5)
    of_stack, of_view = np.linalg.inv(geometry.lps_affine(cine.spacing_mm)), place.lps_affine(view.spacing_mm)
    for row, column in ((0, 0), (4, 2), (7, 6), (12, 3)):
        x, y, z, _ = of_stack @ of_view @ [column, row, 0, 1]
        assert view.frames[1, 0, row, column] == pytest.approx(10000 + 100 * z + 10 * y + x)
