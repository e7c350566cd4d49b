import numpy as np
import pytest

from cardiolens.errors import BadOption
from cardiolens.imaging.basal_rule import AsLabelled, EnclosedCavity, enclosed_share

PIXEL_MM = (1.5, 1.5)


def plane(walled_degrees):
    """A cavity with wall beside it over so many degrees, and right cavity all over the left half."""
    rows, columns = np.mgrid[:40, :40]
    up, right = 19.7 - rows, columns - 20.2
    away, angle = np.hypot(up, right), np.degrees(np.arctan2(up, right)) % 360
    out = np.where(columns < 8, 3, 0)
    out[(away < 11) & (angle < walled_degrees)] = 2
    out[away < 8] = 1
    return out.astype(np.uint8)


def stack(*walled_degrees):
    return np.stack([plane(degrees) for degrees in walled_degrees])[None]


@pytest.mark.parametrize("degrees", [0, 90, 180, 270, 360])
def test_the_share_of_the_rim_with_wall_beside_it_is_that_of_the_circle(degrees):
    assert enclosed_share(stack(degrees), pixel_mm=PIXEL_MM)[0, 0] == pytest.approx(degrees / 360, abs=0.05)


def test_the_share_counts_millimetres_not_pixels():
    masks = np.zeros((1, 1, 6, 9), np.uint8)
    masks[0, 0, 2:4, 2:7] = 1
    masks[0, 0, 4, 2:7] = 2
    assert enclosed_share(masks, pixel_mm=(3.0, 1.0))[0, 0] == pytest.approx(5 / 22)
    masks[0, 0, 4] = 0
    masks[0, 0, 2:4, 7] = 2
    assert enclosed_share(masks, pixel_mm=(3.0, 1.0))[0, 0] == pytest.approx(6 / 22)


def test_a_rim_at_the_edge_of_the_picture_has_no_wall():
    masks = np.zeros((1, 2, 4, 4), np.uint8)
    masks[0, 0, :, :2], masks[0, 0, :, 2] = 1, 2
    assert enclosed_share(masks, pixel_mm=PIXEL_MM)[0].tolist() == pytest.approx([1 / 3, 0])


def test_slices_fall_away_from_either_end_until_half_of_the_rim_is_walled():
    masks = stack(90, 170, 200, 90, 360, 350, 100)
    kept = EnclosedCavity().applied(masks, pixel_mm=PIXEL_MM)
    assert np.flatnonzero((kept == 1).any(axis=(2, 3))[0]).tolist() == [2, 3, 4, 5]
    assert not np.isin(kept[0, [0, 1, 6]], [1, 2]).any()
    np.testing.assert_array_equal(kept == 3, masks == 3)
    assert (masks[0, 0] == 1).any()


def test_every_phase_is_judged_alone():
    masks = np.concatenate([stack(360, 360), stack(90, 360)])
    kept = EnclosedCavity().applied(masks, pixel_mm=PIXEL_MM)
    assert (kept == 1).any(axis=(2, 3)).tolist() == [[True, True], [False, True]]


def test_wall_without_a_cavity_stays():
    masks = stack(360, 360)
    masks[0, 1][masks[0, 1] == 1] = 2
    np.testing.assert_array_equal(EnclosedCavity().applied(masks, pixel_mm=PIXEL_MM), masks)


def test_as_labelled_everything_counts():
    masks = stack(90, 0, 360)
    np.testing.assert_array_equal(AsLabelled().applied(masks, pixel_mm=PIXEL_MM), masks)


def test_a_share_above_one_is_refused():
    with pytest.raises(BadOption, match="least_enclosed"):
        EnclosedCavity(least_enclosed=1.5)
