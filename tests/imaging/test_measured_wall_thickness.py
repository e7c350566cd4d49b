import numpy as np
import pytest
from analytic_hearts import RADII_MM, circle_heart
from numpy.testing import assert_allclose

from cardiolens.imaging.contours import trace_ventricle
from cardiolens.imaging.heart_frame import find_frame
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.imaging.wall_thickness import WALL_COLUMNS, WallThickness, distance_to_curve_mm, measure_wall


def measure(heart):
    masks = heart.masks[0]
    contours = trace_ventricle(masks, spacing_mm=heart.spacing_mm)
    frame = find_frame(masks, contours, heart.geometry, spacing_mm=heart.spacing_mm, source="scan")
    return measure_wall(masks, contours, frame)


def test_the_columns_are_those_of_the_61():
    assert PHENOTYPE_COLUMNS[10:27] == WALL_COLUMNS


def test_the_distance_to_a_curve_counts_its_straight_pieces():
    square = np.array([[0.0, 0.0], [0.0, 10.0], [10.0, 10.0], [10.0, 0.0]])
    points = np.array([[5.0, 4.0], [-3.0, -4.0], [10.0, 5.0], [7.0, 11.5]])
    assert_allclose(distance_to_curve_mm(points, square), [4, 5, 0, 1.5], atol=1e-9)


@pytest.mark.parametrize("pixel_mm", [1.0, 1.4, 2.0])
@pytest.mark.parametrize("wall_mm", [5.0, 9.0])
def test_a_wall_of_one_thickness_has_it_in_every_segment(pixel_mm, wall_mm):
    walls = [
        measure(circle_heart(pixel_mm=pixel_mm, pixels=int(130 / pixel_mm), wall_mm=wall_mm, centre_mm=centre))
        for centre in ((60.3, 66.1), (61.0, 65.2), (59.4, 65.5))
    ]
    assert np.mean([wall.global_mm for wall in walls]) == pytest.approx(wall_mm, abs=0.1)
    assert np.abs([wall.segments_mm - wall_mm for wall in walls]).max() < 0.3 * pixel_mm
    assert walls[0].reasons == {}
    assert list(walls[0].by_column()) == list(WALL_COLUMNS)


def test_a_wall_that_is_thicker_on_the_septum_is_so_in_the_septal_segments():
    heart = circle_heart(septum_degrees=270.0, pixel_mm=1.4, pixels=92)
    rows, columns = np.mgrid[:92, :92] * 1.4
    up, right = 60.3 - rows, columns - 66.1
    septal = np.abs((np.degrees(np.arctan2(right, up)) - 270 + 180) % 360 - 180) < 60
    for plane, radius in zip(heart.masks[0], RADII_MM, strict=True):
        plane[septal & (np.hypot(up, right) < radius + 13) & (plane != 1)] = 2
    segments = measure(heart).segments_mm
    assert segments[[1, 2, 7, 8]].min() > 11.5
    assert np.abs(segments[[4, 5, 10, 11, 15]] - 9).max() < 0.5


def test_the_global_value_weighs_slices_by_the_length_of_their_cavity_border():
    thin_at_the_apex = circle_heart(pixel_mm=1.4, pixels=92)
    rows, columns = np.mgrid[:92, :92] * 1.4
    away = np.hypot(rows - 60.3, columns - 66.1)
    for plane, radius in zip(thin_at_the_apex.masks[0, 6:], RADII_MM[6:], strict=True):
        plane[(plane == 2) & (away > radius + 4.5)] = 0
    expected = (RADII_MM[:6].sum() * 9 + RADII_MM[6:].sum() * 4.5) / RADII_MM.sum()
    assert measure(thin_at_the_apex).global_mm == pytest.approx(expected, abs=0.12)


def test_where_the_cavity_has_no_wall_the_opening_is_no_thin_wall():
    heart = circle_heart(septum_degrees=270.0, pixel_mm=1.4, pixels=92)
    rows, columns = np.mgrid[:92, :92] * 1.4
    # 270 degrees is the septum, so the anterior wall is on top.
    opening = (columns > 60) & (columns < 72) & (rows < 60.3)
    heart.masks[0, 0][opening & (heart.masks[0, 0] == 2)] = 0
    assert measure(heart).segments_mm[0] == pytest.approx(9, abs=0.4)


def test_a_segment_without_wall_is_missing_with_a_reason():
    heart = circle_heart(septum_degrees=270.0)
    rows, columns = np.mgrid[:64, :64] * 2.0
    up, right = 60.3 - rows, columns - 66.1
    lateral = np.abs(np.degrees(np.arctan2(right, up)) - 90) < 50
    heart.masks[0, 5:][(heart.masks[0, 5:] == 2) & lateral & (right > 0)] = 0
    wall = measure(heart)
    assert np.flatnonzero(np.isnan(wall.segments_mm)).tolist() == [15]
    assert wall.reasons == {"wt_aha_16_mm": "no wall along the cavity in segment 16 at end-diastole"}
    assert np.isfinite(wall.global_mm)


def test_a_missing_wall_says_why_in_every_column():
    wall = WallThickness.missing("too few slices")
    assert np.isnan(list(wall.by_column().values())).all()
    assert wall.reasons == dict.fromkeys(WALL_COLUMNS, "too few slices")
