import numpy as np
import pytest
from numpy.testing import assert_allclose

from cardiolens.errors import BadOption
from cardiolens.imaging.contours import ContourConfig, centroids_mm, perimeter_mm, trace_border, trace_ventricle

PLACES = np.random.default_rng(3).uniform(-1, 1, (20, 2))


def ellipse(half_mm, centre_mm, pixel_mm, turn=0.0, size=(80, 85)):
    rows, columns = np.mgrid[: size[0], : size[1]]
    down, across = rows * pixel_mm[0] - centre_mm[0], columns * pixel_mm[1] - centre_mm[1]
    along = np.cos(turn) * down + np.sin(turn) * across
    beside = np.cos(turn) * across - np.sin(turn) * down
    return (along / half_mm[0]) ** 2 + (beside / half_mm[1]) ** 2 < 1


@pytest.mark.parametrize("pixel_mm", [(1.0, 1.0), (1.8, 1.8), (2.0, 1.5)])
@pytest.mark.parametrize("radius_mm", [6.0, 20.0])
def test_the_radius_of_a_circle_is_right_in_the_mean_and_at_every_point_within_half_a_pixel(radius_mm, pixel_mm):
    errors = []
    for shift in PLACES:
        centre = np.array([45.0, 50.0]) + shift
        border = trace_border(ellipse((radius_mm, radius_mm), centre, pixel_mm), pixel_mm=pixel_mm)
        errors.append(np.linalg.norm(border - centre, axis=1) - radius_mm)
    assert abs(np.mean(errors)) < 0.05
    assert np.abs(np.mean(errors, axis=1)).max() < 0.4
    assert np.std(errors) < 0.3
    assert np.abs(errors).max() < 0.6 * max(pixel_mm)


@pytest.mark.parametrize("pixel_mm", [1.0, 1.4, 2.0])
def test_points_lie_on_an_ellipse_without_a_bias_at_its_ends(pixel_mm):
    out_of_line = []
    for k, shift in enumerate(PLACES):
        centre, turn = np.array([40.0, 45.0]) + shift, 0.3 * k
        half = np.array([25.0, 18.0])
        inside = ellipse(half, centre, (pixel_mm, pixel_mm), turn, (int(85 / pixel_mm), int(95 / pixel_mm)))
        away = trace_border(inside, pixel_mm=(pixel_mm, pixel_mm)) - centre
        along = np.stack([np.cos(turn) * away[:, 0] + np.sin(turn) * away[:, 1],
                          np.cos(turn) * away[:, 1] - np.sin(turn) * away[:, 0]], axis=1)  # fmt: skip
        share = np.linalg.norm(along / half, axis=1)
        at_ends = np.abs(along[:, 0]) > 22
        radius = np.linalg.norm(along, axis=1)
        out_of_line.append([(radius * (1 - 1 / share)).mean(), (radius * (1 - 1 / share))[at_ends].mean()])
    assert np.abs(np.mean(out_of_line, axis=0)).max() < 0.1


def test_a_border_encloses_the_area_of_its_pixels_at_equal_steps():
    inside = ellipse((14.0, 22.0), (50.0, 48.0), (1.5, 1.5), 0.7)
    border = trace_border(inside, pixel_mm=(1.5, 1.5), config=ContourConfig(points=300))
    following = np.roll(border, -1, axis=0)
    area = 0.5 * abs((border[:, 0] * following[:, 1] - border[:, 1] * following[:, 0]).sum())
    assert area == pytest.approx(inside.sum() * 2.25, rel=2e-3)
    steps = np.linalg.norm(following - border, axis=1)
    assert np.ptp(steps) < 0.02 * steps.mean()


def test_the_largest_piece_counts_and_its_holes_are_filled():
    whole = ellipse((15.0, 15.0), (45.0, 50.0), (1.5, 1.5))
    torn = whole.copy()
    torn[28:31, 32:34] = False
    torn[2:5, 2:5] = True
    assert_allclose(trace_border(torn, pixel_mm=(1.5, 1.5)), trace_border(whole, pixel_mm=(1.5, 1.5)))


def test_a_piece_that_reaches_the_edge_of_the_picture_has_a_closed_border():
    inside = np.ones((10, 12), dtype=bool)
    border = trace_border(inside, pixel_mm=(1.0, 1.0), config=ContourConfig(smoothing_pixels=0.0))
    assert_allclose(border.min(axis=0), [-0.5, -0.5], atol=0.1)
    assert_allclose(border.max(axis=0), [9.5, 11.5], atol=0.1)


@pytest.mark.parametrize("num_pixels", [0, 3])
def test_too_few_pixels_have_no_border(num_pixels):
    inside = np.zeros((8, 8), dtype=bool)
    inside[4, :num_pixels] = True
    assert np.isnan(trace_border(inside, pixel_mm=(1.0, 1.0))).all()


def test_the_outer_border_goes_round_cavity_and_wall():
    away = np.hypot(*(np.mgrid[:50, :50] - 24.3))
    plane = np.where(away < 10, 1, np.where(away < 15, 2, 0)).astype(np.uint8)
    contours = trace_ventricle(np.stack([plane, np.zeros_like(plane)]), spacing_mm=(10.0, 1.4, 1.4))
    assert np.linalg.norm(contours.endo_mm[0] - 24.3 * 1.4, axis=1).mean() == pytest.approx(14, abs=0.15)
    assert np.linalg.norm(contours.epi_mm[0] - 24.3 * 1.4, axis=1).mean() == pytest.approx(21, abs=0.15)
    assert contours.endo_length_mm()[0] == pytest.approx(2 * np.pi * 14, rel=0.02)
    assert np.isnan(contours.endo_mm[1]).all()


def test_middle_and_length_of_a_polygon():
    # Three quarters of a square of side 2: the middle of the points is not that of the area.
    corner = np.array([[0, 0], [2, 0], [2, 1], [1, 1], [1, 2], [0, 2]], dtype=float) + 1000
    assert_allclose(centroids_mm(corner[None]) - 1000, [[5 / 6, 5 / 6]])
    assert_allclose(perimeter_mm(corner[None]), [8])


@pytest.mark.parametrize("wrong", [{"points": 15}, {"points": 1001}, {"smoothing_pixels": -0.1}, {"smoothing_pixels": 5.1}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(BadOption, match=f"ContourConfig.{next(iter(wrong))}"):
        ContourConfig(**wrong)
