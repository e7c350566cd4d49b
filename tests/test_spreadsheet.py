import pytest

from cardiolens.spreadsheet import harmless


@pytest.mark.parametrize("cell", ["=cmd|calc!A1.xml", "+1+2", "-file.xml", "@SUM(A1)", "=1"])
def test_what_looks_like_a_formula_becomes_text_once(cell):
    assert harmless(cell) == f"'{cell}"
    assert harmless(harmless(cell)) == harmless(cell)


@pytest.mark.parametrize("cell", ["", "-1.5", "+2", "-1e-05", "-inf", "ecg.xml", "a=b", "'=1"])
def test_numbers_and_other_text_stay(cell):
    assert harmless(cell) == cell
