import numpy as np
import pytest

from cardiolens.formats.cmr.body_axes import BASE_TO_APEX, FARTHEST_DEGREES, degrees_off_axis, towards_apex

AXIS = np.array(BASE_TO_APEX) / np.linalg.norm(BASE_TO_APEX)


def test_of_both_normals_the_one_to_the_apex_is_chosen():
    np.testing.assert_array_equal(towards_apex(-AXIS), AXIS)
    np.testing.assert_array_equal(towards_apex(AXIS), AXIS)


def test_long_axis_and_axial_planes_stand_too_far_off():
    across = np.cross(AXIS, [0.0, 0.0, 1.0])
    assert degrees_off_axis(across / np.linalg.norm(across)) == pytest.approx(90)
    assert degrees_off_axis(np.array([0.0, 0.0, -1.0])) == pytest.approx(62, abs=0.5)
    assert degrees_off_axis(-AXIS) == pytest.approx(0, abs=1e-5)
    assert FARTHEST_DEGREES < 62


def test_a_real_short_axis_slice_is_near():
    row, column = np.array([0.792067, 7.87262e-07, 0.610434]), np.array([0.377686, 0.785613, -0.490067])
    assert degrees_off_axis(np.cross(row, column)) < 20
