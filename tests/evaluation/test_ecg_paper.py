import numpy as np
import pytest
from decoded import pixels

from cardiolens.evaluation.ecg_paper import ecg_paper, ecg_paper_svg
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


def test_a_heading_stands_above_the_paper_and_leaves_it_as_it_was():
    signal = np.random.default_rng(1).normal(size=(12, 5000)).astype(np.float32)
    bare, headed = (pixels(ecg_paper(signal, dpi=DPI, heading=heading)) for heading in ((), ("A", "B " * 100)))
    lines_mm = (len(headed) - len(bare)) / MM
    assert lines_mm == pytest.approx(3 * 4.5 + 2, abs=0.5)
    assert np.abs(headed[-len(bare) + 5 :].astype(int) - bare[5:]).mean() < 3


def test_an_absent_lead_shows_no_line():
    signal = np.zeros((12, 5000), np.float32)
    signal[LEADS.index("V6")] = 1.0
    shown, absent = (_ink(ecg_paper(signal, dpi=DPI, absent=leads)) for leads in ((), ("V6",)))
    row = slice(round((5 + 2 * 30 + 5) * MM), round((5 + 2 * 30 + 8) * MM))
    columns = slice(round((15 + 3 * 62.5 + 15) * MM), round(260 * MM))
    assert shown[row, columns].any()
    assert not absent[row, columns].any()


def test_a_vector_picture_is_the_same_every_time_and_names_no_machine():
    signal = np.random.default_rng(1).normal(size=(12, 500)).astype(np.float32)
    svg = ecg_paper_svg(signal, heading=("a <b>",))
    assert svg == ecg_paper_svg(signal, heading=("a <b>",))
    assert svg.startswith(b"<?xml")
    assert b"<dc:date>" not in svg


def test_a_lead_far_off_is_brought_back_to_its_row_and_nothing_is_drawn_over_the_heading():
    signal = np.zeros((12, 5000), np.float32)
    signal[LEADS.index("V6"), ::250] = 1.0
    level, far = (_ink(ecg_paper(signal + offset, dpi=DPI)) for offset in (np.float32(0), np.float32(100)))
    np.testing.assert_array_equal(level, far)
    tall = signal.copy()
    tall[LEADS.index("I"), 10:400] = np.linspace(0, 50, 390)
    plain, drawn = (_ink(ecg_paper(one, dpi=DPI, heading=("A", "B"))) for one in (signal, tall))
    above = slice(0, round(9 * MM))
    np.testing.assert_array_equal(plain[above], drawn[above])
