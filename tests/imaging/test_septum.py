import numpy as np
import pytest
from analytic_hearts import RADII_MM, circle_heart, flipped

from cardiolens.imaging.contours import trace_ventricle
from cardiolens.imaging.septum import MeanSeptum, ReferenceSeptum


def error_degrees(heart, rule, *, true_degrees, mirrored=False):
    """How far the septum is found from where it is, clockwise in the picture."""
    masks = heart.masks[0]
    contours = trace_ventricle(masks, spacing_mm=heart.spacing_mm)
    down, right = rule.direction(masks, contours, slices=(3, 4, 5), spacing_mm=heart.spacing_mm)
    found = np.degrees(np.arctan2(-right if mirrored else right, -down))
    return (found - true_degrees + 180) % 360 - 180


@pytest.mark.parametrize("degrees", range(0, 360, 15))
def test_the_septum_is_found_within_three_degrees_in_every_direction(degrees):
    heart = circle_heart(septum_degrees=float(degrees))
    assert abs(error_degrees(heart, MeanSeptum(), true_degrees=degrees)) < 2.5
    assert abs(error_degrees(flipped(heart, 3), MeanSeptum(), true_degrees=degrees, mirrored=True)) < 2.5


def test_the_rule_of_the_reference_fails_where_the_septum_lies_towards_the_first_column():
    """Its errors are those measured with the reference's own contour library (directions from the last column)."""
    from_last_column = {0: 0, 60: 0, 90: 0, -90: 0, 135: 24, 150: 39, 165: 51, -150: -36, -135: -21}
    for degrees, error in from_last_column.items():
        clockwise = 90.0 - degrees
        found = error_degrees(circle_heart(septum_degrees=clockwise), ReferenceSeptum(), true_degrees=clockwise)
        assert abs(abs(found) - abs(error)) < 13, degrees
        assert abs(error) < 10 or np.sign(found) == np.sign(error), degrees


@pytest.mark.parametrize("rule", [MeanSeptum(), ReferenceSeptum()])
def test_without_a_right_cavity_nearby_there_is_no_septum(rule):
    heart = circle_heart()
    masks = heart.masks[0].copy()
    masks[masks == 3] = 0
    masks[:, 60:, 60:] = 3
    contours = trace_ventricle(masks, spacing_mm=heart.spacing_mm)
    assert rule.direction(masks, contours, slices=(3, 4, 5), spacing_mm=heart.spacing_mm) is None


def test_a_small_gap_between_right_cavity_and_wall_does_not_turn_the_septum():
    heart = circle_heart(septum_degrees=240.0)
    rows, columns = np.mgrid[:64, :64] * 2.0
    away = np.hypot(rows - 60.3, columns - 66.1)
    for plane, radius in zip(heart.masks[0], RADII_MM, strict=True):
        plane[(plane == 3) & (away < radius + 11)] = 0
    assert abs(error_degrees(heart, MeanSeptum(), true_degrees=240)) < 4
