from dataclasses import replace

import numpy as np
import pytest
from analytic_hearts import circle_heart, flipped, oblique, transposed
from numpy.testing import assert_allclose

from cardiolens.errors import BadImage
from cardiolens.imaging.contours import trace_ventricle
from cardiolens.imaging.heart_frame import aha_segments, find_frame, levels_of, strain_places
from cardiolens.imaging.septum import ReferenceSeptum


def frame_of(heart, **options):
    masks = heart.masks[0]
    contours = trace_ventricle(masks, spacing_mm=heart.spacing_mm)
    return find_frame(masks, contours, heart.geometry, spacing_mm=heart.spacing_mm, source="scan", **options)


def test_a_border_belongs_to_the_segment_above_it_in_angle():
    degrees = np.array([-30.0, 29.9, 30.0, 90.0, 150.0, 180.0, -180.0, -150.1, -150.0, -90.0, -30.1, 0.0])
    round_the_base = [1, 1, 2, 3, 4, 4, 4, 4, 5, 6, 6, 1]
    assert aha_segments(0, degrees).tolist() == round_the_base
    assert aha_segments(1, degrees).tolist() == [k + 6 for k in round_the_base]
    apical = np.array([-45.0, 44.9, 45.0, 135.0, 180.0, -180.0, -135.1, -135.0, -45.1])
    assert aha_segments(2, apical).tolist() == [13, 13, 14, 15, 15, 15, 15, 16, 16]


@pytest.mark.parametrize(
    ("num_slices", "thirds", "strain"),
    [(6, (2, 2, 2), (1, 2, 4)), (7, (3, 2, 2), (2, 3, 4)), (8, (3, 3, 2), (2, 4, 5)), (9, (3, 3, 3), (2, 4, 6)),
     (10, (4, 3, 3), (2, 4, 7)), (11, (4, 4, 3), (2, 5, 8)), (12, (4, 4, 4), (3, 6, 8))],
)  # fmt: skip
def test_levels_and_slices_of_strain_are_those_of_the_reference(num_slices, thirds, strain):
    levels = levels_of(num_slices)
    assert tuple(levels.count(level) for level in (0, 1, 2)) == thirds
    assert list(levels) == sorted(levels)
    assert strain_places(num_slices) == strain


def points_round(centre_mm, radius_mm, clockwise):
    radians = np.radians(clockwise)
    return np.array(centre_mm) + radius_mm * np.stack([-np.cos(radians), np.sin(radians)], axis=1)


def far_from_borders(level, degrees):
    between, first = (90, 45) if level == 2 else (60, 30)
    away = (degrees - first) % between
    return np.minimum(away, between - away) > 3


@pytest.mark.parametrize("septum", range(0, 360, 15))
def test_segments_are_exact_outside_three_degrees_of_a_border_whatever_the_septums_direction(septum):
    """Seen from the apex, the anterior wall follows the septum's middle a quarter turn clockwise."""
    clockwise = np.arange(360.0)
    heart = circle_heart(septum_degrees=float(septum))
    points = points_round((60.3, 66.1), 25.0, clockwise)
    mirrored = points * [1, -1] + [0, 63 * 2.0]
    degrees = (septum + 90 - clockwise + 180.0) % 360 - 180
    for placed, there in ((heart, points), (flipped(heart, 3), mirrored), (transposed(heart), points[:, ::-1])):
        frame = frame_of(placed)
        for place, level in enumerate(frame.levels):
            sure = far_from_borders(level, degrees)
            assert (frame.segments(place, there) == aha_segments(level, degrees))[sure].all()


def test_the_rule_of_the_reference_puts_points_into_wrong_segments():
    heart = circle_heart(septum_degrees=285.0)
    points = points_round((60.3, 66.1), 25.0, np.arange(360.0))
    wrong = frame_of(heart, septum=ReferenceSeptum()).segments(0, points) != frame_of(heart).segments(0, points)
    assert wrong.mean() > 0.5


def test_directions_are_the_patients():
    frame = frame_of(circle_heart(septum_degrees=270.0))
    assert_allclose(frame.apex_to_base, -np.array(oblique().along_slices), atol=1e-9)
    assert_allclose(frame.to_septum, -np.array(oblique().along_row), atol=0.05)
    assert_allclose(frame.to_anterior, -np.array(oblique().along_column), atol=0.05)
    assert_allclose(frame.centres_mm, np.tile([60.3, 66.1], (8, 1)), atol=0.3)
    assert frame.notes == ()


def test_slices_go_from_base_to_apex_from_whichever_end_they_are_stored():
    heart = circle_heart()
    upright, reversed_ = frame_of(heart), frame_of(flipped(heart, 1))
    assert upright.slices == tuple(range(8))
    assert reversed_.slices == tuple(range(7, -1, -1))
    assert (upright.levels, upright.strain_slices, reversed_.strain_slices) == ((0, 0, 0, 1, 1, 1, 2, 2), (2, 4, 5), (5, 3, 2))
    assert_allclose(upright.apex_to_base, reversed_.apex_to_base)


@pytest.mark.parametrize(
    ("head", "endo_mm", "base_first", "found_by", "noted"),
    [
        (0.5, (23, 23, 22, 20, 17, 13), True, "the head's direction and the ventricle's areas", False),
        (0.0, (23, 23, 22, 20, 17, 13), True, "the ventricle's areas", False),
        (0.0, (13, 17, 20, 22, 23, 23), False, "the ventricle's areas", False),
        (0.5, (22, 22, 22, 22, 22.2, 22.2), True, "the head's direction", False),
        (-0.5, (23, 23, 22, 20, 17, 13), True, "the ventricle's areas", True),
        (0.0, (22, 22, 22, 22, 22, 22), True, "the ventricle's areas", True),
    ],
)
def test_the_base_is_found_by_the_heads_direction_and_by_areas(head, endo_mm, base_first, found_by, noted):
    heart = circle_heart(endo_mm=tuple(map(float, endo_mm)), geometry=oblique(head=head))
    frame = frame_of(heart)
    assert (frame.slices[0] == 0) == base_first
    assert frame.base_found_by == found_by
    assert bool(frame.notes) == noted


def test_a_mirrored_stack_is_noted():
    heart = circle_heart()
    mirrored = replace(heart, masks=np.ascontiguousarray(heart.masks[..., ::-1]))
    assert frame_of(mirrored).notes == ("the anterior wall points to the feet; the stack's orientation may be mirrored",)


def without(label, slices):
    heart = circle_heart()
    part = heart.masks[0, slices]
    part[part == label] = 0
    return heart


@pytest.mark.parametrize(
    ("heart", "found"),
    [
        (without(3, slice(None)), "0 pixels of right cavity"),
        (without(3, slice(3, 6)), "no right cavity beside the left ventricle at mid level"),
        (without(2, slice(0, 3)), "5 slices with cavity and wall"),
        (without(1, slice(4, 5)), "a gap between slices"),
    ],
)
def test_masks_that_give_no_frame_are_refused_with_what_is_missing(heart, found):
    with pytest.raises(BadImage, match=f"scan: found {found}"):
        frame_of(heart)
