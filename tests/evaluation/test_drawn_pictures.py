import numpy as np
import pytest
from decoded import pixels

from cardiolens.evaluation.pictures import bulls_eyes, reconstruction, similarity_maps

DPI = 100
MM = DPI / 25.4
INK = 200
"""Darker than every line of the paper's grid."""


def _ink(png: bytes) -> np.ndarray:
    return pixels(png).max(axis=2) < INK


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
