import numpy as np
import pytest

from cardiolens.imaging.mask_cleanup import clean_masks


def clean(mask):
    return clean_masks(mask[None], pixel_mm2=2.25)[0]


@pytest.fixture
def heart():
    y, x = np.mgrid[:40, :40]
    away = np.hypot(y - 20, x - 24)
    plane = np.where(away < 6, 1, np.where(away < 10, 2, 0))
    plane[(np.hypot(y - 20, x - 9) < 7) & (plane == 0)] = 3
    return np.repeat(plane[None].astype(np.uint8), 5, axis=0)


def test_a_clean_heart_stays_as_it_is(heart):
    np.testing.assert_array_equal(clean(heart), heart)


def test_a_second_ventricle_far_away_goes(heart):
    wrong = heart.copy()
    wrong[1:4, 1:4, 34:38] = 1
    wrong[2, 35:39, 2:9] = 3
    np.testing.assert_array_equal(clean(wrong), heart)


def test_slices_shifted_by_a_breath_hold_stay_together(heart):
    shifted = heart.copy()
    shifted[3:] = np.roll(shifted[3:], 4, axis=1)
    np.testing.assert_array_equal(clean(shifted), shifted)


def test_a_slice_beyond_a_gap_goes(heart):
    gap = heart.copy()
    gap[3] = 0
    cleaned = clean(gap)
    assert not cleaned[4].any()
    np.testing.assert_array_equal(cleaned[:3], heart[:3])


def test_a_papillary_muscle_inside_the_cavity_and_a_hole_in_the_wall_are_filled(heart):
    wrong = heart.copy()
    wrong[2, 20, 24] = 2
    wrong[2, 20, 32] = 0
    cleaned = clean(wrong)
    assert cleaned[2, 20, 24] == 1
    assert cleaned[2, 20, 32] == 1


def test_an_empty_stack_stays_empty():
    assert not clean(np.zeros((3, 8, 8), np.uint8)).any()


@pytest.mark.parametrize("upside_down", [False, True])
def test_a_right_ventricle_above_the_left_one_goes_and_one_below_it_stays(heart, upside_down):
    # The left ventricle ends at slice 1 above and, small, at slice 3 below.
    heart[0][heart[0] != 3] = 0
    heart[4][heart[4] != 3] = 0
    heart[3][np.hypot(*(np.mgrid[:40, :40] - np.array([20, 24])[:, None, None])) > 8] = 0
    heart[3][20:24, 4:14] = 3
    order = slice(None, None, -1) if upside_down else slice(None)
    cleaned = clean(heart[order].copy())[order]
    assert not cleaned[0].any()
    assert (cleaned[4] == 3).any()


def test_an_atrium_at_the_base_goes(heart):
    wrong = heart.copy()
    wrong[0] = 0
    wrong[0, 14:22, 20:28] = 1
    cleaned = clean(wrong)
    assert not cleaned[0].any()
    np.testing.assert_array_equal(cleaned[1:], heart[1:])


def test_a_right_ventricle_that_shrinks_at_its_base_has_left_that_slice(heart):
    systole = heart.copy()
    systole[:2, :18][systole[:2, :18] == 3] = 0
    phases = clean_masks(np.stack([heart, systole]), pixel_mm2=2.25)
    np.testing.assert_array_equal(phases[0], heart)
    assert not (phases[1, 0] == 3).any()
    assert (phases[1, 1] == 3).any()
    assert (phases[1, 0] == 1).any()
