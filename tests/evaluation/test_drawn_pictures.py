import numpy as np
import pytest
from decoded import pixels

from cardiolens.evaluation.pictures import bulls_eyes, ecg_paper, reconstruction, similarity_maps
from cardiolens.types import LEADS

DPI = 100
MM = DPI / 25.4
INK = 200
"""Darker than every line of the paper's grid."""


def _ink(png: bytes) -> np.ndarray:
    return pixels(png).max(axis=2) < INK


def test_ecg_paper_has_its_true_size():
    height, width, _ = pixels(ecg_paper(np.zeros((12, 5000), np.float32), dpi=DPI)).shape
    assert (width / MM, height / MM) == pytest.approx((270, 130), abs=0.5)


@pytest.mark.parametrize("name", ["II", "V6"])
def test_one_millivolt_is_ten_millimetres_in_the_leads_own_place(name):
    flat = np.zeros((12, 5000), np.float32)
    raised = flat.copy()
    raised[LEADS.index(name)] = 1.0
    before, after = _ink(ecg_paper(flat, dpi=DPI)), _ink(ecg_paper(raised, dpi=DPI))
    row, column = {"II": (1, 0), "V6": (2, 3)}[name]
    middle = round((15 + (column + 0.5) * 62.5) * MM)
    window = slice(round((5 + row * 30 + 3) * MM), round((5 + (row + 1) * 30) * MM))
    heights = [np.flatnonzero(picture[window, middle]).mean() for picture in (before, after)]
    assert heights[0] - heights[1] == pytest.approx(10 * MM, abs=1.5)


def test_a_second_is_twenty_five_millimetres():
    spikes = np.zeros((12, 5000), np.float32)
    spikes[LEADS.index("II"), [1000, 1500]] = 1.0
    picture = _ink(ecg_paper(spikes, dpi=DPI))
    above = picture[round((5 + 3 * 30 + 8) * MM) : round((5 + 3 * 30 + 13) * MM), round(30 * MM) :].any(axis=0)
    columns = np.flatnonzero(above)
    first, second = (peak.mean() for peak in np.split(columns, 1 + np.flatnonzero(np.diff(columns) > 5)))
    assert second - first == pytest.approx(25 * MM, abs=1.5)


@pytest.mark.parametrize("samples", [1, 2500, 4999, 9000])
def test_recordings_of_any_length_are_drawn(samples):
    signal = np.random.default_rng(0).normal(size=(12, samples)).astype(np.float32)
    signal[3, :5] = np.nan
    assert _ink(ecg_paper(signal, dpi=40)).any()


def test_the_same_input_gives_the_same_bytes():
    signal = np.random.default_rng(1).normal(size=(12, 500)).astype(np.float32)
    assert ecg_paper(signal, dpi=40) == ecg_paper(signal, dpi=40)


def test_hidden_patches_are_shaded():
    signal = np.random.default_rng(2).normal(size=(12, 100)).astype(np.float32)
    hidden = np.zeros((12, 4), bool)
    shade = np.array([236, 236, 236])
    shares = []
    for covered in (0, 2, 4):
        hidden[:, :covered] = True
        picture = pixels(reconstruction(signal, signal, hidden, leads=("I", "V2")))
        shares.append((picture == shade).all(axis=2).mean())
    assert shares[0] < 0.1 * shares[1] < 0.1 * shares[2]


def test_a_similarity_of_nothing_leaves_the_overlay_grey_and_a_strong_one_colours_it():
    pictures = np.random.default_rng(3).integers(0, 255, (1, 30, 30)).astype(np.uint8)

    def colour_in_the_middle_panel(cosine: float) -> float:
        picture = pixels(similarity_maps(pictures, np.full((1, 30, 30), cosine, np.float32)))
        height, width, _ = picture.shape
        middle = picture[height // 3 : 2 * height // 3, round(0.38 * width) : round(0.5 * width)]
        return float(np.ptp(middle, axis=2).mean())

    assert colour_in_the_middle_panel(0.0) < 8
    assert colour_in_the_middle_panel(0.9) > 50


def test_bulls_eyes_take_one_set_of_segments_each():
    values = [np.linspace(6, 9, 17), np.linspace(-22, -15, 17)]
    one = pixels(bulls_eyes(values[:1], titles=["wall"], units=["mm"]))
    two = pixels(bulls_eyes(values, titles=["wall", "strain"], units=["mm", "%"]))
    assert two.shape[1] == pytest.approx(2 * one.shape[1], abs=2)
    assert two.shape[0] == one.shape[0]
