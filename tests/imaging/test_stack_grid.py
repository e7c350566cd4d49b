import numpy as np
import pytest

from cardiolens.imaging.stack_grid import Window, cut_out, heart_middle, put_back, with_neighbours


def ramp(height=40, width=50):
    return (np.arange(height)[:, None] + 2 * np.arange(width)[None]).astype(np.float32)


def test_a_window_of_the_same_pixels_is_a_plain_cut():
    cut = cut_out(ramp()[None], Window((20.0, 25.0), (1.0, 1.0), 16))
    np.testing.assert_allclose(cut[0], ramp()[12:28, 17:33])


def test_new_pixels_lie_where_their_millimetres_are():
    cut = cut_out(ramp()[None], Window((20.0, 25.0), (1.4, 0.7), 10))[0]
    rows = 20.0 + (np.arange(10) - 4.5) * 1.4 - 0.5
    columns = 25.0 + (np.arange(10) - 4.5) * 0.7 - 0.5
    np.testing.assert_allclose(cut, rows[:, None] + 2 * columns[None], rtol=1e-5)


def test_outside_the_picture_is_nothing():
    cut = cut_out(np.ones((1, 10, 10), np.float32), Window((0.0, 0.0), (1.0, 1.0), 8))[0]
    assert cut[:4].max() == 0
    assert cut[5:, 5:].min() == 1


def test_what_was_cut_out_can_be_put_back():
    window = Window((20.0, 25.0), (1.0, 1.0), 16)
    back = put_back(cut_out(ramp()[None], window), window, height=40, width=50)[0]
    np.testing.assert_allclose(back[12:28, 17:33], ramp()[12:28, 17:33])
    assert back[:11].max() == 0


def test_a_smooth_picture_survives_both_ways_at_another_spacing():
    y, x = np.mgrid[:60, :60]
    smooth = np.exp(-((y - 30) ** 2 + (x - 30) ** 2) / 200).astype(np.float32)
    window = Window((30.0, 30.0), (1.2, 0.8), 80)
    back = put_back(cut_out(smooth[None], window), window, height=60, width=60)[0]
    np.testing.assert_allclose(back[15:45, 15:45], smooth[15:45, 15:45], atol=0.01)


def test_the_last_slice_is_its_own_neighbour():
    frames = np.arange(4, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    assert with_neighbours(frames, range(4))[:, :, 0, 0].tolist() == [[0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 3]]


@pytest.mark.parametrize("place", [(30, 44), (50, 36)])
def test_the_heart_is_found_and_a_bright_thing_at_the_edge_is_not(place):
    heart = np.zeros((3, 80, 80), np.float32)
    heart[:, place[0] - 8 : place[0] + 9, place[1] - 8 : place[1] + 9] = 1
    heart[0, :6, :6] = 1
    assert heart_middle(heart, reach=14) == place


def test_where_nothing_is_found_the_middle_is_taken():
    assert heart_middle(np.zeros((2, 60, 40), np.float32), reach=10) == (30, 20)
